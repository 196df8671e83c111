-- Jobs that are tried again, by themselves and by hand.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local LOCAL = 'resource "local" { scheduler = "local", poll_ms = 500, options = { cores = 2, linger = 1 } }\n'

for _, workers in ipairs { 1, 2 } do
  describe(("retries, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers,
        resources = LOCAL .. 'resource "fake" { scheduler = "fake", poll_ms = 100, lost_ms = 300 }' }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    -- Ends well in a given attempt, badly in those before.
    local function good_in(attempt, more)
      local spec = { script = ('echo "$ORRERY_DIRECTORY"; exit $((${ORRERY_DIRECTORY##*/} < %d))'):format(attempt), resource = "local" }
      for name, value in pairs(more or {}) do spec[name] = value end
      return s:make("/v1/simulations/" .. simulation .. "/jobs", spec).id
    end

    -- What the history tells, in one line; whether a job was seen to be ACTIVE is left to chance.
    local function told(id)
      local list = {}
      for _, event in ipairs(s:all("/v1/jobs/" .. id .. "/history")) do
        if event.type == "job.retry" then list[#list + 1] = ("retry %d %s"):format(event.attempt, event.reason)
        elseif event.to ~= "ACTIVE" then list[#list + 1] = event.to end
      end
      return table.concat(list, " ")
    end

    local function ask(id) return s:make("/v1/jobs/" .. id .. "/retry", nil, { status = 202 }) end

    it("a job is tried again until it is well, each time in a directory of its own", function()
      local id = good_in(3, { retries = { count = 5, reasons = { "EXIT_CODE" } } })
      local first = process.eventually("the first failure", function()
        local it = s:read("/v1/jobs/" .. id)
        return it.reason == "BACKOFF" and it
      end)
      assert.same({ "PENDING", 1, "attempt 1 failed: exited with code 1", http.null, http.null, http.null },
        { first.state, first.attempt, first.message, first.native_id, first.exit_code, first.ended_at })
      assert.is_string(first.due_at)
      local done = s:job_in(id)
      assert.same({ "COMPLETED", 3, 0, http.null }, { done.state, done.attempt, done.exit_code, done.reason })
      assert.equal("PENDING SUBMITTING QUEUED retry 1 EXIT_CODE PENDING SUBMITTING QUEUED retry 2 EXIT_CODE PENDING "
        .. "SUBMITTING QUEUED COMPLETED", told(id))
      for attempt = 1, 3 do
        local directory = done.directory:gsub("%d+$", tostring(attempt))
        assert.equal(directory .. "\n", process.read(directory .. "/stdout"))
      end
    end)

    it("a job that fails too often has failed", function()
      local id = good_in(9, { retries = { count = 1, reasons = { "EXIT_CODE" } } })
      local done = s:job_in(id)
      assert.same({ "FAILED", "EXIT_CODE", 2, 1 }, { done.state, done.reason, done.attempt, done.exit_code })
    end)

    it("a program that fails is no reason by default; what the resource did is", function()
      local failed = s:job_in(s:job(simulation, { exit_code = 1 }, { retries = { count = 3 }, resource = "fake" }).id)
      assert.same({ "FAILED", 1 }, { failed.state, failed.attempt })
      local lost = s:job_in(s:job(simulation, { vanish = true }, { retries = { count = 1 }, resource = "fake" }).id)
      assert.same({ "FAILED", "LOST", 2 }, { lost.state, lost.reason, lost.attempt })
      assert.matches("retry 1 LOST", told(lost.id))
    end)

    it("a job that waits for its next attempt can be held and cancelled", function()
      local id = s:job(simulation, { exit_code = 1 }, { retries = { count = 9, reasons = { "EXIT_CODE" } }, resource = "fake" }).id
      process.eventually("the first failure", function() return s:read("/v1/jobs/" .. id).reason == "BACKOFF" end)
      s:post("/v1/jobs/" .. id .. "/hold")
      assert.equal("HELD", s:job_in(id, "PENDING").reason)
      s:post("/v1/jobs/" .. id .. "/cancel")
      assert.equal("CANCELED", s:job_in(id).state)
    end)

    it("who depends on a job waits for its last attempt", function()
      local id = good_in(2, { retries = { count = 1, reasons = { "EXIT_CODE" } } })
      local after = s:job(simulation, nil, { depends_on = { { job = id } } }).id
      assert.equal("COMPLETED", s:job_in(after).state)
      assert.equal(2, s:read("/v1/jobs/" .. id).attempt)
    end)

    it("a sweep's jobs are tried again, each as its parameters say", function()
      local id = s:simulation()
      s:make("/v1/simulations/" .. id .. "/sweeps", { parameters = { n = { 0, 1, 2 } }, template = server.spec({ exit_code = 1 },
        { retries = { count = "${n}", reasons = { "EXIT_CODE" } }, resource = "fake" }) })
      assert.same({ total = 3, FAILED = 3 }, s:finished(id).counts)
      for i, job in ipairs(s:all("/v1/simulations/" .. id .. "/jobs")) do assert.equal(i, job.attempt) end
    end)

    it("by hand: an ended job gets another attempt and keeps its history", function()
      for _, how in ipairs { "COMPLETED", "FAILED" } do
        local id = good_in(how == "FAILED" and 2 or 1)
        assert.equal(how, s:job_in(id).state)
        local asked = ask(id)
        assert.same({ "PENDING", "RUN", 1, http.null, http.null, http.null, http.null, http.null }, { asked.state, asked.wanted,
          asked.attempt, asked.reason, asked.exit_code, asked.started_at, asked.ended_at, asked.native_id })
        local done = s:job_in(id)
        assert.same({ "COMPLETED", 2, 0 }, { done.state, done.attempt, done.exit_code })
        assert.equal(("PENDING SUBMITTING QUEUED %s PENDING SUBMITTING QUEUED COMPLETED"):format(how), told(id))
      end
    end)

    it("by hand: a cancelled job runs, in a simulation that ended", function()
      local id = s:simulation()
      local job = s:job(id, nil, { hold = true, resource = "fake" }).id
      s:post("/v1/simulations/" .. id .. "/cancel")
      assert.equal("CANCELED", s:finished(id).state)
      ask(job)
      assert.same({ total = 1, COMPLETED = 1 }, s:finished(id).counts)
      assert.equal("COMPLETED", s:read("/v1/simulations/" .. id).state)
      s:post("/v1/simulations/" .. id .. "/hold")
      assert.same({ "HOLD", "HELD" }, { ask(job).wanted, s:read("/v1/jobs/" .. job).reason })
      s:post("/v1/simulations/" .. id .. "/release")
      assert.equal("COMPLETED", s:job_in(job).state)
    end)

    it("by hand: retries are as many as at first", function()
      local id = s:job(simulation, { exit_code = 1 }, { retries = { count = 1, reasons = { "EXIT_CODE" } }, resource = "fake" }).id
      assert.equal(2, s:job_in(id).attempt)
      ask(id)
      assert.equal(4, s:job_in(id).attempt)
    end)

    it("by hand: dependants that failed stay so, and wait again when they are tried again themselves", function()
      local first = good_in(2)
      local blocker = s:job(simulation, nil, { hold = true, resource = "fake" }).id
      local second = s:job(simulation, nil, { depends_on = { { job = first }, { job = blocker } }, resource = "fake" }).id
      local third = s:job(simulation, nil, { depends_on = { { job = second } }, resource = "fake" }).id
      for _, id in ipairs { second, third } do assert.equal("DEPENDENCY", s:job_in(id).reason) end
      ask(second) -- what it depends on is still as it was
      assert.same({ "FAILED", "DEPENDENCY" }, { s:job_in(second).state, s:job_in(second).reason })
      ask(first)
      assert.equal("COMPLETED", s:job_in(first).state)
      assert.equal("FAILED", s:read("/v1/jobs/" .. second).state)
      assert.equal("DEPENDENCY", ask(second).reason)
      assert.equal("DEPENDENCY", ask(third).reason)
      process.eventually("two left", function() return s:sql "SELECT sum(waits) FROM jobs WHERE state = 'PENDING'" == "2" end)
      s:post("/v1/jobs/" .. blocker .. "/release")
      assert.equal("COMPLETED", s:job_in(third).state)
      assert.same({ 1, 1 }, { s:read("/v1/jobs/" .. second).attempt, s:read("/v1/jobs/" .. third).attempt })
    end)

    it("by hand: only what has ended, once for a key", function()
      local held = s:job(simulation, nil, { hold = true, resource = "fake" }).id
      local fresh = s:job(simulation, nil, { submit = false, resource = "fake" }).id
      for _, id in ipairs { held, fresh } do
        local response = s:post("/v1/jobs/" .. id .. "/retry")
        assert.same({ 409, "/problems/illegal-transition" }, { response.status, response.json.type })
      end
      s:post("/v1/jobs/" .. held .. "/cancel")
      s:job_in(held)
      local first = s:post("/v1/jobs/" .. held .. "/retry", nil, { key = "again" })
      local second = s:post("/v1/jobs/" .. held .. "/retry", nil, { key = "again" })
      assert.same({ 202, 202, first.body, "true" },
        { first.status, second.status, second.body, second.headers["idempotency-replayed"] })
      assert.equal(1, s:job_in(held).attempt)
    end)

    it("a specification that is wrong is refused", function()
      for pointer, wrong in pairs { ["/retries/count"] = { count = -1 }, ["/retries/reasons/0"] = { count = 1, reasons = { "BAD_LUCK" } },
        ["/retries/often"] = { often = 1 }, ["/retries"] = 3 } do
        local response = s:post("/v1/simulations/" .. simulation .. "/jobs", server.spec(nil, { retries = wrong }))
        assert.same({ 422, pointer }, { response.status, response.json.errors[1].pointer })
      end
    end)
  end)
end
