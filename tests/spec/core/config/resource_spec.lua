-- The settings of a resource that say as whom its jobs run and how its scheduler is reached: defaults, and what does not fit
-- together, in the configuration and over REST alike.
require "support.house"
local config = require "orrery.core.config"
local schema = require "orrery.core.schema"

local function settings_of(given)
  given.scheduler = given.scheduler or "slurm"
  return config.resource("x", given, "/data")
end

local function refused(given)
  local settings, problem = settings_of(given)
  assert.is_nil(settings)
  return problem
end

describe("a resource's settings", function()
  it("run all jobs as one account, beneath the data directory, unless they say otherwise", function()
    local settings = settings_of {}
    assert.same({ "service", "/data/jobs" }, { settings.run_as, settings.base })
    assert.is_nil(settings.ssh)
  end)

  it("put directories into the homes of accounts, and of a machine that ssh reaches", function()
    assert.equal("${home}/.orrery/jobs", settings_of({ run_as = "sudo" }).base)
    assert.equal("${home}/.orrery/jobs", settings_of({ ssh = { host = "login1" } }).base)
    assert.equal("/scratch/${account}", settings_of({ run_as = "sudo", base = "/scratch/${account}" }).base)
    assert.equal("${home}/x", settings_of({ ssh = { host = "login1" }, base = "${home}/x" }).base)
  end)

  it("leave room for commands among the channels of ssh", function()
    local function channels(ssh)
      ssh.host = "login1"
      local settings = settings_of { ssh = ssh }
      return { settings.ssh.channels, settings.ssh.file_channels }
    end
    assert.same({ 8, 2 }, channels {})
    assert.same({ 2, 1 }, channels { channels = 2 })
    assert.same({ 20, 19 }, channels { channels = 20, file_channels = 19 })
  end)

  local contradictions = {
    { { run_as = "login" }, 'run_as is login, which needs ssh.host' },
    { { run_as = "login", ssh = {} }, 'run_as is login, which needs ssh.host' },
    { { ssh = { user = "svc", port = 22 } }, "ssh.port needs ssh.host beside it" },
    { { ssh = { host = "h", file_channels = 8 } }, "ssh.file_channels must be at least one less than ssh.channels, which is 8" },
    { { scheduler = "local", run_as = "sudo" }, "run_as cannot be with the scheduler local" },
    { { scheduler = "local", ssh = { host = "h" } }, "ssh.host cannot be with the scheduler local" },
    { { scheduler = "local", operator = "slurm" }, "operator cannot be with the scheduler local" },
    { { operator = "root" }, "operator is root" },
    { { operator = "slurm" }, "operator needs run_as = sudo or login" },
    { { base = "/x/${user}" }, "base has ${user} in it" },
    { { base = "/x/${account}" }, "base has ${account} in it, which needs run_as" },
    { { base = "/x/${home}", run_as = "sudo" }, "base has ${home} in it, which is an absolute path" },
    { { base = "$HOME/x" }, "base must be an absolute path, or begin with ${home}/" },
    { { base = "x", run_as = "sudo" }, "base must be an absolute path, or begin with ${home}/" },
  }
  for _, case in ipairs(contradictions) do
    it("do not go together: " .. case[2], function()
      assert.equal(('resource "x": %s'):format(case[2]), refused(case[1]):sub(1, #case[2] + 14))
    end)
  end

  local values = {
    operator = { "-u", "a b", "", "a;b", ("a"):rep(65), "0x", "#0", "ä" },
    ["ssh.user"] = { "-l", "a@b", "$x" },
    ["ssh.host"] = { "-oProxyCommand=x", "user@host", "a b", "", "h\n", "h;x" },
    ["ssh.port"] = { 0, 65536, "22" },
    ["ssh.channels"] = { 1, 101 },
    ["ssh.login"] = { "yes", 1 },
    run_as = { "root", "", true },
    environment = { "PATH=/bin", { "x" }, { ["A B"] = "x" }, { [""] = "x" }, { A = 1 }, { A = "a\0b" } },
  }

  it("are of their kinds, for the file as over REST", function()
    local over_rest = { type = "object", fields = config.resource_fields(), help = "" }
    for path, list in pairs(values) do
      for _, value in ipairs(list) do
        local group, leaf = path:match "^(.*)%.(.*)$"
        local given = { scheduler = "slurm", ssh = group and { host = "h" } }
        if group then given[group][leaf] = value else given[path] = value end
        local shown = ("%s = %q"):format(path, tostring(value))
        local settings, problem = settings_of(given)
        assert(not settings and problem:find(path .. " is ", 1, true), shown)
        if not (type(value) == "table" and value.A == "a\0b") then -- which JSON readers refuse before
          assert(schema.check(over_rest, given), shown .. " over REST")
        end
      end
    end
    local good = { scheduler = "slurm", run_as = "login", operator = "Slurm-1$", ssh = { host = "fe80::1%eth0", user = "_svc",
      login = true }, environment = { PATH = "/bin", _x = "" } }
    assert.is_nil(schema.check(over_rest, good))
    assert.is_table(settings_of(good))
  end)

  it("can be put back to their defaults one by one", function()
    local changing = { type = "object", fields = config.resource_fields(true), help = "" }
    local null = require("house.json").null
    assert.is_nil(schema.check(changing, { run_as = null, ssh = { user = null, host = "h" }, environment = null }))
    assert.is_nil(schema.check(changing, { ssh = null }))
    assert.equal("/scheduler", schema.check(changing, { scheduler = "slurm" })[1].pointer)
  end)
end)
