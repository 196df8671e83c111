-- The history of a job: every change of state, in a legal order.
local http = require "support.http"
local server = require "support.server"

-- lifecycle.next, as the API's documentation draws it; written down here once more on purpose.
local follows = {
  NEW = "PENDING CANCELED", PENDING = "SUBMITTING CANCELED", SUBMITTING = "QUEUED PENDING FAILED",
  QUEUED = "HELD ACTIVE CANCELED", HELD = "QUEUED ACTIVE CANCELED", ACTIVE = "SUSPENDED COMPLETED FAILED CANCELED",
  SUSPENDED = "ACTIVE CANCELED",
}

for _, workers in ipairs { 1, 2 } do
  describe(("history, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    -- The states a job went through; checks numbers, times and that each step follows from the one before.
    local function states_of(id, target)
      local states, number, before = {}, 0, nil
      for _, event in ipairs(s:all(target or "/v1/jobs/" .. id .. "/history")) do
        assert.is_true(event.number > number)
        number = event.number
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", event.at)
        if event.type == "job.created" then
          assert.is_nil(before)
          before = event.to
          states[1] = event.to
        elseif event.type == "job.state" then
          assert.equal(before, event.from)
          assert.is_truthy(follows[event.from]:find(event.to, 1, true), event.from .. " to " .. event.to)
          before = event.to
          states[#states + 1] = event.to
        end
      end
      assert.equal(before, s:read("/v1/jobs/" .. id).state)
      return table.concat(states, " ")
    end

    it("a job that was only seen at its end has been through everything", function()
      local job = s:job(simulation, { run_ms = 10 }).id
      s:job_in(job)
      assert.equal("PENDING SUBMITTING QUEUED ACTIVE COMPLETED", states_of(job))
    end)

    it("a NEW job, held and released, suspended and resumed", function()
      local job = s:job(simulation, { queue_ms = 400, run_ms = 400 }, { submit = false }).id
      local function ask(verb, ...)
        s:post("/v1/jobs/" .. job .. "/" .. verb)
        s:job_in(job, ...)
      end
      ask("submit", "QUEUED")
      ask("hold", "HELD")
      ask("release", "QUEUED")
      s:job_in(job, "ACTIVE")
      ask("suspend", "SUSPENDED")
      ask("resume", "ACTIVE")
      s:job_in(job)
      assert.equal("NEW PENDING SUBMITTING QUEUED HELD QUEUED ACTIVE SUSPENDED ACTIVE COMPLETED", states_of(job))
      local wishes = {}
      for _, event in ipairs(s:all("/v1/jobs/" .. job .. "/history")) do
        if event.type == "job.wanted" then wishes[#wishes + 1] = event.from .. ">" .. event.to end
      end
      assert.equal("RUN>HOLD HOLD>RUN RUN>SUSPEND SUSPEND>RUN", table.concat(wishes, " "))
    end)

    it("the jobs of a sweep have a creation of their own", function()
      local sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
        parameters = { n = { from = 1, to = 1010, step = 1 } } })
      local jobs = {}
      for i, job in ipairs(s:all("/v1/jobs?limit=1000&fields=id&sweep=" .. sweep.id)) do jobs[i] = job.id end
      for _, n in ipairs { 1, 500, 501, 1010 } do -- they share their creation in crowds
        s:post("/v1/jobs/" .. jobs[n] .. "/release")
        s:job_in(jobs[n])
        assert.equal("PENDING SUBMITTING QUEUED ACTIVE COMPLETED", states_of(jobs[n]))
        local first = s:read("/v1/jobs/" .. jobs[n] .. "/history").items[1]
        assert.same({ "job.created", "PENDING" }, { first.type, first.to })
      end
      assert.equal("PENDING", states_of(jobs[502]))
      s:post("/v1/simulations/" .. simulation .. "/cancel")
      s:finished(simulation)
    end)

    it("pages of every size tell the same", function()
      local sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(), parameters = { n = { 1 } } })
      local swept = s:all("/v1/jobs?sweep=" .. sweep.id)[1].id
      local single = s:job(simulation).id
      for _, job in ipairs { swept, single } do
        s:job_in(job)
        for limit = 1, 6 do
          assert.equal("PENDING SUBMITTING QUEUED ACTIVE COMPLETED",
            states_of(job, "/v1/jobs/" .. job .. "/history?limit=" .. limit), "limit " .. limit)
        end
        assert.equal(http.null, s:read("/v1/jobs/" .. job .. "/history").next)
      end
    end)
  end)
end
