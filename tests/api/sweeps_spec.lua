-- Sweeps: a parameter space becomes jobs, all of them or none.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("sweeps, %d API worker(s):"):format(workers), function()
    local s, simulation, sweeps

    setup(function()
      s = server.start { workers = workers,
        resources = server.FAKE .. 'resource "small" { scheduler = "fake", options = { cores = 2 } }' }
      process.eventually("both resources", function()
        return s:read("/v1/resources/fake").state == "up" and s:read("/v1/resources/small").state == "up"
      end)
      simulation = s:simulation()
      sweeps = "/v1/simulations/" .. simulation .. "/sweeps"
    end)
    teardown(function() s:stop() end)

    -- The jobs of a new sweep whose template is held back, in their order.
    local function expand(parameters, more, template)
      local body = { template = template or server.spec(nil, { hold = true }), parameters = parameters }
      for name, value in pairs(more or {}) do body[name] = value end
      local sweep = s:make(sweeps, body)
      return s:all("/v1/jobs?sweep=" .. sweep.id), sweep
    end

    local function parameters_of(parameters, more)
      local list = {}
      for i, job in ipairs(expand(parameters, more)) do list[i] = job.parameters end
      return list
    end

    it("every combination, the last name fastest", function()
      assert.same({ { a = 1, b = "x" }, { a = 1, b = "y" }, { a = 2, b = "x" }, { a = 2, b = "y" }, { a = 3, b = "x" },
        { a = 3, b = "y" } }, parameters_of { b = { "x", "y" }, a = { 1, 2, 3 } })
    end)

    it("zip takes the i-th values together", function()
      assert.same({ { a = 1, b = "x" }, { a = 2, b = "y" } },
        parameters_of({ a = { from = 1, to = 2, step = 1 }, b = { "x", "y" } }, { combine = "zip" }))
    end)

    it("a sample is drawn from ranges and lists, and its seed is told", function()
      local parameters = { x = { from = 0.5, to = 1.5 }, n = { from = 1, to = 50 }, l = { "a", "b" } }
      for _, method in ipairs { "random", "latin_hypercube" } do
        local jobs, sweep = expand(parameters, { sample = { method = method, count = 50 } })
        assert.equal(50, #jobs)
        assert.same({ http.null, method, 50 }, { sweep.combine, sweep.sample.method, sweep.sample.count })
        local seed = sweep.sample.seed
        assert.is_true(seed % 1 == 0 and seed >= 0 and seed < 2 ^ 32)
        assert.same(sweep.sample, s:read(sweeps .. "/" .. sweep.id).sample)
        local again = parameters_of(parameters, { sample = { method = method, count = 50, seed = seed } })
        local numbers = {}
        for i, job in ipairs(jobs) do
          assert.same(job.parameters, again[i])
          numbers[job.parameters.n] = true
          assert.is_true(job.parameters.x >= 0.5 and job.parameters.x <= 1.5)
        end
        for n = 1, method == "random" and 0 or 50 do assert.is_true(numbers[n]) end
        assert.are_not.equal(seed, select(2, expand(parameters, { sample = { method = method, count = 2 } })).sample.seed)
      end
      local response = s:post(sweeps, { template = server.spec(), parameters = parameters, combine = "zip",
        sample = { method = "random", count = 2 } })
      assert.same({ 422, "/combine" }, { response.status, response.json.errors[1].pointer })
      assert.equal(http.null, select(2, expand { n = { 1 } }).sample)
    end)

    it("ranges meet their end and are as people write them", function()
      local function range(r)
        local list = {}
        for i, p in ipairs(parameters_of { x = r }) do list[i] = p.x end
        return list
      end
      assert.same({ 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0 }, range { from = 0.1, to = 1.0, step = 0.1 })
      assert.same({ 5, 3, 1 }, range { from = 5, to = 0, step = -2 })
      assert.same({ 0, 0.25, 0.5, 0.75, 1 }, range { from = 0, to = 1, count = 5 })
      assert.same({ 7 }, range { from = 7, to = 9, count = 1 })
      assert.same({ 7 }, range { from = 7, to = 7, step = 3 })
      assert.same({ 1000000000000, 2000000000000 }, range { from = 1e12, to = 2e12, step = 1e12 })
      local _, sweep = expand { x = { from = 0.1, to = 0.3, step = 0.1 } }
      local body = s:get("/v1/jobs?sweep=" .. sweep.id .. "&fields=parameters").body
      assert.equal('{"items":[{"parameters":{"x":0.1}},{"parameters":{"x":0.2}},{"parameters":{"x":0.3}}],"next":null}', body)
    end)

    it("values of every kind keep it", function()
      local response = s:post(sweeps, [[{"template":{"executable":"/bin/true","hold":true,"arguments":["${v}","<${v}>"]},
        "parameters":{"v":["text",7,-0.5,true,false,"","\"q\"",9007199254740993]}}]])
      assert.equal(201, response.status)
      local body = s:get("/v1/jobs?sweep=" .. response.json.id .. "&fields=parameters,spec").body
      local arguments = {}
      for text in body:gmatch '"arguments":(%b[])' do arguments[#arguments + 1] = text end
      assert.same({ '["text","<text>"]', '["7","<7>"]', '["-0.5","<-0.5>"]', '["true","<true>"]', '["false","<false>"]',
        '["","<>"]', [=[["\"q\"","<\"q\">"]]=], '["9007199254740993","<9007199254740993>"]' }, arguments)
      assert.is_truthy(body:find('{"v":true}', 1, true) and body:find('{"v":-0.5}', 1, true)
        and body:find('{"v":9007199254740993}', 1, true))
    end)

    it("a number belongs where a field is a number", function()
      local jobs = expand({ n = { 1, 2 }, t = { 60 } }, nil, { executable = "/bin/true", hold = true, name = "n=${n}",
        priority = "${n}", resources = { cpu_cores_per_process = "${n}" }, attributes = { duration = "${t}" } })
      assert.same({ 1, 2 }, { jobs[1].priority, jobs[2].priority })
      assert.same({ "n=1", "n=2" }, { jobs[1].name, jobs[2].name })
      assert.equal(2, jobs[2].spec.resources.cpu_cores_per_process)
      assert.equal("integer", math.type(math.tointeger(jobs[2].spec.attributes.duration)))
    end)

    it("$${ is a literal ${, and a dollar is a dollar", function()
      local jobs = expand({ n = { 1 } }, nil, { executable = "/bin/true", hold = true,
        arguments = { "$${n}", "$${other}", "$n $$ ${n}$", "$$${n}" } })
      assert.same({ "${n}", "${other}", "$n $$ 1$", "$${n}" }, jobs[1].spec.arguments)
    end)

    it("a sweep reads back as it was sent, and its jobs are whole", function()
      local response = s:post(sweeps, { template = server.spec({ run_ms = 10 }, { name = "t", tags = { k = "v" } }),
        parameters = { x = { from = 1, to = 3, step = 1 } } })
      local sweep = response.json
      assert.same({ 201, simulation, 3, "product" }, { response.status, sweep.simulation_id, sweep.jobs, sweep.combine })
      assert.equal(sweeps .. "/" .. sweep.id, response.headers.location)
      assert.equal(response.body, s:get(response.headers.location).body)
      assert.equal(sweep.id, s:all(sweeps)[#s:all(sweeps)].id)
      for i, job in ipairs(s:all("/v1/jobs?sweep=" .. sweep.id)) do
        job = s:job_in(job.id)
        assert.same({ "COMPLETED", simulation, sweep.id, "t", "admin", { x = i }, { k = "v" } }, { job.state,
          job.simulation_id, job.sweep_id, job.name, job.owner, job.parameters, job.tags })
        assert.equal("t", job.spec.name)
      end
    end)

    it("every value of a list is checked where it is used", function()
      local function refused(parameters, template)
        local before = s:counts()
        local response = s:post(sweeps, { template = template, parameters = parameters })
        assert.equal(422, response.status, response.body)
        assert.equal(before, s:counts())
        return response.json.errors[1].pointer, response.json.errors[1].detail
      end
      local pointer, detail = refused({ r = { "fake", "nope", "fake" } }, { executable = "/bin/true", resource = "${r}" })
      assert.same({ "/template/resource", "there is no resource nope" }, { pointer, detail })
      assert.equal("/template/resource", (refused({ a = { "fa", "f" }, b = { "ke" } },
        { executable = "/bin/true", resource = "${a}${b}" })))
      assert.equal("/template/directory", (refused({ d = { "/a/long/one", "bad/one", "/x" } },
        { executable = "/bin/true", directory = "${d}" })))
      assert.equal("/template/priority", (refused({ p = { 1, 2000, 3 } }, { executable = "/bin/true", priority = "${p}" })))
      assert.equal("/template/priority", (refused({ p = { 1, "2" } }, { executable = "/bin/true", priority = "${p}" })))
      assert.equal("/template/name", (refused({ p = { "a", "b\nc", "long enough" } }, { executable = "/bin/true", name = "${p}" })))
      assert.equal("/template/executable", (refused({ p = { "/bin/true", "" } }, { executable = "${p}" })))
    end)

    it("values that fit one by one must fit together", function()
      local before = s:counts()
      local function of(parameters, combine)
        return s:post(sweeps, { parameters = parameters, combine = combine, template = { executable = "/bin/true", hold = true,
          resource = "small", resources = { process_count = "${p}", cpu_cores_per_process = "${c}" } } })
      end
      local response = of { p = { 1, 2 }, c = { 1, 2 } }
      assert.same({ 422, "/template/resources" }, { response.status, response.json.errors[1].pointer })
      assert.matches("needs 4 cores", response.json.errors[1].detail)
      assert.equal(before, s:counts())
      assert.equal(201, of({ p = { 1, 2 }, c = { 2, 1 } }, "zip").status)
    end)

    it("hold and tags may vary", function()
      local jobs = expand({ h = { true, false } }, nil, { executable = "/bin/true", hold = "${h}", tags = { h = "${h}" } })
      assert.same({ { h = "true" }, { h = "false" } }, { jobs[1].tags, jobs[2].tags })
      assert.same({ "HOLD", "RUN" }, { jobs[1].wanted, jobs[2].wanted })
      assert.equal("COMPLETED", s:job_in(jobs[2].id).state)
      assert.equal("HELD", s:read("/v1/jobs/" .. jobs[1].id).reason)
    end)

    it("many jobs appear at once", function()
      local id, seen = s:simulation(), {}
      local connection = s:send("POST", "/v1/simulations/" .. id .. "/sweeps", { body = {
        template = server.spec(nil, { hold = true }), parameters = { i = { from = 1, to = 20000, step = 1 } } } })
      local answered
      repeat
        local total = s:read("/v1/simulations/" .. id).counts.total
        local listed = #s:read("/v1/simulations/" .. id .. "/jobs?limit=1").items
        seen[total] = true
        assert.is_true(listed == 0 or total == 20000 or s:read("/v1/simulations/" .. id).counts.total == 20000)
        answered = connection:receive(0)
      until answered
      assert.equal(201, answered.status)
      assert.same({ total = 20000, PENDING = 20000 }, s:read("/v1/simulations/" .. id).counts)
      for total in pairs(seen) do assert.is_true(total == 0 or total == 20000, "a part was seen: " .. total) end
      assert.equal(20000, #s:all("/v1/simulations/" .. id .. "/jobs?limit=1000&fields=id"))
      s:post("/v1/simulations/" .. id .. "/cancel")
      assert.equal("CANCELED", s:finished(id).state)
    end)

    it("one of another simulation is not found", function()
      local _, sweep = expand { n = { 1 } }
      assert.equal(404, s:get("/v1/simulations/" .. s:simulation() .. "/sweeps/" .. sweep.id).status)
      assert.equal(404, s:get(sweeps .. "/" .. simulation).status)
    end)

    it("pages of sweeps", function()
      local id = s:simulation()
      for n = 1, 5 do
        s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { hold = true }), parameters = { n = { n } } })
      end
      local list = s:all("/v1/simulations/" .. id .. "/sweeps?limit=2")
      assert.equal(5, #list)
      for n, sweep in ipairs(list) do assert.same({ n }, sweep.parameters.n) end
      assert.equal(http.null, s:read("/v1/simulations/" .. id .. "/sweeps?limit=9&fields=id").next)
    end)
  end)
end

describe("sweeps of jobs that become large,", function()
  it("are handed over as fast as there is memory for them", function()
    local s = server.start { resources = server.FAKE }
    local id, arguments = s:simulation(), {}
    for i = 1, 200 do arguments[i] = "${k}" end
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = { executable = "x", arguments = arguments },
      parameters = { k = { ("x"):rep(65536) }, n = { from = 1, to = 60, step = 1 } } }) -- 13 MiB each
    assert.same({ "COMPLETED", 60 }, { s:finished(id).state, s:read("/v1/simulations/" .. id).counts.COMPLETED })
    s:stop()
  end)
end)
