-- Requests that meet: whichever wins, both answers are true.
local server = require "support.server"

local ROUNDS = 30

for _, workers in ipairs { 1, 2 } do
  describe(("races, %d API worker(s):"):format(workers), function()
    local s, one, two

    setup(function()
      s = server.start { workers = workers }
      one, two = s:connect(), s:connect()
    end)
    teardown(function()
      one:close()
      two:close()
      s:stop()
    end)

    -- Sends two requests at once → both answers.
    local function race(a, b)
      s:send(a[1], a[2], { body = a[3] or "", connection = one })
      s:send(b[1], b[2], { body = b[3] or "", connection = two })
      return one:receive(), two:receive()
    end

    it("a job into a simulation that is being deleted", function()
      for _ = 1, ROUNDS do
        local id = s:simulation()
        local created, deleted = race({ "POST", "/v1/simulations/" .. id .. "/jobs", server.spec() },
          { "DELETE", "/v1/simulations/" .. id })
        if created.status == 201 then
          assert.is_true(deleted.status == 409 or s:read("/v1/jobs/" .. created.json.id).state == "COMPLETED")
          if deleted.status == 409 then assert.equal("COMPLETED", s:job_in(created.json.id).state) end
        else
          assert.same({ 410, 204 }, { created.status, deleted.status })
        end
      end
    end)

    it("submit and delete of a NEW job", function()
      local id = s:simulation()
      for _ = 1, ROUNDS do
        local job = s:job(id, nil, { submit = false }).id
        local submitted, deleted = race({ "POST", "/v1/jobs/" .. job .. "/submit" }, { "DELETE", "/v1/jobs/" .. job })
        if submitted.status == 202 then
          assert.is_true(deleted.status == 409 or deleted.status == 204)
        else
          assert.is_true(submitted.status == 409 or submitted.status == 410, submitted.body)
          assert.equal(204, deleted.status)
        end
      end
      s:finished(id)
      local counts = s:read("/v1/simulations/" .. id).counts
      assert.equal(#s:all("/v1/simulations/" .. id .. "/jobs"), counts.total)
    end)

    it("two submits of one job", function()
      local id = s:simulation()
      for _ = 1, ROUNDS do
        local job = s:job(id, nil, { submit = false }).id
        local a, b = race({ "POST", "/v1/jobs/" .. job .. "/submit" }, { "POST", "/v1/jobs/" .. job .. "/submit" })
        assert.equal(202 + 409, a.status + b.status)
      end
      assert.equal(ROUNDS, s:finished(id).counts.COMPLETED)
    end)

    it("two changes of what a job or a simulation is called", function()
      local id = s:simulation()
      for i = 1, ROUNDS do
        local job = s:job(id, nil, { submit = false }).id
        local a, b = race({ "PATCH", "/v1/jobs/" .. job, { name = "n" .. i } }, { "PATCH", "/v1/jobs/" .. job, { priority = i } })
        assert.same({ 200, 200 }, { a.status, b.status })
        local now = s:read("/v1/jobs/" .. job)
        assert.same({ "n" .. i, i }, { now.name, now.priority })
        a, b = race({ "PATCH", "/v1/simulations/" .. id, { name = "n" .. i } },
          { "PATCH", "/v1/simulations/" .. id, { description = "d" .. i } })
        assert.same({ 200, 200 }, { a.status, b.status })
        now = s:read("/v1/simulations/" .. id)
        assert.same({ "n" .. i, "d" .. i }, { now.name, now.description })
      end
    end)

    it("cancel and the end of a job", function()
      local id = s:simulation()
      for _ = 1, ROUNDS do
        local created = s:job(id)
        local response = s:post("/v1/jobs/" .. created.id .. "/cancel")
        assert.is_true(response.status == 202 or response.status == 409, response.body)
      end
      local counts = s:finished(id).counts
      assert.equal(ROUNDS, (counts.COMPLETED or 0) + (counts.CANCELED or 0))
      for _, job in ipairs(s:all("/v1/simulations/" .. id .. "/jobs")) do
        local events = s:all("/v1/jobs/" .. job.id .. "/history")
        local last
        for _, event in ipairs(events) do last = event.type == "job.state" and event.to or last end
        assert.equal(job.state, last)
      end
    end)
  end)
end
