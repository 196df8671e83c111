-- `orrery resource` and `orrery plugin`: resources and plug-ins of a running server.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

describe("the command line", function()
  local running, folder

  setup(function()
    folder = process.temporary()
    process.write(folder .. "/fake.lua", process.read(server.plugins .. "/fake.lua"))
    running = server.start { schedulers = folder }
    running:announce "plug%-in failed"
  end)
  teardown(function()
    running:stop()
    process.run("rm -rf " .. folder)
  end)

  local function orrery(arguments, code, options)
    local all = { server = running }
    for name, value in pairs(options or {}) do all[name] = value end
    local result = command.run(arguments, all)
    assert.equal(code or 0, result.code, arguments .. ": " .. result.out .. result.err)
    return result.out, result.err
  end

  local function resource(name) return running:read("/v1/resources/" .. name) end

  it("adds, shows, changes and removes a resource", function()
    assert.equal("resource new: is made\n", (orrery("resource add new --scheduler fake --poll-ms 200 --option cores=6 "
      .. "--option 'note=two words' --option flag=true")))
    assert.same({ scheduler = "fake", poll_ms = 200, options = { cores = 6, note = "two words", flag = true } },
      resource("new").settings)
    process.eventually("it", function() return #resource("new").queues > 0 end)
    local shown = orrery "resource show new"
    assert.matches("\nstate       up\n", shown)
    assert.matches('settings    options = {.*poll_ms = 200, scheduler = fake', shown)
    assert.matches("\nQUEUE  STATE  SECONDS  JOBS  CORES  FREE  WAITING\nmain   up        3600  1000   1000", shown)
    orrery "resource change new --option cores=8 --lost-ms 5000 --default poll-ms"
    assert.same({ scheduler = "fake", lost_ms = 5000, options = { cores = 8, note = "two words", flag = true } },
      resource("new").settings)
    orrery "resource change new --default options"
    assert.is_nil(resource("new").settings.options)
    assert.matches("\nnew +fake +up ", (orrery "resource list"))
    assert.equal(2, #http.decode((orrery "resource list --json")).items)
    assert.equal("resource new: is removed\n", (orrery "resource remove new"))
    assert.equal(404, running:get("/v1/resources/new").status)
  end)

  it("adds one whose settings have groups and tables, and changes them one by one", function()
    orrery("resource add far --scheduler fake --run-as sudo --ssh-host login1 --ssh-channels 4 --ssh-login true "
      .. "--environment PATH=/opt/bin --environment SLURM_CONF=7 --operator batch")
    assert.same({ scheduler = "fake", run_as = "sudo", operator = "batch", ssh = { host = "login1", channels = 4, login = true },
      environment = { PATH = "/opt/bin", SLURM_CONF = "7" } }, resource("far").settings)
    orrery "resource change far --ssh-user svc --default ssh-channels --default ssh.login --environment PBS_CONF_FILE=/x"
    local settings = resource("far").settings
    assert.same({ host = "login1", user = "svc" }, settings.ssh)
    assert.same({ PATH = "/opt/bin", SLURM_CONF = "7", PBS_CONF_FILE = "/x" }, settings.environment)
    local _, err = orrery("resource change far --run-as login --default ssh-host --default ssh-user", 65)
    assert.matches("/run_as: is login, which needs ssh.host", err)
    orrery "resource change far --default run-as --default operator --default ssh-host --default ssh-user"
    assert.is_nil(resource("far").settings.ssh)
    _, err = orrery("resource change far --ssh-port 22", 65)
    assert.matches("/ssh/port: needs ssh.host beside it", err)
    for _, wrong in ipairs { "--run-as root", "--ssh-login maybe", "--environment PATH", "--default nothing" } do
      orrery("resource change far " .. wrong, 64)
    end
    orrery "resource remove far"
  end)

  it("drains and enables", function()
    assert.equal("resource fake: gets no new jobs\n", (orrery "resource drain fake"))
    assert.equal("drained", http.decode((orrery "resource drain fake --json")).state)
    assert.equal("resource fake: gets jobs\n", (orrery "resource enable fake"))
    assert.equal("up", resource("fake").state)
  end)

  it("says why it cannot", function()
    local _, err = orrery("resource add new", 64)
    assert.matches("option '%-%-scheduler'", err)
    _, err = orrery("resource add new --scheduler fake --poll-ms soon", 64)
    assert.matches("'soon' is not a whole number", err)
    _, err = orrery("resource add new --scheduler fake --option cores", 64)
    assert.matches("'cores' is not NAME=VALUE", err)
    _, err = orrery("resource add new --scheduler nothing", 65)
    assert.matches("/scheduler: is no scheduler plug%-in", err)
    _, err = orrery("resource add fake --scheduler fake", 1)
    assert.matches("There is a resource fake", err)
    _, err = orrery("resource change fake --poll-ms 200", 1)
    assert.matches("one of the configuration", err)
    _, err = orrery("resource change fake", 64)
    assert.matches("nothing is to be changed", err)
    _, err = orrery("resource remove nobody", 1)
    assert.matches("There is no resource nobody", err)
    orrery("resource", 64)
    orrery("resource bogus", 64)
    orrery("resource drain ..", 64)
    orrery("resource drain fake", 77, { env = { ORRERY_TOKEN = running:token_of "user" } })
  end)

  it("reads a plug-in again, and tells what is wrong with it", function()
    local path, text = folder .. "/fake.lua", process.read(folder .. "/fake.lua")
    assert.equal("fake: version 1 is open on fake\n", (orrery "plugin reload fake"))
    process.write(path, (text:gsub('version = "1"', 'version = "2"')))
    assert.equal("fake: version 2 is open on fake\n", (orrery "plugin reload fake"))
    process.write(path, "this is no Lua")
    local _, err = orrery("plugin reload fake", 1)
    assert.matches("fake.lua:1: syntax error", err)
    local shown = orrery "plugin show fake"
    assert.matches("\nversion     2\n", shown)
    assert.matches("\nerror       .*syntax error.*, at 20", shown)
    process.write(path, text)
    orrery "plugin reload fake --json"
    assert.matches("\nfile        " .. path:gsub("%p", "%%%0") .. "\n", (orrery "plugin show fake"))
    assert.equal("slurm is used by no resource: it is read when one uses it\n", (orrery "plugin reload slurm"))
    orrery("plugin reload nothing", 1)
  end)

  it("lists plug-ins, disables and enables one", function()
    local listed = orrery "plugin list"
    assert.matches("^PLUG%-IN +LANGUAGE +VERSION +STATE +RESOURCES +ERROR\n", listed)
    assert.matches("\nfake +Lua +1 +loaded +fake\n", listed)
    assert.matches("\nlocal +C +available\n", listed)
    assert.equal("fake: is disabled\n", (orrery "plugin disable fake"))
    assert.matches("\ndisabled    by admin at 20", (orrery "plugin show fake"))
    assert.equal("fake is disabled: it is read when it is enabled\n", (orrery "plugin reload fake"))
    assert.equal("fake: is enabled\n", (orrery "plugin enable fake"))
    process.eventually("it", function() return resource("fake").state == "up" end)
  end)

  it("has help for what can be done with them", function()
    for _, words in ipairs { "resource add", "resource change", "plugin check", "plugin reload" } do
      assert.matches("^Usage: orrery " .. words, command.run(words .. " --help").out)
    end
  end)
end)
