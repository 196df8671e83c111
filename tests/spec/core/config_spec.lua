-- The checked configuration: what a file and a command line make of the defaults, and what is refused in which words.
local config = require "orrery.core.config"
local process = require "support.process"

local machine = {
  cores = 8, data = "/var/lib/orrery",
  absolute = function(path) return "/at/" .. path end,
}

local folder

local function write(text)
  local path = folder .. "/orrery.lua"
  process.write(path, text)
  return path
end

local function load(text, options) return config.load(text and write(text), options or {}, machine) end

local function refused(text, options)
  local result, problem = load(text, options)
  assert.is_nil(result)
  return (problem:gsub(folder:gsub("%p", "%%%0") .. "/", ""))
end

describe("the configuration", function()
  setup(function() folder = process.temporary() end)
  teardown(function() process.run("rm -rf " .. folder) end)

  it("stands without a file", function()
    local result = load()
    assert.same({ host = "127.0.0.1", port = 8080 }, result.listen)
    assert.equal("/var/lib/orrery", result.data)
    assert.equal(4, result.workers) -- of 8 cores
    assert.is_false(result.single_user)
    assert.same({}, result.retention)
    assert.equal(1, #result.resources)
    assert.equal("local", result.resources[1].name)
    assert.equal("/var/lib/orrery/jobs", result.resources[1].base)
  end)

  it("takes as many workers as there are cores, up to four", function()
    assert.equal(1, config.load(nil, {}, { cores = 1, data = "/d", absolute = machine.absolute }).workers)
  end)

  it("has a default for every setting that it documents, of the right kind", function()
    for _, row in ipairs(config.keys) do
      assert.is_string(row.help, row[1])
      if row[2] == "integer" and row[3] then
        assert.is_true(row[3] >= row.min and row[3] <= row.max, row[1])
      end
    end
  end)

  it("lets the file win over the defaults", function()
    local result = load [[
      listen = "[::1]:0"
      workers = 2
      single_user = true
      http = { body_bytes = 2048, idle_ms = 1e3 }
      log = { level = "debug" }
      retention = { jobs_days = 365 }
      resource "cluster" { scheduler = "slurm", base = "/scratch", options = { partition = "main" } }
      resource "here" { scheduler = "local" }
    ]]
    assert.same({ host = "::1", port = 0 }, result.listen)
    assert.equal(2, result.workers)
    assert.is_true(result.single_user)
    assert.equal(2048, result.http.body_bytes)
    assert.equal("integer", math.type(result.http.idle_ms))
    assert.equal(32768, result.http.header_bytes)
    assert.same({ jobs_days = 365 }, result.retention)
    assert.equal("debug", result.log.level)
    assert.equal(2, #result.resources) -- the built-in one is replaced
    assert.equal("/scratch", result.resources[1].base)
    assert.equal("main", result.resources[1].options.partition)
    assert.equal("/var/lib/orrery/jobs", result.resources[2].base)
  end)

  it("lets the command line win over the file", function()
    for _ = 1, 20 do -- in whatever order tables are walked
      local result = load('workers = 2 log = { level = "debug", format = "json" }',
        { workers = 3, ["log.level"] = "warn" })
      assert.equal(3, result.workers)
      assert.equal("warn", result.log.level)
      assert.equal("json", result.log.format)
    end
  end)

  it("takes relative paths from the folder of the file", function()
    local result = load [[
      data = "state"
      schedulers = "plugins:/opt/plugins"
      resource "x" { scheduler = "local", base = "b" }
    ]]
    assert.equal("/at/" .. folder .. "/state", result.data)
    assert.equal("/at/" .. folder .. "/plugins:/opt/plugins", result.schedulers)
    assert.equal("/at/" .. folder .. "/b", result.resources[1].base)
  end)

  it("may compute", function()
    local result = load [[
      for i = 1, 3 do resource("node" .. i) { scheduler = "local", poll_ms = 100 * i } end
      if env "HOME" ~= "" then workers = math.max(1, tonumber("5")) end
      http = { idle_ms = workers * 1000 }
    ]]
    assert.equal("node3", result.resources[3].name)
    assert.equal(300, result.resources[3].poll_ms)
    assert.equal(5000, result.http.idle_ms)
  end)

  it("keeps the text of its hooks, which is run again for them in a world of its own", function()
    assert.is_nil(load("workers = 2").hooks)
    local result = load [[
      local prefix = "u_"
      hook("account.map", function(request)
        string.rep, table.concat = nil, nil
        return prefix .. request.owner:lower()
      end)
    ]]
    assert.same({ "account.map" }, result.hooks.names)
    local functions = config.functions(result.hooks.text, result.hooks.file)
    assert.equal("u_ada", functions["account.map"] { owner = "Ada" })
    assert.is_function(string.rep)
    assert.is_function(table.concat)
  end)

  describe("refuses", function()
    local cases = {
      { "an unknown setting, with its line", "workers = 2\nworkerz = 3",
        "orrery.lua:2: there is no setting workerz; orrery check-config --help lists those that there are" },
      { "an unknown name, with its line", "workers = cores", "orrery.lua:1: nothing is called cores here" },
      { "an unknown setting in a group", "http = { bodybytes = 3 }",
        "orrery.lua:1: there is no setting http.bodybytes; orrery check-config --help lists those that there are" },
      { "a group that is none", "http = 3",
        "orrery.lua:1: http is a table of settings, such as http = { header_bytes = … }; orrery check-config --help lists them" },
      { "an address of no broker, without its password", 'bus = { url = "http://u:hidden@b" }',
        'orrery.lua:1: bus.url is "http://u:…@b", but must be amqp://user:password@host:port/vhost, or amqps://…, '
          .. "with %2F for a / in the name of the virtual host" },
      { "a certificate without TLS", 'bus = { url = "amqp://b", ca_file = "ca.pem" }',
        "orrery.lua: bus.ca_file needs TLS, that is, a bus.url that begins with amqps://" },
      { "a wrong value in a group, with its line", "workers = 2\n\nlog = { level = 3 }",
        "orrery.lua:3: log.level is 3, but must be one of debug, info, warn, error" },
      { "what was assigned last", "workers = 2\nworkers = 0",
        "orrery.lua:2: workers is 0, but must be a whole number from 1 to 64" },
      { "a wrong type", 'single_user = "yes"',
        'orrery.lua:1: single_user is "yes", but must be true or false' },
      { "a number in quotes", 'workers = "2"', 'orrery.lua:1: workers is "2", but must be a whole number from 1 to 64' },
      { "a fraction", "workers = 1.5", "orrery.lua:1: workers is 1.5, but must be a whole number from 1 to 64" },
      { "a number out of range", "workers = 65", "orrery.lua:1: workers is 65, but must be a whole number from 1 to 64" },
      { "a retention of no days", "retention = { directories_days = 0 }",
        "orrery.lua:1: retention.directories_days is 0, but must be a whole number from 1 to 36500" },
      { "another choice", 'log = { level = "loud" }',
        'orrery.lua:1: log.level is "loud", but must be one of debug, info, warn, error' },
      { "a resource without a scheduler", 'resource "x" {}',
        'orrery.lua:1: resource "x": scheduler is missing: the plug-in, such as local' },
      { "an unknown setting of a resource", '\nresource "x" { scheduler = "local", speed = 3 }',
        'orrery.lua:2: resource "x": there is no setting speed; orrery check-config --help lists those that there are' },
      { "options without names", 'resource "x" { scheduler = "local", options = 3 }',
        'orrery.lua:1: resource "x": options is 3, but must be a table of named options' },
      { "a resource that stands twice", 'resource "x" { scheduler = "a" }\nresource "x" { scheduler = "b" }',
        'orrery.lua:2: resource "x" stands twice' },
      { "a hook that there is not, with its line", '\nhook("job.map", function() end)',
        "orrery.lua:2: there is no hook job.map; there is account.map" },
      { "a hook that is no function", 'hook("account.map", "ada")', 'orrery.lua:1: hook("account.map", …) expects a function' },
      { "a hook that stands twice", 'hook("account.map", function() end)\nhook("account.map", function() end)',
        "orrery.lua:2: the hook account.map stands twice" },
      { "a resource's name that is no word", 'resource "a/b" {}',
        "orrery.lua:1: a resource's name is letters, digits, _ and -" },
      { "a network that is none", 'webhooks = { allow = "10.0.0.0/8, intranet" }', 'orrery.lua:1: webhooks.allow is '
        .. '"10.0.0.0/8, intranet", but must be networks separated by commas, such as 127.0.0.0/8, 10.1.0.0/16 or fd00::/8; '
        .. '"intranet" is none' },
      { "delays that are none", "webhooks = { retry_s = { 0, -1 } }",
        "orrery.lua:1: webhooks.retry_s is a table, but must be a list of 1 to 50 numbers of seconds, such as { 0, 5, 300 }" },
      { "a resource that is no table", 'resource "x" (3)', 'orrery.lua:1: resource "x" { … } expects a table' },
    }
    for _, case in ipairs(cases) do
      it(case[1], function() assert.equal(case[3], refused(case[2])) end)
    end

    it("services that nobody can ask, since there is no broker", function()
      local needs = ' is "external", which needs bus.url in the configuration: the broker over which the service is asked'
      assert.equal("orrery.lua: authentication.service" .. needs, refused 'authentication = { service = "external" }')
      assert.equal("orrery.lua: resource_status.service" .. needs, refused 'resource_status = { service = "external" }')
      assert.equal('orrery.lua: resource "x": status' .. needs, refused 'resource "x" { scheduler = "slurm", status = "external" }')
    end)

    it("what is neither a refusal nor a time", function()
      for _, away in ipairs { '"wait"', "0", "1.5", "1e9", "true" } do
        assert.matches('authentication%.away is .*, but must be "refuse", or whole seconds from 1 to 604800',
          refused(("authentication = { away = %s }"):format(away)))
      end
      assert.equal(300, load("authentication = { away = 300 }").authentication.away)
      assert.equal("refuse", load("").resource_status.away)
    end)

    it("what is no Lua", function() assert.matches("^orrery.lua:1: .*near", refused "workers = = 2") end)
    it("what is compiled", function() assert.matches("binary", refused(string.dump(function() end))) end)
    it("what never ends", function()
      local path = write "workers = 2\nwhile true do end"
      local result, problem = config.load(path, {}, machine, 0.1)
      assert.is_nil(result)
      assert.equal(path .. ":2: this has run for 0.1 s and was ended: does it loop for ever?", problem)
      assert.is_nil((debug.gethook()))
    end)
    it("a file that is not there", function()
      local result, problem = config.load("/nonexistent.lua", {}, machine)
      assert.is_nil(result)
      assert.matches("/nonexistent.lua", problem)
    end)
    it("to reach the machine", function()
      for _, name in ipairs { "os", "io", "require", "load", "debug" } do
        assert.equal(("orrery.lua:1: nothing is called %s here"):format(name), refused("workers = " .. name))
      end
    end)
    it("a wrong option, and says that it is one", function()
      assert.equal("command line: workers is 0, but must be a whole number from 1 to 64", refused("", { workers = 0 }))
    end)

    for _, address in ipairs { "", "host", ":80", "host:", "host:70000", "::1:80", "[::1:80", "[127.0.0.1:80", "h:x" } do
      it(("the address %q"):format(address), function()
        assert.matches("must be HOST:PORT", refused("", { listen = address }))
      end)
    end
  end)
end)
