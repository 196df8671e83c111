-- max_active: how many jobs of a simulation or a sweep are handed over at once.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

-- How many jobs have been handed over, by state.
local function handed_over(s, simulation)
  local counts = s:read("/v1/simulations/" .. simulation).counts
  return (counts.SUBMITTING or 0) + (counts.QUEUED or 0) + (counts.ACTIVE or 0) + (counts.SUSPENDED or 0)
end

for _, workers in ipairs { 1, 2 } do
  describe(("max_active, %d API worker(s):"):format(workers), function()
    local s

    setup(function() s = server.start { workers = workers } end)
    teardown(function() s:stop() end)

    local function limited(most) return s:make("/v1/simulations", { name = "limited", max_active = most }).id end

    local function sweep(simulation, count, most, custom)
      return s:make("/v1/simulations/" .. simulation .. "/sweeps", { max_active = most,
        template = server.spec(custom or { run_ms = 100 }), parameters = { n = { from = 1, to = count, step = 1 } } })
    end

    local function active(simulation, count)
      process.eventually(count .. " that run", function()
        return s:read("/v1/simulations/" .. simulation).counts.ACTIVE == count
      end)
      assert.equal(count, handed_over(s, simulation))
    end

    local function patch(simulation, most)
      local response = s:patch("/v1/simulations/" .. simulation, { max_active = most })
      assert.same({ 200, most }, { response.status, response.json.max_active })
    end

    local function cancel(simulation)
      s:post("/v1/simulations/" .. simulation .. "/cancel")
      s:finished(simulation)
    end

    it("no more jobs of a simulation are handed over, and all of them in the end", function()
      local id, most = limited(3), 0
      assert.equal(3, s:read("/v1/simulations/" .. id).max_active)
      local first = s:job(id, { run_ms = 100 })
      assert.equal("LIMIT", first.reason) -- until it is let through
      sweep(id, 20)
      repeat
        local now = s:read("/v1/simulations/" .. id)
        most = math.max(most, handed_over(s, id))
      until now.state ~= "ACTIVE"
      assert.same({ total = 21, COMPLETED = 21 }, s:read("/v1/simulations/" .. id).counts)
      assert.equal(3, most)
    end)

    it("those that wait say so, and others do not wait with them", function()
      local id = limited(1)
      local running = s:job(id, { run_ms = 60000 }).id
      s:job_in(running, "ACTIVE")
      sweep(id, 2000, nil, { run_ms = 0 })
      local waiting = s:all("/v1/simulations/" .. id .. "/jobs?limit=1000&state=PENDING")
      assert.equal(2000, #waiting)
      for _, job in ipairs(waiting) do assert.equal("LIMIT", job.reason) end
      assert.equal("COMPLETED", s:job_in(s:job(s:simulation()).id).state)
      cancel(id)
    end)

    it("the more urgent go first", function()
      local id = limited(1)
      local running = s:job(id, { run_ms = 60000 }).id
      s:job_in(running, "ACTIVE")
      local later, sooner = s:job(id).id, s:job(id, nil, { priority = 5 }).id
      s:post("/v1/jobs/" .. running .. "/cancel")
      s:job_in(later)
      assert.is_true(s:read("/v1/jobs/" .. sooner).ended_at <= s:read("/v1/jobs/" .. later).submitted_at)
    end)

    it("a sweep has a limit of its own, beside that of its simulation", function()
      local id = s:simulation()
      assert.equal(2, sweep(id, 10, 2, { run_ms = 60000 }).max_active)
      active(id, 2)
      local free = s:job(id, { run_ms = 60000 }).id
      s:job_in(free, "ACTIVE")
      patch(id, 4)
      sweep(id, 10, 9, { run_ms = 60000 })
      active(id, 4)
      patch(id, 20)
      active(id, 12)
      cancel(id)
    end)

    it("a simulation with jobs gets a limit, another, and none", function()
      local id = s:simulation()
      local held = {}
      for i = 1, 4 do held[i] = s:job(id, { run_ms = 60000 }, { hold = true }).id end
      for _ = 1, 3 do s:job_in(s:job(id, { run_ms = 60000 }).id, "ACTIVE") end
      sweep(id, 1200, nil, { run_ms = 60000, submit_error = "busy" })
      patch(id, 2) -- nothing is stopped for it
      process.eventually("all at the gate", function()
        return s:sql("SELECT count(*) FROM jobs WHERE gate IS NOT NULL AND simulation = (SELECT max(key) FROM simulations)") == "1204"
      end)
      assert.equal(3, s:read("/v1/simulations/" .. id).counts.ACTIVE)
      s:post("/v1/jobs/" .. held[1] .. "/release")
      process.eventually("the limit", function() return s:read("/v1/jobs/" .. held[1]).reason == "LIMIT" end)
      patch(id, http.null)
      s:job_in(held[1], "ACTIVE")
      process.eventually("no limit", function()
        return s:sql "SELECT count(*) FROM jobs WHERE gate IS NOT NULL AND wanted = 'RUN'" == "0"
      end)
      cancel(id)
    end)

    it("a job that is tried again waits at the gate again", function()
      local id = limited(1)
      local ended = s:job(id).id
      s:job_in(ended)
      local running = s:job(id, { run_ms = 60000 }).id
      s:job_in(running, "ACTIVE")
      assert.equal("LIMIT", s:make("/v1/jobs/" .. ended .. "/retry", nil, { status = 202 }).reason)
      assert.equal("PENDING", s:read("/v1/jobs/" .. ended).state)
      s:post("/v1/jobs/" .. running .. "/cancel")
      assert.equal("COMPLETED", s:job_in(ended).state)
    end)

    it("a job that waits for something else as well takes nobody's place", function()
      local id = limited(1)
      local late = s:job(id, nil, { not_before = "2999-01-01T00:00:00Z" }).id
      local held = s:job(id, nil, { hold = true }).id
      local after = s:job(id, nil, { depends_on = { { job = held } } }).id
      assert.equal("COMPLETED", s:job_in(s:job(id).id).state)
      s:post("/v1/jobs/" .. held .. "/release")
      assert.equal("COMPLETED", s:job_in(after).state)
      assert.equal("NOT_BEFORE", s:read("/v1/jobs/" .. late).reason)
      cancel(id)
    end)

    it("is a number of jobs", function()
      local id = s:simulation()
      for _, wrong in ipairs { 0, -1, 1.5, "3", 1000001 } do
        assert.equal(422, s:post("/v1/simulations", { name = "x", max_active = wrong }).status)
        assert.equal(422, s:patch("/v1/simulations/" .. id, { max_active = wrong }).status)
        assert.equal(422, s:post("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(), parameters = { n = { 1 } },
          max_active = wrong }).status)
      end
    end)
  end)
end

describe("max_active", function()
  it("holds under a server that is killed", function()
    local s = server.start()
    local id = s:make("/v1/simulations", { name = "limited", max_active = 4 }).id
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec { run_ms = 50 },
      parameters = { n = { from = 1, to = 60, step = 1 } } })
    for part = 1, 4 do
      process.eventually("some more", function()
        assert.is_true(handed_over(s, id) <= 4)
        return (s:read("/v1/simulations/" .. id).counts.COMPLETED or 0) >= 12 * part
      end)
      s:kill()
      s:restart()
    end
    assert.same({ total = 60, COMPLETED = 60 }, s:finished(id).counts)
    s:stop()
  end)
end)
