-- The server as a process: starting, refusing to start, ending, and coming back.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"
local socket = require "socket"

-- A server that must not come up → its exit code and what it said.
local function refused(s)
  s:launch()
  local code = s.process:wait(30)
  s.process:close()
  local log = s:log()
  s:remove()
  return code, log
end

-- A copy of the program with its Lua and its migrations, to be tampered with → its folder.
local function copy_of_program()
  local folder = process.temporary()
  local code, output = process.run(("cp -L %s %s/ && cp -rL %s/share %s/ && mkdir -p %s/schedulers"):format(
    process.quote(server.program), folder, process.quote(server.build), folder, folder))
  assert(code == 0, output)
  return folder
end

describe("starting:", function()
  it("where it is, and the first token, stand in the data directory", function()
    local s = server.start { workers = 2 }
    local told = http.decode(process.read(s.data .. "/server.json"))
    assert.same({ s.url, s.process.pid, s.data .. "/admin.token" }, { told.url, told.pid, told.token_file })
    local _, modes = process.run(("stat -c %%a %s %s/admin.token %s/server.json"):format(s.data, s.data, s.data))
    assert.equal("700\n600\n644\n", modes)
    local data = s.data
    s:stop(true)
    assert.is_nil(process.read(data .. "/server.json"))
    s:remove()
  end)

  it("a taken port: 69, and nothing was made of the data", function()
    local s = server.start()
    local other = server.new { listen = "127.0.0.1:" .. s.port }
    other:launch()
    assert.equal(69, other.process:wait(30))
    other.process:close()
    assert.matches(("port %s of 127.0.0.1 is taken"):format(s.port), other:log(), 1, true)
    assert.is_nil(process.read(other.data .. "/orrery.db"))
    other:remove()
    assert.equal(200, s:get("/readyz").status)
    s:stop()
  end)

  it("a second server on the same data: 69, and it names the first", function()
    local s = server.start()
    local code, log = refused(server.new { data = s.data })
    assert.equal(69, code)
    assert.matches(("pid %d;"):format(s.pid), log)
    assert.matches(s.data, log, 1, true)
    assert.equal(200, s:get("/readyz").status)
    assert.is_string(process.read(s.data .. "/server.json"))
    s:stop()
  end)

  it("a data directory that cannot be written: 74, and it says so", function()
    local s = server.new { wrapper = "setpriv --reuid=65534 --regid=65534 --clear-groups" }
    process.run(("chmod 755 %s && mkdir -m 755 %s"):format(s.directory, s.data))
    if process.run(s.options.wrapper .. " test -x " .. process.quote(server.program)) ~= 0 then
      s:remove()
      return pending "no other user can run the program"
    end
    local data = s.data
    local code, log = refused(s)
    assert.equal(74, code)
    assert.matches(data .. " cannot be written by this user", log, 1, true)
  end)

  it("a wrong configuration: 78, with file and line", function()
    local s = server.new { config = 'metrics_open = "yes"\nmetrics_opne = true' }
    local file = s.directory .. "/orrery.lua"
    local code, log = refused(s)
    assert.equal(78, code)
    assert.matches(file .. ":8: there is no setting metrics_opne", log, 1, true)
  end)

  it("a file that a setting names and nobody can read: 74, with the setting, once", function()
    for setting, config in pairs { ["webhooks.ca_file"] = 'webhooks = { ca_file = "/nowhere" }',
      ["bus.password_file"] = 'bus = { url = "amqp://broker", password_file = "/nowhere" }' } do
      local code, log = refused(server.new { config = config })
      assert.equal(74, code)
      local _, times = log:gsub(setting .. ": cannot read /nowhere: No such file", "")
      assert.equal(1, times, log)
    end
  end)

  it("a migration that was changed after it was applied is refused, the database is left alone", function()
    local folder = copy_of_program()
    local s = server.new()
    local program = server.program
    finally(function() server.program = program end)
    server.program = folder .. "/orrery"
    s:launch():ready()
    local id = s:simulation "kept"
    s:stop(true)
    local code, output = process.run(("echo '-- changed' >>%s/share/migrations/0001_foundation.sql"):format(folder))
    assert(code == 0, output)
    s:launch()
    assert.equal(1, s.process:wait(30))
    s.process:close()
    assert.matches("0001_foundation.sql", s:log(), 1, true)
    assert.matches("changed", s:log())
    server.program = program
    s:restart()
    assert.equal("kept", s:read("/v1/simulations/" .. id).name)
    s:stop()
    process.run("rm -rf " .. folder)
  end)

  it("a defect in its own Lua: it says so and ends", function()
    local folder = copy_of_program()
    local s = server.new { workers = 2 }
    local program = server.program
    finally(function() server.program = program end)
    server.program = folder .. "/orrery"
    process.write(folder .. "/share/lua/orrery/api/tokens.lua", 'error "broken on purpose"')
    local code, log = refused(s)
    assert.equal(1, code)
    assert.matches("broken on purpose", log)
    process.run("rm -rf " .. folder)
  end)

  it("asked to end while it starts, it ends well, whenever that is", function()
    for n = 0, 11 do
      local s = server.new { workers = 2 }
      s:launch()
      socket.sleep(n * 0.005)
      s.process:signal "TERM"
      local code = s.process:wait(30)
      s.process:close()
      -- 143: it had not come to listening for signals
      assert(code == 0 or code == 143, ("after %d ms: %d: %s"):format(n * 5, code, s:log()))
      assert.equal("", s:complaints())
      s:remove()
    end
  end)

  it("on IPv6", function()
    if process.run("test -e /proc/net/if_inet6 && grep -q ' lo$' /proc/net/if_inet6") ~= 0 then return pending "no IPv6 here" end
    local s = server.new { listen = "[::1]:0" }
    s:launch():ready()
    assert.matches("^http://%[::1%]:%d+$", s.url)
    local connection = socket.tcp6()
    assert(connection:connect("::1", s.port))
    connection:send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert.matches("^HTTP/1.1 200", connection:receive "*l")
    connection:close()
    s:stop()
  end)
end)

describe("ending:", function()
  it("what has been begun is finished, what is idle is closed, and nobody new is let in", function()
    local s = server.start { workers = 2 }
    local body = http.encode { name = "in flight" }
    local half, idle = s:connect(), s:connect()
    half:send_raw(("POST /v1/simulations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s")
      :format(s.token, #body, body:sub(1, 5)))
    s:send("GET", "/healthz", { connection = idle })
    assert.equal(200, idle:receive().status)
    s:disconnect()
    s.process:signal "TERM"
    assert.same({ nil, "closed" }, { idle:receive() })
    process.eventually("the end of listening", function()
      local late = socket.connect(s.host, s.port)
      if late then late:close() end
      return not late
    end, 5)
    assert.is_nil(s.process:ended())
    half:send_raw(body:sub(6))
    local response = half:receive()
    assert.same({ 201, "close" }, { response.status, response.headers.connection })
    s:stop(true)
    s:restart()
    assert.equal("in flight", s:read("/v1/simulations/" .. response.json.id).name)
    s:stop()
  end)

  it("a client that does not finish is not waited for for ever", function()
    local s = server.start { config = "http = { body_ms = 500 }" }
    local half = s:connect()
    half:send_raw(("POST /v1/simulations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 9\r\n\r\n{"):format(s.token))
    socket.sleep(0.1)
    s.process:signal "TERM"
    assert.equal(408, half:receive().status)
    s:stop()
  end)

  it("Ctrl-C does the same; asked twice, it ends at once", function()
    local s = server.start()
    s.process:signal "INT"
    assert.equal(0, s.process:wait(30))
    s:stop()
    s = server.start()
    local half = s:connect()
    half:send_raw "POST /v1/simulations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    socket.sleep(0.1)
    s.process:signal "TERM"
    socket.sleep(0.1)
    s.process:signal "TERM"
    assert.equal(143, s.process:wait(10))
    s.process:close()
    half:close()
    s:remove()
  end)

  it("jobs go on without it and are found again", function()
    local s = server.start()
    local id = s:simulation()
    local running = s:job(id, { run_ms = 600 }).id
    local waiting = s:job(id, { queue_ms = 300, run_ms = 100, exit_code = 4 }).id
    local held = s:job(id, nil, { hold = true }).id
    s:job_in(running, "ACTIVE")
    s:job_in(waiting, "QUEUED", "ACTIVE")
    s:stop(true)
    socket.sleep(0.7)
    s:restart()
    assert.equal("COMPLETED", s:job_in(running).state)
    assert.equal(4, s:job_in(waiting).exit_code)
    assert.equal("HELD", s:read("/v1/jobs/" .. held).reason)
    local _, starts = process.run("wc -l <" .. s.data .. "/resources/fake/starts")
    assert.equal(2, tonumber(starts))
    s:stop()
  end)
end)

describe("a server that is killed", function()
  it("keeps everything that was acknowledged, and nothing by halves", function()
    local s = server.start { workers = 2 }
    local id = s:simulation()
    local accepted, connections = {}, {}
    for n = 1, 6 do connections[n] = s:connect() end
    local sweep = s:send("POST", "/v1/simulations/" .. id .. "/sweeps", { body = { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 200000, step = 1 } } } })
    for round = 1, 12 do
      for n, connection in ipairs(connections) do
        s:send("POST", "/v1/simulations/" .. id .. "/jobs", { connection = connection,
          body = server.spec(nil, { hold = true, name = round .. "/" .. n }), key = round .. "/" .. n })
      end
      if round == 12 then break end -- these are under way when it is killed
      for n, connection in ipairs(connections) do
        local response = connection:receive()
        assert.equal(201, response.status)
        accepted[response.json.id] = round .. "/" .. n
      end
    end
    assert.same({ nil, "timeout" }, { sweep:receive(0) })
    s:kill()
    for n, connection in ipairs(connections) do -- answers that were on their way count as well
      local response = connection:receive()
      if response then accepted[response.json.id] = "12/" .. n end
      connection:close()
    end
    sweep:close()
    s:restart()
    local listed = {}
    for _, job in ipairs(s:all("/v1/simulations/" .. id .. "/jobs?limit=1000")) do listed[job.id] = job.name end
    for job, name in pairs(accepted) do assert.equal(name, listed[job]) end
    local counts = s:read("/v1/simulations/" .. id).counts
    local total = 0
    for _ in pairs(listed) do total = total + 1 end
    assert.equal(total, counts.total)
    assert.is_true(total <= 72)
    assert.same({}, s:read("/v1/simulations/" .. id .. "/sweeps").items)
    assert.equal("0|0", s:sql "SELECT (SELECT count(*) FROM jobs WHERE sweep IS NOT NULL), (SELECT count(*) FROM sweeps)")
    -- a client that got no answer asks again, and has one job either way
    for n = 1, 6 do
      assert.equal(201, s:post("/v1/simulations/" .. id .. "/jobs", server.spec(nil, { hold = true, name = "12/" .. n }),
        { key = "12/" .. n }).status)
    end
    assert.equal(72, s:read("/v1/simulations/" .. id).counts.total)
    s:stop()
  end)

  it("starts no job twice", function()
    local s = server.start()
    local id = s:simulation()
    local jobs = {}
    for n = 1, 5 do
      for _ = 1, 4 do jobs[#jobs + 1] = s:job(id, { run_ms = 20, submit_delay_ms = 5 }).id end
      if n % 2 == 1 then socket.sleep(n * 0.004) else s:job_in(jobs[#jobs - 3], "SUBMITTING", "QUEUED", "ACTIVE", "COMPLETED") end
      s:kill()
      s:restart()
    end
    assert.equal("COMPLETED", s:finished(id).state)
    local seen = {}
    for tag in process.read(s.data .. "/resources/fake/starts"):gmatch "[^\n]+" do
      assert.is_nil(seen[tag], "started twice")
      seen[tag] = true
    end
    for _, job in ipairs(jobs) do assert.equal("COMPLETED", s:read("/v1/jobs/" .. job).state) end
    s:stop()
  end)
end)

describe("durability:", function()
  it("the log is on the disk before the answer is on the wire", function()
    local s = server.new()
    local trace = s.directory .. "/trace"
    -- leaks cannot be looked for in a process that is traced
    s.options.wrapper = "env ASAN_OPTIONS=detect_leaks=0 strace -D -f -y -s 64 -o " .. trace
      .. " -e trace=fdatasync,fsync,pwrite64,read,recvfrom,write,writev,sendto,sendmsg"
    if process.run("strace -o /dev/null true") ~= 0 then
      s:remove()
      return pending "strace is not allowed here"
    end
    s:launch():ready()
    local id = s:simulation()
    for n = 1, 5 do s:job(id, nil, { hold = true, name = "job " .. n }) end
    s.process:signal "TERM"
    assert.equal(0, s.process:wait(30))
    s.process:close()
    socket.sleep(0.2) -- strace writes its last lines
    -- Of each request: it is read, then the log is written to, then synced, then the answer is written.
    local stage, answers = "idle", 0
    for line in io.lines(trace) do
      if line:find('"POST /v1/', 1, true) then stage = "read"
      elseif stage == "read" and line:find "pwrite64%(%d+<[^>]*orrery.db%-wal>" then stage = "written"
      elseif stage == "written" and (line:find "fdatasync%(%d+<[^>]*orrery.db%-wal>%) += 0"
        or line:find "<%.%.%. fdatasync resumed>%) += 0") then stage = "synced"
      elseif line:find('"HTTP/1.1 201', 1, true) then
        assert.equal("synced", stage, line)
        stage, answers = "idle", answers + 1
      end
    end
    assert.equal(6, answers)
    s:remove()
  end)
end)

describe("a full disk:", function()
  local place

  setup(function()
    place = process.temporary()
    if process.run("mount -t tmpfs -o size=6m,mode=700 none " .. place) ~= 0 then
      os.remove(place)
      place = nil
    end
  end)
  teardown(function()
    if place then process.run(("umount %s; rmdir %s"):format(place, place)) end
  end)

  it("writing is refused with 507, reading goes on, and room heals it", function()
    if not place then return pending "no mounting here" end
    local s = server.start { data = place .. "/data" }
    local id = s:simulation "before"
    local job = s:job_in(s:job(id).id).id
    process.run(("head -c 100m /dev/zero >%s/filler"):format(place))
    local large = { name = "large", description = ("d"):rep(60000) }
    local full
    for _ = 1, 100 do
      local response = s:post("/v1/simulations", large)
      if response.status ~= 201 then
        full = response
        break
      end
    end
    assert.same({ 507, "/problems/storage-full", "application/problem+json" },
      { full.status, full.json.type, full.headers["content-type"] })
    assert.matches("disk", full.json.title)
    local count = #s:all "/v1/simulations?fields=id"
    assert.equal(507, s:post("/v1/simulations/" .. id .. "/sweeps", { template = { executable = "/bin/true",
      arguments = { ("x"):rep(60000) } }, parameters = { n = { from = 1, to = 20000, step = 1 } } }).status)
    assert.equal("COMPLETED", s:read("/v1/jobs/" .. job).state)
    local unready = s:get "/readyz"
    assert.equal(503, unready.status)
    assert.matches("nothing can be stored: .*full", unready.json.detail)
    assert.equal(count, #s:all "/v1/simulations?fields=id")
    s:announce "nothing can be stored"
    os.remove(place .. "/filler")
    process.eventually("room", function() return s:post("/v1/simulations", large).status == 201 end)
    process.eventually("its being ready", function()
      s:patch("/v1/simulations/" .. id, { description = "again" })
      return s:get("/readyz").status == 200
    end)
    assert.equal(1, select(2, s:log():gsub("nothing can be stored", "")))
    assert.equal("COMPLETED", s:job_in(s:job(id).id).state)
    assert.equal(1 + count, #s:all "/v1/simulations?fields=id")
    process.eventually("the sweep taken back", function() return s:sql "SELECT count(*) FROM sweeps WHERE ready = 0" == "0" end)
    s:stop(true)
    s:restart()
    assert.equal("before", s:read("/v1/simulations/" .. id).name)
    s:stop()
  end)

  it("jobs whose directories it is for wait for room, and the resource says why", function()
    if not place then return pending "no mounting here" end
    local s = server.start { resources = ('resource "local" { scheduler = "local", base = %q, poll_ms = 200 }'):format(place .. "/jobs") }
    local id = s:simulation()
    process.run(("mkdir %s/jobs; head -c 100m /dev/zero >%s/filler"):format(place, place))
    local jobs = {}
    for i = 1, 20 do jobs[i] = s:make("/v1/simulations/" .. id .. "/jobs", { script = "echo here" }).id end
    process.eventually("a word of it", function()
      local resource = s:read "/v1/resources/local"
      return resource.state == "degraded" and resource.message:find "No space left on device"
    end)
    for _, job in ipairs(jobs) do assert.equal("QUEUED", s:read("/v1/jobs/" .. job).state) end
    os.remove(place .. "/filler")
    assert.same({ total = 20, COMPLETED = 20 }, s:finished(id).counts)
    process.eventually("its being up", function() return s:read("/v1/resources/local").state == "up" end)
    s:stop()
  end)
end)
