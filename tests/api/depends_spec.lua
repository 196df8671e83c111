-- Jobs that depend on other jobs.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local WAITING = "SELECT count(*) FROM jobs WHERE waits > 0 AND state = 'PENDING'"

for _, workers in ipairs { 1, 2 } do
  describe(("depends_on, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers, resources = server.FAKE .. 'resource "other" { scheduler = "fake", poll_ms = 100 }' }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    local function on(...)
      local list = {}
      for i, id in ipairs { ... } do list[i] = { job = id } end
      return list
    end

    local function job(depends_on, custom, more)
      local all = { depends_on = depends_on }
      for name, value in pairs(more or {}) do all[name] = value end
      return s:job(simulation, custom, all).id
    end

    local function waits(id)
      local it = s:read("/v1/jobs/" .. id)
      assert.same({ "PENDING", "DEPENDENCY", 0 }, { it.state, it.reason, it.attempt })
    end

    local function fails(id, because)
      local it = s:job_in(id)
      assert.same({ "FAILED", "DEPENDENCY", 0 }, { it.state, it.reason, it.attempt })
      if because then assert.matches(because:gsub("%-", "%%-"), it.message) end
    end

    it("a job waits for the end of another, on another resource and in another simulation", function()
      local first = s:job(s:simulation(), { run_ms = 500 }, { resource = "other" }).id
      local second = job(on(first), nil, { resource = "fake" })
      local made = s:job(simulation, nil, { depends_on = on(second) })
      assert.same({ "PENDING", "DEPENDENCY", second }, { made.state, made.reason, made.spec.depends_on[1].job })
      assert.equal("DEPENDENCY", s:all("/v1/jobs/" .. made.id .. "/history")[1].reason)
      s:job_in(first, "ACTIVE")
      waits(second)
      assert.equal("COMPLETED", s:job_in(made.id).state)
      local ends = {}
      for i, id in ipairs { first, second, made.id } do ends[i] = s:read("/v1/jobs/" .. id) end
      assert.is_true(ends[1].ended_at <= ends[2].submitted_at and ends[2].ended_at <= ends[3].submitted_at)
    end)

    it("each condition has its ends", function()
      local how = { completed = { job(nil, nil, { hold = true }) }, failed = { job(nil, { exit_code = 1 }, { hold = true }) },
        canceled = { job(nil, nil, { hold = true }) } }
      local expected = {
        completed = { completed = "COMPLETED", failed = "FAILED", ended = "COMPLETED" },
        failed = { completed = "FAILED", failed = "COMPLETED", ended = "COMPLETED" },
        canceled = { completed = "FAILED", failed = "FAILED", ended = "COMPLETED" } }
      local made = {}
      for name, needs in pairs(how) do
        for condition, state in pairs(expected[name]) do
          made[#made + 1] = { job({ { job = needs[1], condition = condition } }), state, name .. " " .. condition }
        end
        made[#made + 1] = { job { { job = needs[1] } }, expected[name].completed, name .. " by default" }
      end
      for _, each in ipairs(made) do waits(each[1]) end
      for name, needs in pairs(how) do s:post("/v1/jobs/" .. needs[1] .. (name == "canceled" and "/cancel" or "/release")) end
      for _, each in ipairs(made) do assert.equal(each[2], s:job_in(each[1]).state, each[3]) end
    end)

    it("a job that has ended is judged at once", function()
      local good, bad = job(), job(nil, { exit_code = 1 })
      s:job_in(good)
      s:job_in(bad)
      assert.equal("COMPLETED", s:job_in(job(on(good))).state)
      fails(job(on(good, bad)), bad)
      assert.equal("COMPLETED", s:job_in(job { { job = bad, condition = "failed" } }).state)
      assert.equal("0", s:sql "SELECT count(*) FROM outcomes")
    end)

    it("a job waits for all that it depends on, and fails with the first that cannot be as it must", function()
      local a, b, c = job(nil, nil, { hold = true }), job(nil, nil, { hold = true }), job(nil, { exit_code = 1 }, { hold = true })
      local both, doomed = job(on(a, b)), job(on(a, b, c))
      s:post("/v1/jobs/" .. a .. "/release")
      s:job_in(a)
      waits(both)
      s:post("/v1/jobs/" .. c .. "/release")
      fails(doomed, c)
      waits(both)
      s:post("/v1/jobs/" .. b .. "/release")
      assert.equal("COMPLETED", s:job_in(both).state)
      fails(doomed, c)
    end)

    it("a failure goes through all that depend on it, and counts", function()
      local id = s:simulation()
      local last = s:job(id, { exit_code = 1 }, { hold = true }).id
      local first, fresh = last, s:job(id, nil, { depends_on = on(last), submit = false }).id
      for _ = 1, 20 do last = s:job(id, nil, { depends_on = on(last) }).id end
      s:job(id, nil, { depends_on = { { job = last, condition = "failed" } } })
      s:post("/v1/jobs/" .. first .. "/release")
      fails(last)
      fails(fresh)
      local done = s:finished(id)
      assert.same({ "FAILED", { total = 23, FAILED = 22, COMPLETED = 1 } }, { done.state, done.counts })
      local told = s:all("/v1/jobs/" .. last .. "/history")
      assert.same({ "job.state", "PENDING", "FAILED", "DEPENDENCY" }, { told[2].type, told[2].from, told[2].to, told[2].reason })
    end)

    it("what else a job waits for comes after", function()
      local needed = job(nil, nil, { hold = true })
      local held = job(on(needed), nil, { hold = true })
      local late = job(on(needed), nil, { not_before = "2999-01-01T00:00:00Z" })
      local fresh = s:job(simulation, nil, { depends_on = on(needed), submit = false }).id
      local canceled = job(on(needed))
      s:post("/v1/jobs/" .. canceled .. "/cancel")
      s:job_in(canceled)
      s:post("/v1/jobs/" .. needed .. "/release")
      process.eventually("the time", function() return s:read("/v1/jobs/" .. late).reason == "NOT_BEFORE" end)
      assert.equal("HELD", s:read("/v1/jobs/" .. held).reason)
      assert.equal("NEW", s:read("/v1/jobs/" .. fresh).state)
      assert.equal("CANCELED", s:read("/v1/jobs/" .. canceled).state)
      assert.equal(http.null, s:make("/v1/jobs/" .. fresh .. "/submit", nil, { status = 202 }).reason)
      s:post("/v1/jobs/" .. held .. "/release")
      s:post("/v1/jobs/" .. late .. "/cancel")
      for _, id in ipairs { held, fresh } do assert.equal("COMPLETED", s:job_in(id).state) end
    end)

    it("a job that is deleted stays what it was", function()
      local blocker = job(nil, nil, { hold = true })
      local done, never = job(), s:job(simulation, nil, { submit = false }).id
      s:job_in(done)
      local after_done, after_never = job(on(done, blocker)), job(on(never, blocker))
      local in_any_case = job { { job = never, condition = "ended" }, { job = done } }
      assert.equal(204, s:delete("/v1/jobs/" .. done).status)
      assert.equal(204, s:delete("/v1/jobs/" .. never).status)
      fails(after_never, never)
      assert.equal("COMPLETED", s:job_in(in_any_case).state)
      s:post("/v1/jobs/" .. blocker .. "/release")
      assert.equal("COMPLETED", s:job_in(after_done).state)
    end)

    it("a simulation that is deleted takes what others wait for with it", function()
      local id = s:simulation()
      local never = s:job(id, nil, { submit = false }).id
      local dependant = job(on(never))
      assert.equal(204, s:delete("/v1/simulations/" .. id).status)
      fails(dependant, never)
    end)

    it("a sweep's jobs depend on the same ones, and may be depended upon", function()
      local id, needed = s:simulation(), job(nil, nil, { hold = true })
      local sweep = s:make("/v1/simulations/" .. id .. "/sweeps", { parameters = { n = { from = 1, to = 1100, step = 1 } },
        template = server.spec({ exit_code = "${n}" }, { depends_on = on(needed) }) })
      assert.equal(1100, sweep.jobs)
      local jobs = s:all("/v1/simulations/" .. id .. "/jobs?limit=1000")
      for _, each in ipairs(jobs) do assert.equal("DEPENDENCY", each.reason) end
      local after = job(on(jobs[1].id, jobs[1100].id))
      s:post("/v1/simulations/" .. id .. "/hold")
      process.eventually("the hold", function() return s:read("/v1/jobs/" .. jobs[1100].id).wanted == "HOLD" end)
      s:post("/v1/jobs/" .. needed .. "/release")
      process.eventually("all free", function() return s:sql(WAITING) == "1" end)
      s:post("/v1/jobs/" .. jobs[1100].id .. "/release")
      fails(after, jobs[1100].id)
      s:post("/v1/simulations/" .. id .. "/cancel")
      assert.same({ total = 1100, CANCELED = 1099, FAILED = 1 }, s:finished(id).counts)
    end)

    it("jobs that do not exist, are another's, deleted or named twice are refused", function()
      local mine, gone = job(), job()
      s:job_in(gone)
      s:delete("/v1/jobs/" .. gone)
      local bob = s:token_of "bob"
      local his = s:job(s:simulation("his", { token = bob }), nil, nil, { token = bob }).id
      local never = "00000000-0000-7000-8000-000000000000"
      local path = "/v1/simulations/" .. simulation
      for id, why in pairs { [gone] = "there is no job", [his] = "there is no job", [never] = "there is no job",
        ["no id"] = "there is no job", [mine] = "names a job for the second time" } do
        local spec = server.spec(nil, { depends_on = on(mine, id) })
        local response = s:post(path .. "/jobs", spec)
        assert.same({ 422, "/depends_on/1/job" }, { response.status, response.json.errors[1].pointer }, id)
        assert.matches(why, response.json.errors[1].detail)
        response = s:post(path .. "/sweeps", { template = spec, parameters = { n = { 1 } } })
        assert.same({ 422, "/template/depends_on/1/job" }, { response.status, response.json.errors[1].pointer }, id)
        local items = s:make(path .. "/jobs", { jobs = { server.spec(), spec } }, { status = 207 }).items
        assert.same({ 201, 422, "/jobs/1/depends_on/1/job" },
          { items[1].status, items[2].status, items[2].problem.errors[1].pointer })
      end
    end)

    it("a specification that is wrong in itself is refused", function()
      local mine = job()
      local many = {}
      for i = 1, 101 do many[i] = { job = mine } end
      for pointer, wrong in pairs { ["/depends_on"] = many, ["/depends_on/0/job"] = { { condition = "ended" } },
        ["/depends_on/0/condition"] = { { job = mine, condition = "started" } }, ["/depends_on/0/at"] = { { job = mine, at = 1 } } } do
        local response = s:post("/v1/simulations/" .. simulation .. "/jobs", server.spec(nil, { depends_on = wrong }))
        assert.same({ 422, pointer }, { response.status, response.json.errors[1].pointer })
      end
      local response = s:post("/v1/simulations/" .. simulation .. "/sweeps", { parameters = { job = { mine } },
        template = server.spec(nil, { depends_on = on "${job}" }) })
      assert.same({ 422, "/template/depends_on" }, { response.status, response.json.errors[1].pointer })
    end)
  end)
end
