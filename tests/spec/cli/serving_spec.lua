-- The commands around the server: `serve`, `check-config`, `migrate`, `backup`.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

describe("the commands around the server", function()
  local folder

  before_each(function() folder = process.temporary() end)
  after_each(function() process.run("rm -rf " .. folder) end)

  local function file(text)
    process.write(folder .. "/orrery.lua", text)
    return folder .. "/orrery.lua"
  end

  it("check a configuration and print what would be in effect", function()
    local path = file 'workers = 2\nresource "here" { scheduler = "local", options = { slots = 3 } }'
    local result = command.run("check-config --config " .. path)
    assert.equal(0, result.code, result.err)
    assert.matches("workers = 2\n", result.out)
    assert.matches('resource "here" options.slots = 3\n', result.out)
    assert.equal(path .. " is in order\n", result.err)
    local json = http.decode(command.run("check-config --json --config " .. path).out)
    assert.equal(8080, json.listen.port)
    assert.equal("here", json.resources[1].name)
  end)

  it("print no password of a broker", function()
    local path = file 'bus = { url = "amqp://orrery:hidden@broker/site" }'
    local result = command.run("check-config --config " .. path)
    assert.matches('bus.url = "amqp://orrery:…@broker/site"', result.out, 1, true)
    assert.equal("amqp://orrery:…@broker/site", http.decode(command.run("check-config --json --config " .. path).out).bus.url)
  end)

  it("miss files that are not there", function()
    local path = file 'bus = { url = "amqps://broker/site", ca_file = "authority.pem" }'
    local result = command.run("check-config --config " .. path)
    assert.equal(78, result.code)
    assert.matches("orrery.lua: bus.ca_file: " .. folder .. "/authority.pem: No such file", result.err, 1, true)
    process.write(folder .. "/authority.pem", "")
    assert.equal(0, command.run("check-config --config " .. path).code)
  end)

  it("tell the hooks that a configuration names, and those that there are", function()
    local path = file 'hook("account.map", function(request) return "u_" .. request.owner end)'
    assert.matches('\nhooks = "account.map"\n', command.run("check-config --config " .. path).out)
    assert.same({ "account.map" }, http.decode(command.run("check-config --json --config " .. path).out).hooks)
    assert.matches("account%.map\n", command.run("check-config --help").out)
  end)

  it("take the configuration from the environment, too", function()
    local path = file "workers = 3"
    assert.matches("workers = 3\n", command.run("check-config", { env = { ORRERY_CONFIG = path } }).out)
  end)

  it("refuse a wrong one with file and line, before anything is touched", function()
    local path = file "workers = 2\nworkerz = 3"
    for _, name in ipairs { "check-config", "serve", "migrate" } do
      local result = command.run(("%s --config %s --data %s/data"):format(name, path, folder))
      assert.equal(78, result.code)
      assert.matches("orrery.lua:2: there is no setting workerz", result.err)
    end
    assert.is_nil((io.open(folder .. "/data")))
    local result = command.run("serve --workers 99 --data " .. folder .. "/data")
    assert.equal(78, result.code)
    assert.matches("command line: workers is 99", result.err)
  end)

  it("miss a scheduler plug-in that is in none of the folders", function()
    process.write(folder .. "/mine.lua", "return {}")
    local own = 'resource "a" { scheduler = "mine" }\n'
    local found = command.run("check-config --config " .. file('schedulers = "."\n' .. own))
    assert.equal(0, found.code, found.err)
    local result = command.run("check-config --config " .. file(own .. 'schedulers = "/nonexistent"'))
    assert.equal(78, result.code)
    assert.matches('resource "a": there is no scheduler plug-in mine.so or mine.lua in /nonexistent:/', result.err, 1, true)
  end)

  it("refuse what cannot be handed to the server", function()
    local path = file 'resource "x" { scheduler = "y", options = { f = env } }'
    local result = command.run("check-config --config " .. path)
    assert.equal(78, result.code)
    assert.matches("a function has no place in a value", result.err)
  end)

  it("lets options win over the file, and takes relative paths from here", function()
    local path = file 'data = "of-the-file"\nlog = { level = "error" }'
    local result = command.run(("check-config --config %s --data given"):format(path), { before = "env -C " .. folder })
    assert.matches(('data = "%s/given"\n'):format(folder), result.out, 1, true)
    result = command.run("check-config --config " .. path, { before = "env -C /" })
    assert.matches(('data = "%s/of-the-file"\n'):format(folder), result.out, 1, true)
  end)

  it("migrate a new database, once", function()
    local data = folder .. "/new/data"
    local result = command.run("migrate --data " .. data)
    assert.equal(0, result.code, result.err)
    assert.matches("%d+ migrations? applied\n$", result.err)
    result = command.run("migrate --data " .. data)
    assert.equal(0, result.code)
    assert.matches("is up to date\n$", result.err)
    assert.equal(74, command.run("migrate --data /proc/nothing").code)
  end)

  it("do not migrate under a running server, but back it up", function()
    local running = server.start()
    local simulation = running:simulation "kept"
    local result = command.run("migrate", { server = running })
    assert.equal(69, result.code)
    assert.matches(("in use by the server with pid %d"):format(running.pid), result.err, 1, true)
    result = command.run(("backup %s/copy"):format(folder), { server = running })
    assert.equal(0, result.code, result.err)
    assert.matches("copy: %d+ %a+\n", result.err)
    assert.equal(1, command.run(("backup %s/copy"):format(folder), { server = running }).code)
    running:stop(true)
    process.run(("mkdir %s/again && mv %s/copy %s/again/orrery.db"):format(folder, folder, folder))
    process.run(("cp %s/admin.token %s/again"):format(running.data, folder))
    running:remove()
    running = server.start { data = folder .. "/again" }
    assert.equal("kept", running:read("/v1/simulations/" .. simulation).name)
    running:stop()
  end)

  it("say in plain words, and with 74, that the disk refuses what starting needs", function()
    for name, block in pairs { ["server.json"] = "mkdir", ["admin.token"] = "mkdir", resources = "touch" } do
      local data = folder .. "/without-" .. name
      process.run(("mkdir %s && %s %s/%s"):format(data, block, data, name))
      local result = command.run("serve --listen 127.0.0.1:0 --data " .. data)
      assert.equal(74, result.code, result.err)
      local sentence = result.err:match "\norrery: ([^\n]*)"
      assert.matches(data .. "/" .. name, sentence, 1, true)
    end
    assert.equal(74, command.run("serve --data /proc/nothing").code)
  end)

  it("serve where the command line says", function()
    local data = folder .. "/data"
    local served = process.start(command.line("serve --listen 127.0.0.1:0 --workers 1 --single-user --data " .. data)
      , folder)
    process.eventually("server.json", function() return process.read(data .. "/server.json") end)
    assert.equal(0, command.run("status --data " .. data).code)
    local refused = command.run("serve --listen 127.0.0.1:0 --data " .. data)
    assert.equal(69, refused.code)
    assert.matches("in use by the server", refused.err)
    served:signal "TERM"
    assert.equal(0, served:wait())
    served:close()
    assert.equal(69, command.run("status --data " .. data).code)
  end)
end)
