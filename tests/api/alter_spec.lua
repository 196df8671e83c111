-- Altering jobs: those that nobody was given yet, and those that a scheduler holds.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local RESOURCES = 'resource "fake" { scheduler = "fake", poll_ms = 100 }\n'
  .. 'resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }\n'

for _, workers in ipairs { 1, 2 } do
  describe(("altering, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers, resources = RESOURCES }
      simulation = s:simulation()
      process.eventually("the resources", function()
        return s:read("/v1/resources/fake").state == "up" and s:read("/v1/resources/stubborn").state == "up"
      end)
    end)
    teardown(function() s:stop() end)

    local function alter(id, attributes) return s:patch("/v1/jobs/" .. id, { attributes = attributes }) end

    local function make(custom, more)
      local all = { resource = "fake" }
      for name, value in pairs(more or {}) do all[name] = value end
      return s:job(simulation, custom, all).id
    end

    -- What the history tells of alterations: type and duration, and why not.
    local function told(id)
      local list = {}
      for _, event in ipairs(s:all("/v1/jobs/" .. id .. "/history")) do
        if event.changes then
          list[#list + 1] = ("%s %d%s"):format(event.type, event.changes.attributes.duration,
            event.message and ": " .. event.message or "")
        end
      end
      return table.concat(list, ", ")
    end

    local function duration(id) return s:read("/v1/jobs/" .. id).spec.attributes.duration end

    local function answered(id, count)
      process.eventually("the answers", function()
        local _, done = told(id):gsub("job%.altered", "")
        local _, refused = told(id):gsub("job%.refused", "")
        return done + refused == count
      end)
    end

    it("a job that waits here has another specification at once, and runs by it", function()
      for verb, how in pairs { release = '"hold":true', submit = '"submit":false' } do
        local id = s:make("/v1/simulations/" .. simulation .. "/jobs", '{"executable":"true","arguments":[],"environment":{},'
          .. '"tags":{"a":"b"},"attributes":{"custom_attributes":{"fake.run_ms":3000}},"resource":"fake",' .. how .. "}").id
        local before = s:read("/v1/jobs/" .. id)
        local response = alter(id, { duration = 1 })
        assert.same({ 200, 1 }, { response.status, response.json.spec.attributes.duration })
        assert.equal(response.body, s:get("/v1/jobs/" .. id).body)
        before.spec.attributes.duration = 1
        assert.same(before, response.json)
        assert.matches('"arguments":%[%]', response.body)
        assert.matches('"environment":{}', response.body)
        assert.equal("job.altered 1", told(id))
        s:post(("/v1/jobs/%s/%s"):format(id, verb))
        local ended = s:job_in(id)
        assert.same({ "FAILED", "TIMEOUT" }, { ended.state, ended.reason })
      end
    end)

    it("a sweep's job gets a specification of its own, and keeps its parameters", function()
      local own = s:simulation()
      s:make("/v1/simulations/" .. own .. "/hold", nil, { status = 202 })
      s:make("/v1/simulations/" .. own .. "/sweeps", { parameters = { n = { 1, 2 } },
        template = server.spec({ exit_code = "${n}" }, { resource = "fake", arguments = { "${n}", "$${x}" } }) })
      local jobs = s:all("/v1/simulations/" .. own .. "/jobs")
      local altered = alter(jobs[2].id, { duration = 77 }).json
      assert.same({ n = 2 }, altered.parameters)
      assert.same({ "2", "${x}" }, altered.spec.arguments)
      assert.same({ duration = 77, custom_attributes = { ["fake.exit_code"] = "2" } }, altered.spec.attributes)
      assert.is_nil(duration(jobs[1].id))
      alter(jobs[2].id, { duration = 78 })
      assert.equal(78, duration(jobs[2].id))
      s:make("/v1/simulations/" .. own .. "/release", nil, { status = 202 })
      s:finished(own)
      assert.same({ 1, 2 }, { s:read("/v1/jobs/" .. jobs[1].id).exit_code, s:read("/v1/jobs/" .. jobs[2].id).exit_code })
      assert.equal(2, #s:all("/v1/simulations/" .. own .. "/results"))
    end)

    it("a job waits in the queue that its new specification belongs to", function()
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true", hold = true, name = "either" }).id
      local function kind() return s:sql "SELECT kind FROM jobs WHERE name = 'either'" end
      local before = kind()
      assert.equal(200, alter(id, { duration = 60 }).status)
      assert.is_true(before ~= kind())
      s:post("/v1/jobs/" .. id .. "/release")
      assert.equal("fake", s:job_in(id).resource) -- the other does not honour a duration
    end)

    it("a scheduler is asked first, and the specification follows", function()
      for _, state in ipairs { "QUEUED", "ACTIVE" } do
        local id = make { queue_ms = state == "QUEUED" and 1000 or 0, run_ms = 60000 }
        s:job_in(id, state)
        local response = alter(id, { duration = 1 })
        assert.same({ 202, state }, { response.status, response.json.state })
        assert.is_nil(response.json.spec.attributes.duration)
        answered(id, 1)
        assert.equal("job.alter 1, job.altered 1", told(id))
        assert.equal(1, duration(id))
        local ended = s:job_in(id)
        assert.same({ "FAILED", "TIMEOUT" }, { ended.state, ended.reason })
      end
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
    end)

    it("one after the other: the last is what holds", function()
      local id = make { run_ms = 60000 }
      s:job_in(id, "ACTIVE")
      for seconds = 1001, 1004 do assert.equal(202, alter(id, { duration = seconds }).status) end
      answered(id, 4)
      assert.equal(1004, duration(id))
      local done = {}
      for seconds in told(id):gmatch "job%.altered (%d+)" do done[#done + 1] = seconds end
      assert.same({ "1001", "1002", "1003", "1004" }, done)
      s:post("/v1/jobs/" .. id .. "/cancel")
    end)

    it("what the scheduler refuses is told in its words, and changes nothing", function()
      local id = make { run_ms = 60000, alter_error = "rejected" }
      s:job_in(id, "ACTIVE")
      alter(id, { duration = 5 })
      answered(id, 1)
      assert.equal("job.alter 5, job.refused 5: scripted: rejected", told(id))
      assert.is_nil(duration(id))
      s:post("/v1/jobs/" .. id .. "/cancel")
    end)

    it("no signal waits for an alteration that is not answered", function()
      local id = make { run_ms = 60000, alter_error = "busy" }
      s:job_in(id, "ACTIVE")
      alter(id, { duration = 5 })
      assert.equal(202, s:post("/v1/jobs/" .. id .. "/signal", { name = "USR1" }).status)
      process.eventually("an answer", function()
        local events = s:all("/v1/jobs/" .. id .. "/history")
        return events[#events].message == "fake has no signal"
      end)
      assert.equal("job.alter 5", told(id))
      s:post("/v1/jobs/" .. id .. "/cancel")
    end)

    it("a job that ends first is as it was", function()
      local id = make { run_ms = 1500, alter_error = "busy" }
      s:job_in(id, "ACTIVE")
      alter(id, { duration = 5 })
      alter(id, { duration = 6 })
      answered(id, 2)
      assert.equal("job.alter 5, job.alter 6, job.refused 5: the job ended first, job.refused 6: the job ended first", told(id))
      assert.is_nil(duration(id))
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
    end)

    it("a job that is tried again is handed over as it was to be", function()
      local id = make({ run_ms = 700, exit_code = 1, alter_error = "busy" },
        { retries = { count = 1, reasons = { "EXIT_CODE" } } })
      s:job_in(id, "ACTIVE")
      assert.equal(202, alter(id, { duration = 5 }).status)
      assert.equal(202, alter(id, { duration = 6 }).status)
      answered(id, 2)
      assert.equal("job.alter 5, job.alter 6, job.altered 5, job.altered 6", told(id))
      assert.same({ 6, 2 }, { duration(id), s:job_in(id).attempt })
    end)

    it("a job that is being handed over is altered when its scheduler has it", function()
      local id = make { submit_delay_ms = 700, run_ms = 60000 }
      s:job_in(id, "SUBMITTING")
      assert.equal(202, alter(id, { duration = 1 }).status)
      assert.equal("TIMEOUT", s:job_in(id).reason)
      assert.equal("job.alter 1, job.altered 1", told(id))
    end)

    it("a scheduler that cannot is not asked", function()
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true", resource = "stubborn" }).id
      s:job_in(id, "HELD")
      s:patch("/v1/jobs/" .. id, { name = "same" })
      local response = s:patch("/v1/jobs/" .. id, { name = "other", attributes = { duration = 5 } })
      assert.same({ 409, "/problems/illegal-transition", "The job is HELD, and resource stubborn cannot alter a job that it "
        .. "holds; cancel it, and create it anew." }, { response.status, response.json.type, response.json.detail })
      assert.equal("same", s:read("/v1/jobs/" .. id).name)
      s:post("/v1/jobs/" .. id .. "/cancel")
      s:job_in(id)
      assert.equal("", told(id))
    end)

    it("a job that has ended stays as it was", function()
      local id = make()
      s:job_in(id)
      local response = alter(id, { duration = 5 })
      assert.same({ 409, "/problems/illegal-transition" }, { response.status, response.json.type })
      assert.equal(200, alter(id, {}).status)
    end)

    it("what a new job may not ask for is refused", function()
      local held, running = make(nil, { hold = true }), make { run_ms = 60000 }
      s:job_in(running, "ACTIVE")
      local before = s:counts()
      for _, id in ipairs { held, running } do
        for pointer, attributes in pairs {
          ["/attributes/duration"] = { duration = 0 }, ["/attributes/queue_name"] = { queue_name = "a\nb" },
          ["/attributes/account"] = { account = ("a"):rep(257) }, ["/attributes/reservation_id"] = { reservation_id = 5 },
          ["/attributes/custom_attributes"] = { custom_attributes = { ["fake.run_ms"] = 1 } }, ["/attributes"] = http.null } do
          local response = alter(id, attributes)
          assert.same({ 422, pointer }, { response.status, response.json.errors[1].pointer })
        end
      end
      assert.equal(before, s:counts())
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
      for _, id in ipairs { held, running } do s:post("/v1/jobs/" .. id .. "/cancel") end
    end)

    it("what the resource cannot honour is refused", function()
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true", resource = "stubborn", hold = true }).id
      local response = alter(id, { queue_name = "fast" })
      assert.same({ 422, "/attributes/queue_name" }, { response.status, response.json.errors[1].pointer })
      assert.matches("resource stubborn cannot honour this field", response.json.detail)
      s:post("/v1/jobs/" .. id .. "/cancel")
    end)
  end)
end
