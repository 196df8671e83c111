-- SIGTERM and Ctrl-C: no new connections, and what was begun is finished. Local jobs go on, however the server ends, and
-- the next one finds them, and how they ended.
local crash = require "support.crash"
local http = require "support.http"
local process = require "support.process"
local socket = require "socket"

local function is_refused(s)
  local connection = socket.tcp()
  local connected = connection:connect(s.host, s.port)
  connection:close()
  return not connected
end

-- Ends the server by a signal, and starts it again after `meanwhile`.
local function interrupt(s, signal, meanwhile)
  s.process:signal(signal)
  assert.equal(signal == "KILL" and 137 or 0, s.process:wait())
  s.process:close()
  os.remove(s.data .. "/server.json")
  meanwhile()
  s:restart()
end

for _, signal in ipairs { "TERM", "INT" } do
  describe("SIG" .. signal, function()
    it("lets requests that have begun finish, and nobody else in", function()
      local s, _ <close> = crash.start {}
      local target = "/v1/simulations/" .. s:simulation() .. "/jobs"
      local body = http.encode(crash.counted(s))
      local idle, begun, waiting = s:connect(), s:connect(), s:connect()
      begun:send_raw(("POST %s HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        .. "Content-Length: %d\r\n\r\n%s"):format(target, s.token, #body, body:sub(1, 20)))
      local held = s:make(target, { executable = "/bin/true", hold = true })
      s:send("GET", "/v1/jobs/" .. held.id .. "?wait=60", { connection = waiting })
      idle:send("GET", "/healthz")
      assert.equal(200, idle:receive().status)

      s.process:signal(signal)
      process.eventually("a closed door", function() return is_refused(s) end)
      assert.is_nil((idle:receive()))
      assert.equal("PENDING", waiting:receive().json.state) -- it is not waited for
      assert.is_nil(s.process:ended())
      begun:send_raw(body:sub(21))
      local response = begun:receive()
      assert.same({ 201, "close" }, { response.status, response.headers.connection })
      assert.equal(0, s.process:wait())

      s.process:close()
      s:restart()
      assert.equal("COMPLETED", s:job_in(response.json.id).state)
      crash.stop(s)
    end)
  end)
end

describe("SIGTERM while a large sweep is being written", function()
  it("is not put off by it, and nothing of the sweep is left", function()
    local s, _ <close> = crash.start {}
    local simulation = s:simulation()
    local begun = s:send("POST", "/v1/simulations/" .. simulation .. "/sweeps", { body = {
      template = { executable = "/bin/true", hold = true }, parameters = { i = { from = 1, to = 1000000, step = 1 } } } })
    process.eventually("some of its jobs", function() return tonumber(s:sql "SELECT count(*) FROM jobs") > 1000 end)
    s.process:signal "TERM"
    local response = begun:receive()
    assert.same({ 503, "/problems/unavailable" }, { response.status, response.json.type })
    assert.equal(0, s.process:wait())
    assert.is_true(tonumber(s:sql "SELECT count(*) FROM jobs") < 1000000)

    s.process:close()
    s:restart()
    assert.equal("0|0|0", s:sql [[SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM sweeps),
      (SELECT count(*) FROM events WHERE type = 'jobs.created')]])
    crash.stop(s)
  end)
end)

for _, signal in ipairs { "TERM", "INT", "KILL" } do
  describe("after SIG" .. signal, function()
    it("jobs go on, and the next server finds them and how they ended", function()
      local s, _ <close> = crash.start { options = "cores = 2" }
      local simulation = s:simulation()
      local function add(more)
        local job = crash.counted(s, ("while [ ! -e %s/go ]; do sleep 0.02; done; %s"):format(s.directory, more))
        return s:make("/v1/simulations/" .. simulation .. "/jobs", job).id
      end
      local jobs = { add "echo '{\"answer\": 42}' >results.json", add "exit 3", add "echo out" } -- the last one waits
      crash.await_runs(s, 2)
      for i, state in ipairs { "ACTIVE", "ACTIVE", "QUEUED" } do s:job_in(jobs[i], state) end
      local supervisor = crash.supervisor(s)
      interrupt(s, signal, function() end)
      assert.same({ "ACTIVE", "ACTIVE", "QUEUED" }, { s:read("/v1/jobs/" .. jobs[1]).state,
        s:read("/v1/jobs/" .. jobs[2]).state, s:read("/v1/jobs/" .. jobs[3]).state })
      interrupt(s, signal, function()
        process.write(s.directory .. "/go", "")
        crash.await_runs(s, 3)
      end)

      local done = s:finished(simulation)
      assert.same({ total = 3, COMPLETED = 2, FAILED = 1 }, done.counts)
      local failed = s:read("/v1/jobs/" .. jobs[2])
      assert.same({ "FAILED", "EXIT_CODE", 3 }, { failed.state, failed.reason, failed.exit_code })
      assert.same({ answer = 42 }, s:read("/v1/simulations/" .. simulation .. "/results").items[1].results)
      assert.equal("out\n", s:get("/v1/jobs/" .. jobs[3] .. "/stdout").body)
      local steps = {}
      for _, event in ipairs(s:read("/v1/jobs/" .. jobs[3] .. "/history").items) do steps[#steps + 1] = event.to end
      assert.same({ "PENDING", "SUBMITTING", "QUEUED", "ACTIVE", "COMPLETED" }, steps)
      assert.same({ [jobs[1]] = 1, [jobs[2]] = 1, [jobs[3]] = 1 }, (crash.read_runs(s)))
      assert.equal(supervisor, crash.supervisor(s))
      crash.stop(s)
    end)
  end)
end
