-- Files that are sent to jobs on another machine, over ssh, and as other accounts, by sudo: whole or not at all, and what
-- befalls the way there befalls the file alone.
local far = require "support.far"
local process = require "support.process"
local server = require "support.server"
local slurm = require "support.slurm"
local sshd = require "support.sshd"

local function put(s, id, name, body) return s:request("PUT", ("/v1/jobs/%s/files/%s"):format(id, name), { body = body }) end
local function get(s, id, name) return s:get(("/v1/jobs/%s/files/%s"):format(id, name)) end

local function refused(status, words, response)
  assert.equal(status, response.status, response.body)
  assert.matches(words, response.json.detail)
end

-- A request of which the beginning has been sent.
local function begin(s, id, name, length, part)
  local connection = s:connect()
  connection:send_raw(("PUT /v1/jobs/%s/files/%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s")
    :format(id, name, s.token, length, part))
  connection.method = "PUT"
  return connection
end

-- What is the same wherever it is: the job has not been submitted, and `root` is its simulation's folder.
local function written(s, id, run, place)
  local binary = {}
  for byte = 0, 255 do binary[#binary + 1] = string.char(byte) end
  binary = table.concat(binary):rep(5000)
  assert.equal(201, put(s, id, "in.txt", "first").status)
  local response = put(s, id, "in.txt", "second, and longer")
  assert.same({ 200, 18 }, { response.status, response.json.size })
  assert.equal("second, and longer", get(s, id, "in.txt").body)
  response = put(s, id, "deep/er/it's%20$(x)", binary)
  assert.same({ 201, #binary }, { response.status, response.json.size })
  assert.is_true(get(s, id, "deep/er/it's%20$(x)").body == binary)
  assert.equal(201, put(s, id, "empty", "").status)
  assert.equal("600 700", run(("stat -c %%a %s/deep/er/it* %s/deep/er | paste -sd ' '"):format(place, place)))
  run(("cd %s && ln -s / root && ln -s /nowhere/x dangling && ln -s deep alias && mkfifo pipe"):format(place))
  refused(422, "leads out", put(s, id, "root/tmp/orrery-never", "x"))
  refused(422, "leads out", put(s, id, "dangling/x", "x"))
  refused(422, "longer than a name", put(s, id, ("x"):rep(300), "x"))
  refused(409, "deep is a folder", put(s, id, "deep", "x"))
  refused(409, "special file", put(s, id, "pipe", "x"))
  refused(409, "one is a file", put(s, id, "in.txt/x", "x"))
  assert.equal(201, put(s, id, "alias/x", "x").status)
  assert.equal("x", get(s, id, "deep/x").body)
  assert.equal(204, s:delete(("/v1/jobs/%s/files/deep/x"):format(id)).status)
  refused(404, "there is no deep/x", s:delete(("/v1/jobs/%s/files/deep/x"):format(id)))
  refused(409, "deep is a folder", s:delete(("/v1/jobs/%s/files/deep"):format(id)))
  local connection = begin(s, id, "in.txt", 1000000, ("x"):rep(300000))
  process.eventually("its beginning", function() return run(("ls -A %s"):format(place)):find(".arriving", 1, true) end)
  connection:close()
  process.eventually("its end", function() return not run(("ls -A %s"):format(place)):find(".arriving", 1, true) end)
  assert.equal("second, and longer", get(s, id, "in.txt").body)
end

describe("files sent over ssh", function()
  local rig, s, simulation
  setup(function()
    rig = far.of(slurm, "--disk 20 --shell bob=/bin/sh").start()
    s = server.start { schedulers = "", resources = ('resource "cluster" { scheduler = "slurm", poll_ms = 200, %s }')
      :format(rig.settings) }
    simulation = s:simulation()
    process.eventually("the resource", function() return s:read("/v1/resources/cluster").state == "up" end)
  end)
  teardown(function()
    if s then s:stop() end
    if rig then rig:stop() end
  end)

  local function job(more)
    local spec = { executable = "/bin/cat", arguments = { "in.txt" }, hold = true }
    for name, value in pairs(more or {}) do spec[name] = value end
    return s:make("/v1/simulations/" .. simulation .. "/jobs", spec).id
  end
  local function run(command)
    local code, output = sshd.log_in(rig.host, rig.host.login, command)
    assert(code == 0, output)
    return (output:gsub("\n$", ""))
  end
  local function place_of(id) return ("jobs/%s/%s/0"):format(simulation, id) end

  it("are whole, or not there", function()
    local id = job()
    written(s, id, run, place_of(id))
  end)

  it("are there when the job begins, and go where it is while it runs", function()
    local id = job { executable = "/bin/sh", arguments = { "-c", "cat in.txt; until [ -e stop ]; do sleep 0.1; done; cat stop" } }
    assert.equal(201, put(s, id, "in.txt", "input\n").status)
    s:make("/v1/jobs/" .. id .. "/release", "", { status = 202 })
    s:job_in(id, "ACTIVE")
    process.eventually("its output", function() return s:get("/v1/jobs/" .. id .. "/stdout").body == "input\n" end)
    assert.equal(201, put(s, id, "stop", "stopped\n").status)
    assert.equal("COMPLETED", s:job_in(id).state)
    assert.equal("input\nstopped\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
  end)

  it("are not there when the connection breaks, and the next one is", function()
    local id = job()
    put(s, id, "in.txt", "whole")
    local connection = begin(s, id, "in.txt", 1000000, ("x"):rep(300000))
    process.eventually("its beginning", function() return run("ls -A " .. place_of(id)):find(".arriving", 1, true) end)
    sshd.kill_connected(rig.host)
    connection:send_raw(("x"):rep(700000))
    assert.equal(503, connection:receive().status)
    process.eventually("another connection", function() return put(s, id, "in.txt", "next").status == 200 end)
    assert.equal("next", get(s, id, "in.txt").body)
  end)

  it("that find no room are refused, and leave it free", function()
    local named = rig.host.directory .. "/disk"
    local id = job { directory = named }
    local much = ("x"):rep(30000000)
    refused(507, "no room", put(s, id, "much", much))
    assert.equal("", run("find " .. named .. " -name '*arriving*'"))
    assert.equal(201, put(s, id, "little", "x").status)
  end)

  it("leave nothing when the server is killed", function()
    local id = job()
    put(s, id, "in.txt", "whole")
    local connection = begin(s, id, "in.txt", 1000000, ("x"):rep(300000))
    process.eventually("its beginning", function() return run("ls -A " .. place_of(id)):find(".arriving", 1, true) end)
    s:kill()
    connection:close()
    s:restart()
    process.eventually("its end", function() return not run("ls -A " .. place_of(id)):find(".arriving", 1, true) end)
    process.eventually("the resource", function() return s:read("/v1/resources/cluster").state == "up" end)
    assert.equal("whole", get(s, id, "in.txt").body)
  end)
end)

-- By root alone, who may make accounts.
local is_root = select(2, process.run "id -u"):match "%d+" == "0"

if is_root then
  describe("files sent as another account", function()
    local rig
    setup(function() rig = far.of(slurm, "--shell alice=/bin/csh").start() end)
    teardown(function() if rig then rig:stop() end end)

    local function start(settings)
      local s = server.start { schedulers = "", single_user = false, resources =
        ('resource "cluster" { scheduler = "slurm", poll_ms = 200, %s }\n'):format(settings),
        config = ('hook("account.map", function(request) return request.owner == "alice" and %q or %q end)'):format(rig.host.alice,
          rig.host.bob) }
      process.eventually("the resource", function() return s:read("/v1/resources/cluster").state == "up" end)
      return s
    end

    local function sent(s)
      local token = s:token_of "alice"
      local simulation = s:simulation("test", { token = token })
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/sh", hold = true,
        arguments = { "-c", "id -un; cat in.txt" } }, { token = token }).id
      local place = ("%s/home/alice/jobs/%s/%s/0"):format(rig.host.directory, simulation, id)
      written(s, id, function(command)
        local code, output = process.run(("su %s -s /bin/sh -c %s"):format(rig.host.alice, process.quote(command)))
        assert(code == 0, output)
        return (output:gsub("\n$", ""))
      end, place)
      assert.equal(rig.host.alice .. "\n", select(2, process.run("stat -c %U " .. place .. "/in.txt")))
      assert.equal(403, s:request("PUT", ("/v1/jobs/%s/files/x"):format(id), { body = "x",
        token = s:token_of("oscar", "operator") }).status)
      process.run("rm " .. place .. "/pipe " .. place .. "/root")
      s:make("/v1/jobs/" .. id .. "/release", "", { status = 202 })
      assert.same({ "COMPLETED", rig.host.alice }, { s:job_in(id).state, s:read("/v1/jobs/" .. id).account })
      assert.equal(rig.host.alice .. "\nsecond, and longer", s:get("/v1/jobs/" .. id .. "/stdout").body)
      assert.equal(204, s:delete("/v1/simulations/" .. simulation).status)
      process.eventually("the removal", function()
        return process.run(("test -e %s/home/alice/jobs/%s"):format(rig.host.directory, simulation)) ~= 0
      end)
      s:stop()
    end

    it("that logs in, with a shell of its own choice", function() sent(start(far.settings(rig, { run_as = "login" }))) end)

    it("by sudo, on this machine", function()
      sent(start((far.settings(rig, { run_as = "sudo" }):gsub("ssh = %b{}, ", ""))))
    end)
  end)
end
