-- /v1/jobs: creating one and many, reading, changing, deleting.
local http = require "support.http"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("jobs, %d API worker(s):"):format(workers), function()
    local s, simulation, jobs

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
      jobs = "/v1/simulations/" .. simulation .. "/jobs"
    end)
    teardown(function() s:stop() end)

    it("one is answered 201 with all its fields, and runs", function()
      local response = s:post(jobs, server.spec({ run_ms = 20 }, { name = "one", tags = { a = "b" }, priority = 7 }))
      assert.equal(201, response.status)
      local job = response.json
      assert.equal("/v1/jobs/" .. job.id, response.headers.location)
      assert.same({ simulation, "one", "PENDING", "RUN", "admin", 7, 0, { a = "b" } }, { job.simulation_id, job.name,
        job.state, job.wanted, job.owner, job.priority, job.attempt, job.tags })
      for _, name in ipairs { "sweep_id", "reason", "message", "problem", "resource", "native_id", "native_state",
        "exit_code", "signal", "directory", "parameters", "submitted_at", "started_at", "ended_at", "usage" } do
        assert.equal(http.null, job[name], name)
      end
      local ended = s:job_in(job.id)
      assert.same({ "COMPLETED", "fake", 0, 1, "over" }, { ended.state, ended.resource, ended.exit_code, ended.attempt,
        ended.native_state })
      assert.equal(("%s/jobs/%s/%s/1"):format(s.data, simulation, job.id), ended.directory)
      assert.is_true(job.created_at <= ended.submitted_at and ended.submitted_at <= ended.started_at
        and ended.started_at < ended.ended_at)
    end)

    it("the specification reads back as it was sent", function()
      local text = '{"arguments":["","a b","\\"quoted\\"","über","\\n\\t","${not a parameter}","$${"],'
        .. '"attributes":{"custom_attributes":{"fake.list":[1,2.5,null,true,{"deep":[]}],"fake.run_ms":0},"duration":60},'
        .. '"directory":"/tmp","environment":{"EMPTY":"","PATH":"/bin:/usr/bin"},"executable":"/bin/echo",'
        .. '"inherit_environment":true,"name":"same","resources":{"cpu_cores_per_process":4,"process_count":2}}'
      local response = s:post(jobs, text)
      assert.equal(201, response.status)
      assert.equal(text, s:get(response.headers.location).body:match '"spec":(.*)}$')
    end)

    it("a script takes the place of an executable", function()
      local job = s:make(jobs, { script = "#!/bin/sh\necho $1\n", arguments = { "x" } })
      assert.equal("#!/bin/sh\necho $1\n", job.spec.script)
      assert.equal("COMPLETED", s:job_in(job.id).state)
    end)

    it("with submit false it stays NEW until it is submitted", function()
      local job = s:job(simulation, nil, { submit = false })
      assert.equal("NEW", job.state)
      assert.is_nil(job.spec.submit)
      local response = s:post("/v1/jobs/" .. job.id .. "/submit")
      assert.same({ 202, "PENDING" }, { response.status, response.json.state })
      assert.equal("COMPLETED", s:job_in(job.id).state)
      assert.equal(409, s:post("/v1/jobs/" .. job.id .. "/submit").status)
    end)

    it("submitting a simulation submits what is NEW in it", function()
      local id = s:simulation()
      local one, two = s:job(id, nil, { submit = false }).id, s:job(id, nil, { submit = false, hold = true }).id
      local response = s:post("/v1/simulations/" .. id .. "/submit")
      assert.same({ 202, "ACTIVE" }, { response.status, response.json.state })
      assert.equal("COMPLETED", s:job_in(one).state)
      assert.equal("HELD", s:job_in(two, "PENDING").reason)
      s:post("/v1/jobs/" .. two .. "/release")
      assert.equal("COMPLETED", s:job_in(two).state)
    end)

    it("many have an answer each, and the good ones exist", function()
      local before = #s:all(jobs)
      local response = s:post(jobs, { jobs = { server.spec(), { executable = "" }, server.spec(nil, { name = "third" }),
        { executable = "/bin/true", resource = "nowhere" }, 7 } })
      assert.equal(207, response.status)
      local items = response.json.items
      assert.same({ 201, 422, 201, 422, 422 }, { items[1].status, items[2].status, items[3].status, items[4].status,
        items[5].status })
      assert.equal("/jobs/1/executable", items[2].problem.errors[1].pointer)
      assert.equal("/jobs/3/resource", items[4].problem.errors[1].pointer)
      assert.equal("/jobs/4", items[5].problem.errors[1].pointer)
      for _, n in ipairs { 2, 4, 5 } do
        assert.same({ "/problems/invalid-value", 422 }, { items[n].problem.type, items[n].problem.status })
      end
      assert.equal("third", s:read("/v1/jobs/" .. items[3].job.id).name)
      assert.equal("COMPLETED", s:job_in(items[1].job.id).state)
      assert.equal(before + 2, #s:all(jobs))
    end)

    it("a thousand come in one request, more do not", function()
      local list = {}
      for n = 1, 1000 do list[n] = server.spec(nil, { name = "bulk " .. n, submit = false }) end
      local id = s:simulation()
      local response = s:post("/v1/simulations/" .. id .. "/jobs", { jobs = list })
      assert.equal(207, response.status)
      local items = response.json.items
      assert.equal(1000, #items)
      for n, item in ipairs(items) do assert.equal("bulk " .. n, item.job.name) end
      assert.same({ total = 1000, NEW = 1000 }, s:read("/v1/simulations/" .. id).counts)
      list[1001] = server.spec()
      response = s:post("/v1/simulations/" .. id .. "/jobs", { jobs = list })
      assert.same({ 422, "/jobs" }, { response.status, response.json.errors[1].pointer })
      assert.equal(1000, s:read("/v1/simulations/" .. id).counts.total)
    end)

    it("an empty list of jobs creates none", function()
      local response = s:post(jobs, '{"jobs":[]}')
      assert.same({ 207, '{"items":[]}' }, { response.status, response.body })
    end)

    it("PATCH changes name, priority and tags, also of a job that has ended", function()
      local job = s:job(simulation, nil, { name = "a", tags = { x = "1" } })
      s:job_in(job.id)
      local response = s:patch("/v1/jobs/" .. job.id, { name = "b", priority = -5 })
      assert.same({ 200, "b", -5, { x = "1" } }, { response.status, response.json.name, response.json.priority,
        response.json.tags })
      assert.equal(response.body, s:get("/v1/jobs/" .. job.id).body)
      assert.same({ y = "2" }, s:patch("/v1/jobs/" .. job.id, '{"tags":{"y":"2"}}').json.tags)
      for _, field in ipairs { "state", "executable", "owner" } do
        response = s:patch("/v1/jobs/" .. job.id, { [field] = "x" })
        assert.same({ 422, "/" .. field }, { response.status, response.json.errors[1].pointer })
      end
    end)

    it("DELETE: 409 while it runs, then 204, then 410", function()
      local id = s:simulation()
      local job = s:job(id, { run_ms = 60000 }).id
      s:job_in(job, "ACTIVE")
      assert.equal("/problems/still-running", s:delete("/v1/jobs/" .. job).json.type)
      s:post("/v1/jobs/" .. job .. "/cancel")
      s:job_in(job, "CANCELED")
      assert.equal(204, s:delete("/v1/jobs/" .. job).status)
      for _, path in ipairs { "", "/history", "/stdout", "/stderr", "/files" } do
        local response = s:get("/v1/jobs/" .. job .. path)
        assert.same({ 410, "/problems/gone" }, { response.status, response.json.type }, path)
      end
      assert.equal(410, s:post("/v1/jobs/" .. job .. "/cancel").status)
      assert.equal(410, s:delete("/v1/jobs/" .. job).status)
      assert.same({ total = 0 }, s:read("/v1/simulations/" .. id).counts)
      local fresh = s:job(id, nil, { submit = false }).id
      assert.equal(204, s:delete("/v1/jobs/" .. fresh).status)
      assert.equal("NEW", s:read("/v1/simulations/" .. id).state)
    end)

    it("what is unknown is 404, whatever it looks like", function()
      for _, id in ipairs { "00000000-0000-7000-8000-000000000000", "nonsense", "1", simulation } do
        local response = s:get("/v1/jobs/" .. id)
        assert.same({ 404, "/problems/not-found" }, { response.status, response.json.type })
      end
    end)

    it("of an owner's jobs the more urgent go first", function()
      local one = server.start { workers = workers,
        resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 1 }' }
      local id = one:simulation()
      local blocker = one:job(id, { run_ms = 400 }).id
      one:job_in(blocker, "ACTIVE")
      local low = one:job(id, nil, { priority = -1 }).id
      local named = one:job(id, nil, { priority = 5, resource = "fake" }).id
      local high = one:job(id, nil, { priority = 9 }).id
      one:finished(id)
      local at = {}
      for _, job in ipairs { low, named, high } do at[#at + 1] = one:read("/v1/jobs/" .. job).submitted_at end
      one:stop()
      assert.is_true(at[3] < at[2] and at[2] < at[1], table.concat(at, " "))
    end)
  end)
end
