-- Signals for running jobs.
local process = require "support.process"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("signals, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers, resources = 'resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }\n'
        .. 'resource "local" { scheduler = "local", poll_ms = 500, options = { cores = 2, linger = 1, kill_grace = 1 } }' }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    local function signal(id, name, options) return s:post("/v1/jobs/" .. id .. "/signal", { name = name }, options) end

    local function output(job) return process.read(job.directory .. "/stdout") or "" end

    -- A job that writes the name of each signal, and ends well at a TERM.
    local function listener()
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { resource = "local", script = [[
        for name in HUP USR1 USR2; do trap "echo $name" $name; done
        trap 'exit 0' TERM
        echo ready
        while :; do sleep 0.05; done]] }).id
      local job = s:job_in(id, "ACTIVE")
      process.eventually("a job that listens", function() return output(job):find "ready" end)
      return id, job
    end

    it("come once each, one after the other", function()
      local id, job = listener()
      local expected = "ready\n"
      for _, name in ipairs { "USR1", "HUP", "USR1", "USR2" } do
        local response = signal(id, name)
        assert.same({ 202, "ACTIVE", "RUN" }, { response.status, response.json.state, response.json.wanted })
        expected = expected .. name .. "\n"
        process.eventually("the signal", function() return output(job) == expected end)
      end
      signal(id, "TERM")
      assert.same({ "COMPLETED", 0 }, { s:job_in(id).state, s:job_in(id).exit_code })
      assert.equal(expected, output(job))
      local names = {}
      for _, event in ipairs(s:all("/v1/jobs/" .. id .. "/history")) do
        if event.type == "job.signal" then names[#names + 1] = event.name end
      end
      assert.equal("USR1 HUP USR1 USR2 TERM", table.concat(names, " "))
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
    end)

    it("come once for an Idempotency-Key", function()
      local id, job = listener()
      for _ = 1, 3 do assert.equal(202, signal(id, "USR1", { key = "once" }).status) end
      signal(id, "USR2")
      process.eventually("the signals", function() return output(job) == "ready\nUSR1\nUSR2\n" end)
      signal(id, "KILL")
      assert.same({ "FAILED", "SIGNAL", 9 }, { s:job_in(id).state, s:job_in(id).reason, s:job_in(id).signal })
    end)

    it("are for jobs that run", function()
      local held = s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "true", resource = "local", hold = true }).id
      local function refused()
        local response = signal(held, "USR1")
        assert.same({ 409, "/problems/illegal-transition" }, { response.status, response.json.type })
      end
      refused()
      s:post("/v1/jobs/" .. held .. "/release")
      s:job_in(held)
      refused()
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
    end)

    it("have names", function()
      local id = listener()
      for _, wrong in ipairs { "SIGUSR1", "usr1", "STOP", "10", "", 10 } do
        local response = signal(id, wrong)
        assert.same({ 422, "/name" }, { response.status, response.json.errors[1].pointer }, tostring(wrong))
      end
      signal(id, "TERM")
      s:job_in(id)
    end)

    it("that a scheduler cannot send are told of in the history", function()
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true", resource = "stubborn" }).id
      s:job_in(id, "HELD")
      s:post("/v1/jobs/" .. id .. "/release")
      s:job_in(id, "ACTIVE")
      assert.equal(202, signal(id, "USR1").status)
      local told = process.eventually("the refusal", function()
        local events = s:all("/v1/jobs/" .. id .. "/history")
        return events[#events].type == "job.refused" and events[#events]
      end)
      assert.same({ "signal", "USR1", "stubborn has no signal" }, { told.verb, told.name, told.message })
      s:post("/v1/jobs/" .. id .. "/cancel")
      s:job_in(id)
    end)
  end)
end

describe("signals", function()
  it("outlive a server that is killed", function()
    local s = server.start { resources =
      'resource "local" { scheduler = "local", poll_ms = 500, options = { cores = 2, linger = 5, kill_grace = 1 } }' }
    local job = s:make("/v1/simulations/" .. s:simulation() .. "/jobs",
      { script = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done" }).id
    local active = s:job_in(job, "ACTIVE")
    process.eventually("a job that listens", function() return process.read(active.directory .. "/stdout") == "ready\n" end)
    s:stop(true)
    s:restart { resources = server.FAKE } -- its own resource is away: nobody can send it
    assert.equal(202, s:post("/v1/jobs/" .. job .. "/signal", { name = "USR1" }).status)
    s:kill()
    s:restart { resources =
      'resource "local" { scheduler = "local", poll_ms = 500, options = { cores = 2, linger = 1, kill_grace = 1 } }' }
    assert.same({ "FAILED", 7 }, { s:job_in(job).state, s:job_in(job).exit_code })
    s:stop()
  end)
end)
