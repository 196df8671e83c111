-- ?wait= : an answer that comes when there is something to tell.
local socket = require "socket"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("waiting, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
    end)
    teardown(function()
      if s.process.pipe then s:stop() end
    end)

    it("a job's answer comes at its end", function()
      local job = s:job(simulation, { run_ms = 300 }).id
      local began = socket.gettime()
      local response = s:get("/v1/jobs/" .. job .. "?wait=30")
      assert.same({ 200, "COMPLETED" }, { response.status, response.json.state })
      assert.is_true(socket.gettime() - began < 29)
    end)

    it("at once when it has ended already, and as it is when the time is over", function()
      local ended, held = s:job(simulation).id, s:job(simulation, nil, { hold = true }).id
      s:job_in(ended)
      local began = socket.gettime()
      assert.equal("COMPLETED", s:read("/v1/jobs/" .. ended .. "?wait=60").state)
      assert.is_true(socket.gettime() - began < 20)
      began = socket.gettime()
      assert.equal("PENDING", s:read("/v1/jobs/" .. held .. "?wait=0.2").state)
      assert.is_true(socket.gettime() - began >= 0.2)
      assert.equal("PENDING", s:read("/v1/jobs/" .. held .. "?wait=0").state)
    end)

    it("a simulation's answer comes when its last job has ended", function()
      local id = s:simulation()
      s:job(id)
      s:job(id, { run_ms = 300 })
      local simulation_now = s:read("/v1/simulations/" .. id .. "?wait=30")
      assert.same({ "COMPLETED", { total = 2, COMPLETED = 2 } }, { simulation_now.state, simulation_now.counts })
    end)

    it("with If-None-Match it comes at the next change, or 304 when there is none", function()
      local job = s:job(simulation, nil, { hold = true }).id
      local path = "/v1/jobs/" .. job
      local tag = s:get(path).headers.etag
      local response = s:get(path .. "?wait=0.1", { headers = { ["If-None-Match"] = tag } })
      assert.same({ 304, tag, "" }, { response.status, response.headers.etag, response.body })
      local waiting = s:send("GET", path .. "?wait=30", { headers = { ["If-None-Match"] = tag } })
      assert.equal("timeout", select(2, waiting:receive(0.1)))
      s:patch(path, { name = "renamed" })
      response = waiting:receive()
      assert.same({ 200, "renamed" }, { response.status, response.json.name })
      assert.not_equal(tag, response.headers.etag)
      assert.equal(200, s:get(path .. "?wait=30", { headers = { ["If-None-Match"] = tag } }).status)
    end)

    it("a deletion ends it with 410", function()
      local id = s:simulation()
      s:job(id, nil, { submit = false })
      local waiting = s:send("GET", "/v1/simulations/" .. id .. "?wait=30")
      assert.equal("timeout", select(2, waiting:receive(0.05)))
      assert.equal(204, s:delete("/v1/simulations/" .. id).status)
      assert.equal(410, waiting:receive().status)
    end)

    it("many wait at once, and other requests are served meanwhile", function()
      local job = s:job(simulation, nil, { hold = true }).id
      local waiting = {}
      for n = 1, 200 do waiting[n] = s:send("GET", "/v1/jobs/" .. job .. "?wait=60") end
      assert.equal(200, s:get("/v1/jobs/" .. job).status)
      s:post("/v1/jobs/" .. job .. "/release")
      for _, connection in ipairs(waiting) do
        assert.equal("COMPLETED", connection:receive().json.state)
        connection:close()
      end
    end)

    it("nobody is waited for who has left", function()
      local job = s:job(simulation, nil, { hold = true }).id
      for _ = 1, 20 do
        local connection = s:send("GET", "/v1/jobs/" .. job .. "?wait=60")
        connection.socket:setoption("linger", { on = true, timeout = 0 }) -- leaves with a reset
        connection:close()
      end
      assert.equal(200, s:get("/v1/jobs/" .. job).status)
      s:post("/v1/jobs/" .. job .. "/cancel")
      s:job_in(job, "CANCELED")
    end)

    it("the end of the server ends it at once", function()
      local job = s:job(simulation, nil, { hold = true }).id
      local waiting = {}
      for n = 1, 4 do waiting[n] = s:send("GET", "/v1/jobs/" .. job .. "?wait=60") end
      assert.equal("timeout", select(2, waiting[1]:receive(0.1)))
      s.process:signal "TERM"
      for _, connection in ipairs(waiting) do
        local response = connection:receive()
        assert.same({ 200, "PENDING", "close" }, { response.status, response.json.state, response.headers.connection })
      end
      s:stop()
    end)
  end)
end
