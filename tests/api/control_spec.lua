-- Steering jobs and simulations: hold, release, suspend, resume, cancel.
local process = require "support.process"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("control, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers,
        resources = server.FAKE .. 'resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }' }
      simulation = s:simulation()
    end)
    teardown(function()
      s:post("/v1/simulations/" .. simulation .. "/cancel")
      s:finished(simulation)
      s:stop()
    end)

    local function ask(id, verb) return s:post("/v1/jobs/" .. id .. "/" .. verb) end

    local function accepted(id, verb)
      local response = ask(id, verb)
      assert.equal(202, response.status, response.body)
      return response.json
    end

    local function refused(id, verb)
      local before = s:counts()
      local response = ask(id, verb)
      assert.same({ 409, "/problems/illegal-transition" }, { response.status, response.json.type }, verb)
      assert.matches(verb, response.json.detail)
      assert.equal(before, s:counts())
    end

    it("cancel a PENDING job: it is never submitted", function()
      local job = s:job(simulation, nil, { hold = true }).id
      assert.equal("HELD", s:read("/v1/jobs/" .. job).reason)
      assert.equal("CANCEL", accepted(job, "cancel").wanted)
      local ended = s:job_in(job)
      assert.same({ "CANCELED", 0 }, { ended.state, ended.attempt })
    end)

    it("cancel a NEW job", function()
      local job = s:job(simulation, nil, { submit = false }).id
      accepted(job, "cancel")
      assert.equal("CANCELED", s:job_in(job).state)
    end)

    it("cancel a QUEUED job", function()
      local job = s:job(simulation, { queue_ms = 60000 }).id
      s:job_in(job, "QUEUED")
      accepted(job, "cancel")
      assert.same({ "CANCELED", "killed" }, { s:job_in(job).state, s:job_in(job).native_state })
    end)

    it("cancel an ACTIVE and a SUSPENDED job", function()
      for _, state in ipairs { "ACTIVE", "SUSPENDED" } do
        local job = s:job(simulation, { run_ms = 60000 }).id
        s:job_in(job, "ACTIVE")
        if state == "SUSPENDED" then
          accepted(job, "suspend")
          s:job_in(job, "SUSPENDED")
        end
        accepted(job, "cancel")
        assert.equal("CANCELED", s:job_in(job).state)
      end
    end)

    it("cancel while it is being submitted takes hold once it is there", function()
      local job = s:job(simulation, { submit_delay_ms = 500, run_ms = 60000 }).id
      s:job_in(job, "SUBMITTING")
      assert.same({ "SUBMITTING", "CANCEL" }, { accepted(job, "cancel").state, accepted(job, "cancel").wanted })
      assert.equal("CANCELED", s:job_in(job).state)
      assert.is_string(s:read("/v1/jobs/" .. job).native_id)
    end)

    it("hold and release before and after submission", function()
      local early, late = s:job(simulation, nil, { hold = true }).id, s:job(simulation, { queue_ms = 500 }).id
      s:job_in(late, "QUEUED")
      accepted(late, "hold")
      s:job_in(late, "HELD")
      assert.equal("HELD", s:read("/v1/jobs/" .. early).reason)
      assert.equal("RUN", accepted(early, "release").wanted)
      accepted(late, "release")
      assert.equal("COMPLETED", s:job_in(early).state)
      assert.equal("COMPLETED", s:job_in(late).state)
    end)

    it("a hold that is released at once does not stay", function()
      local job = s:job(simulation, { queue_ms = 300 }).id
      s:job_in(job, "QUEUED")
      for _ = 1, 3 do
        accepted(job, "hold")
        accepted(job, "release")
      end
      assert.equal("COMPLETED", s:job_in(job).state)
    end)

    it("the last wish counts, whatever came before", function()
      local job = s:job(simulation, { run_ms = 1000 }).id
      s:job_in(job, "ACTIVE")
      for _, verb in ipairs { "suspend", "resume", "suspend" } do accepted(job, verb) end
      s:job_in(job, "SUSPENDED")
      for _, verb in ipairs { "resume", "suspend", "resume" } do accepted(job, verb) end
      assert.equal("COMPLETED", s:job_in(job).state)
    end)

    it("asking for what is wanted already changes nothing", function()
      local job = s:job(simulation, nil, { hold = true }).id
      local before = s:counts()
      assert.equal("HOLD", accepted(job, "hold").wanted)
      assert.equal(before, s:counts())
    end)

    it("illegal ones are 409 and say what the state is", function()
      local active = s:job(simulation, { run_ms = 60000 }).id
      s:job_in(active, "ACTIVE")
      refused(active, "hold")
      refused(active, "submit")
      local fresh = s:job(simulation, nil, { submit = false }).id
      refused(fresh, "suspend")
      local held = s:job(simulation, nil, { hold = true }).id
      refused(held, "submit")
      for _, how in ipairs { { exit_code = 0 }, { exit_code = 1 } } do
        local ended = s:job(simulation, how).id
        s:job_in(ended)
        for _, verb in ipairs { "cancel", "hold", "release", "suspend", "resume", "submit" } do refused(ended, verb) end
      end
    end)

    it("CANCEL is never weakened", function()
      local job = s:job(simulation, { submit_delay_ms = 600, run_ms = 60000 }).id
      s:job_in(job, "SUBMITTING")
      accepted(job, "cancel")
      for _, verb in ipairs { "hold", "release", "suspend", "resume" } do refused(job, verb) end
      s:post("/v1/simulations/" .. simulation .. "/release")
      assert.equal("CANCELED", s:job_in(job).state)
    end)

    it("what the scheduler refuses, or lacks, is undone, and the history says why", function()
      local job = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true", resource = "stubborn" }).id
      s:job_in(job, "HELD") -- by the scheduler itself: nobody here asked for it
      accepted(job, "release")
      s:job_in(job, "ACTIVE")
      accepted(job, "suspend")
      process.eventually("the refusal", function() return s:read("/v1/jobs/" .. job).wanted == "RUN" end)
      local told = s:all("/v1/jobs/" .. job .. "/history")
      assert.same({ "job.refused", "suspend", "SUSPEND", "I do not suspend" }, { told[#told].type, told[#told].verb,
        told[#told].wanted, told[#told].message })
      assert.equal("ACTIVE", s:read("/v1/jobs/" .. job).state)
      accepted(job, "cancel")
      assert.equal("CANCELED", s:job_in(job).state)
    end)

    it("a queued job is held when it is to be suspended", function()
      local job = s:job(simulation, { queue_ms = 60000 }).id
      s:job_in(job, "QUEUED")
      accepted(job, "suspend")
      s:job_in(job, "HELD")
      accepted(job, "resume")
      s:job_in(job, "QUEUED")
    end)

    it("a job that ends first keeps its result", function()
      local job = s:job(simulation, { run_ms = 150, exit_code = 7 }).id
      s:job_in(job, "ACTIVE")
      process.eventually("the end", function() return s:read("/v1/jobs/" .. job).state ~= "ACTIVE" or ask(job, "suspend").status end)
      local ended = s:job_in(job, "FAILED", "SUSPENDED")
      if ended.state == "SUSPENDED" then accepted(job, "resume") end
      assert.same({ "FAILED", 7 }, { s:job_in(job).state, s:job_in(job).exit_code })
    end)

    it("whole simulations: hold, release, cancel, a thousand jobs at a time", function()
      local id = s:simulation()
      local function all(verb)
        local response = s:post("/v1/simulations/" .. id .. "/" .. verb)
        assert.equal(202, response.status)
        return response.json.wanted
      end
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { hold = true }),
        parameters = { n = { from = 1, to = 1100, step = 1 } } })
      local running = s:job(id, { run_ms = 60000 }).id
      local done = s:job(id).id
      s:job_in(running, "ACTIVE")
      s:job_in(done)
      assert.equal("HOLD", all "hold")
      local late = s:job(id, nil, { priority = 1 })
      assert.same({ "HOLD", "HELD" }, { late.wanted, late.reason })
      assert.equal("ACTIVE", s:read("/v1/jobs/" .. running).state)
      assert.equal("SUSPEND", all "suspend")
      s:job_in(running, "SUSPENDED")
      assert.equal("RUN", all "resume")
      s:job_in(running, "ACTIVE")
      assert.equal("COMPLETED", s:job_in(late.id).state)
      assert.equal("CANCEL", all "cancel")
      local counts = s:finished(id).counts
      assert.equal(1103, counts.total)
      assert.is_true(counts.COMPLETED >= 2 and counts.COMPLETED + counts.CANCELED == 1103)
      assert.equal("RUN", s:read("/v1/simulations/" .. id).wanted)
      assert.equal("COMPLETED", s:job_in(s:job(id).id).state)
    end)

    it("simulations in every state accept every verb", function()
      local id = s:simulation()
      for _, verb in ipairs { "submit", "hold", "release", "suspend", "resume", "cancel" } do
        assert.equal(202, s:post("/v1/simulations/" .. id .. "/" .. verb).status)
      end
    end)

    it("only the submitted part of a simulation is steered", function()
      local id = s:simulation()
      local fresh = s:job(id, nil, { submit = false }).id
      s:post("/v1/simulations/" .. id .. "/hold")
      process.eventually("the hold", function() return s:read("/v1/jobs/" .. fresh).wanted == "HOLD" end)
      ask(fresh, "submit")
      assert.equal("HELD", s:job_in(fresh, "PENDING").reason)
      ask(fresh, "release")
      assert.equal("COMPLETED", s:job_in(fresh).state)
    end)
  end)
end
