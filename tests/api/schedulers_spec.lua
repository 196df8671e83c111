-- Scheduler plug-ins are read again, closed and used again while jobs run on their resources.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local null = http.null
local SETTINGS = '{ scheduler = "fake", poll_ms = 100, timeout_ms = 1000 }'
local FAKE = process.read(server.plugins .. "/fake.lua")

local function version(number) return (FAKE:gsub('version = "1"', ('version = "%s"'):format(number))) end

-- Each is a new version that is of no use, with what is told of it.
local broken = {
  ["a syntax error"] = { "local fake = {", "unexpected symbol near" },
  ["no table"] = { "return 7", "returns no table of verbs" },
  ["a verb that is missing"] = { version(2):gsub("function fake.find", "function fake.lost"), "lacks the required verb find" },
  ["open throws"] = { version(2):gsub("load%(self%)\n  return self", 'error "not today"'), "open failed: .*not today" },
  ["honours nonsense"] = { version(2):gsub("array_size = 0", 'array_size = "many"'), "open honours nonsense: /array_size" },
  ["open hangs"] = { version(2):gsub("load%(self%)\n  return self", "host.sleep(3600000)"), "hangs in open" },
  ["it loops when it is loaded"] = { "while true do end", "ran longer than|hangs in open" },
}

describe("a plug-in that is read again", function()
  local s, folder, simulation

  setup(function()
    folder = process.temporary()
    process.write(folder .. "/fake.lua", FAKE)
    local function declare(name) return ('resource "%s" %s\n'):format(name, SETTINGS) end
    s = server.start { schedulers = folder, resources = declare "fake" .. declare "other" }
    s:announce "plug%-in failed"
    simulation = s:simulation()
  end)
  teardown(function()
    s:stop()
    process.run("rm -rf " .. folder)
  end)

  local function scheduler(name) return s:read("/v1/schedulers/" .. (name or "fake")) end

  local function reload(text)
    if text then process.write(folder .. "/fake.lua", text) end
    local answer = s:post "/v1/schedulers/fake/reload"
    assert.equal(202, answer.status, answer.body)
    return process.eventually("the reload", function()
      local seen = scheduler()
      return not seen.reloading and seen
    end)
  end

  -- How often each of the resource's jobs was started there.
  local function starts()
    local text, most = process.read(s.data .. "/resources/fake/starts") or "", 0
    local count = {}
    for tag in text:gmatch "[^\n]+" do
      count[tag] = (count[tag] or 0) + 1
      most = math.max(most, count[tag])
    end
    return most
  end

  it("is told of with all there is beside it", function()
    process.eventually("it", function() return scheduler().state == "loaded" end)
    local seen = scheduler()
    assert.same({ "fake", "Lua", "1", "1.0", folder .. "/fake.lua", { "fake", "other" }, null, false },
      { seen.name, seen.language, seen.version, seen.abi, seen.path, seen.resources, seen.error, seen.reloading })
    assert.matches("^20", seen.opened_at)
    local listed = {}
    for _, each in ipairs(s:read("/v1/schedulers").items) do listed[each.name] = each end
    assert.same({ "available", "C", null, {} }, { listed["local"].state, listed["local"].language, listed["local"].version,
      listed["local"].resources })
    assert.equal("available", listed.slurm.state)
    process.write(folder .. "/newcomer.lua", "")
    assert.equal("available", scheduler("newcomer").state)
    os.remove(folder .. "/newcomer.lua")
    assert.equal(404, s:get("/v1/schedulers/newcomer").status)
    local user = s:token_of "user"
    assert.equal(null, s:read("/v1/schedulers/fake", { token = user }).path)
  end)

  it("serves in its new version, and its jobs go on", function()
    local job = s:job(simulation, { run_ms = 1000 }, { resource = "fake" }).id
    s:job_in(job, "ACTIVE")
    local seen = reload(version "2")
    assert.same({ "2", "loaded", null }, { seen.version, seen.state, seen.error })
    for _, name in ipairs { "fake", "other" } do assert.equal("2", s:read("/v1/resources/" .. name).scheduler_version) end
    assert.equal("COMPLETED", s:job_in(job).state)
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "fake" }).id).state)
    assert.equal(1, starts())
  end)

  for what, case in pairs(broken) do
    it("stays as it was where there is " .. what, function()
      reload(version "good")
      local job = s:job(simulation, { run_ms = 3000 }, { resource = "fake" }).id
      s:job_in(job, "ACTIVE")
      local seen = reload(case[1])
      assert.same({ "good", "loaded" }, { seen.version, seen.state })
      local told = false
      for pattern in case[2]:gmatch "[^|]+" do told = told or seen.error:find(pattern) ~= nil end
      assert.is_true(told, seen.error)
      assert.matches("^20", seen.error_at)
      assert.equal("up", s:read("/v1/resources/fake").state)
      assert.is_table(s:logged { message = "the one before goes on", resource = "fake", level = "warn" })
      local quick = s:job(simulation, nil, { resource = "fake" }).id
      assert.equal("COMPLETED", s:job_in(quick).state)
      assert.equal("COMPLETED", s:job_in(job).state)
      assert.equal(1, starts())
      assert.equal(null, reload(version "good").error)
    end)
  end

  it("may be taken by one of its resources and refused by another", function()
    s:make("/v1/resources", { name = "fussy", scheduler = "fake", options = { fussy = true } })
    reload(version "good")
    local seen = reload((version("choosy"):gsub("load%(self%)\n  return self",
      'if config.fussy then return nil, "too plain" end\n  %0')))
    assert.same({ "loaded", "choosy", "too plain" }, { seen.state, seen.version, seen.error })
    assert.equal("good", s:read("/v1/resources/fussy").scheduler_version)
    s:post "/v1/resources/fussy/drain"
    assert.equal(204, s:delete("/v1/resources/fussy").status)
    assert.equal(null, scheduler().error)
  end)

  it("is read by administrators' wish only", function()
    for _, role in ipairs { "user", "operator" } do
      local token = s:token_of(role, role)
      for _, verb in ipairs { "reload", "disable", "enable" } do
        assert.equal(403, s:post("/v1/schedulers/fake/" .. verb, nil, { token = token }).status)
      end
    end
    for _, verb in ipairs { "reload", "disable", "enable" } do
      assert.equal(404, s:post("/v1/schedulers/nobody/" .. verb).status)
      assert.equal(404, s:post("/v1/schedulers/..%2Ffake/" .. verb).status)
    end
  end)

  it("is read many times at once, and no job is lost or doubled", function()
    reload(version "1")
    local jobs = {}
    for i = 1, 30 do
      jobs[i] = s:job(simulation, { run_ms = 20 * i }, { resource = "fake" }).id
      if i % 3 == 0 then s:post "/v1/schedulers/fake/reload" end
    end
    for _, job in ipairs(jobs) do assert.equal("COMPLETED", s:job_in(job).state) end
    assert.equal(1, starts())
  end)

  it("gives up an instance that hangs for the new one", function()
    reload(version("hangs"):gsub("function fake.monitor%(self, items, report%)", "%0\n  self.sleep(3600000)"))
    local job = s:job(simulation, nil, { resource = "fake" }).id
    process.eventually("trouble", function() return s:read("/v1/resources/fake").state ~= "up" end)
    assert.equal("cured", reload(version "cured").version)
    assert.equal("COMPLETED", s:job_in(job).state)
    assert.equal(1, starts())
  end)

  it("that is disabled is handed nothing, and looks at its jobs when it is enabled", function()
    reload(version "1")
    local running = s:job(simulation, { run_ms = 60000 }, { resource = "fake" }).id
    local ending = s:job(simulation, { run_ms = 300 }, { resource = "fake" }).id
    s:job_in(running, "ACTIVE")
    s:job_in(ending, "ACTIVE", "COMPLETED")
    local seen = s:post("/v1/schedulers/fake/disable").json
    assert.same({ "disabled", "admin" }, { seen.state, seen.disabled_by })
    assert.matches("^20", seen.disabled_at)
    local resource = s:read "/v1/resources/fake"
    assert.equal("disabled", resource.state)
    assert.matches("^admin disabled the scheduler plug%-in fake at 20", resource.message)
    process.eventually("its end", function() return s:logged { message = "resource closed", resource = "fake" } end)
    local waiting = s:job(simulation, nil, { resource = "fake" }).id
    s:post("/v1/jobs/" .. running .. "/cancel")
    s:kill()
    s:restart()
    assert.equal("disabled", scheduler().state)
    assert.equal("disabled", s:read("/v1/resources/other").state)
    assert.equal("disabled", s:post("/v1/schedulers/fake/reload").json.state)
    local job = s:read("/v1/jobs/" .. running)
    assert.same({ "ACTIVE", "CANCEL" }, { job.state, job.wanted })
    job = s:read("/v1/jobs/" .. waiting)
    assert.same({ "PENDING", "PLACEMENT" }, { job.state, job.reason })
    assert.matches("plug%-in fake of resource fake is disabled", job.message)
    local enabled = s:post("/v1/schedulers/fake/enable").json
    assert.same({ null, null }, { enabled.disabled_by, enabled.disabled_at })
    assert.is_true(enabled.state == "loading" or enabled.state == "loaded", enabled.state)
    assert.equal("CANCELED", s:job_in(running).state)
    assert.equal("COMPLETED", s:job_in(ending).state)
    assert.equal("COMPLETED", s:job_in(waiting).state)
    assert.equal(1, starts())
  end)

  it("that could not be opened is tried again at once when it is read again", function()
    s:make("/v1/resources", { name = "late", scheduler = "fake", options = { cores = 0 } })
    for _ = 1, 5 do -- longer and longer pauses
      process.eventually("down", function() return s:read("/v1/resources/late").state == "down" end)
      s:post "/v1/schedulers/fake/reload"
    end
    assert.equal("failed", scheduler().state)
    s:delete "/v1/resources/late"
  end)
end)

describe("a module in C that is read again", function()
  local MODULES = server.build .. "/tests/plugins"

  local function put(folder, name, size)
    local bytes = process.read(MODULES .. "/" .. name .. ".so")
    process.write(folder .. "/fake.so", size and bytes:sub(1, size) or bytes)
  end

  it("is really loaded anew, and one that is broken leaves the one before at work", function()
    local folder = process.temporary()
    put(folder, "fake")
    local s = server.start { schedulers = folder, resources = 'resource "fake" ' .. SETTINGS }
    local simulation = s:simulation()
    local function reload()
      s:post "/v1/schedulers/fake/reload"
      return process.eventually("the reload", function()
        local seen = s:read "/v1/schedulers/fake"
        return not seen.reloading and seen
      end)
    end
    process.eventually("it", function() return s:read("/v1/schedulers/fake").state == "loaded" end)
    local job = s:job(simulation, { run_ms = 2500 }, { resource = "fake" }).id
    s:job_in(job, "ACTIVE")
    for name, why in pairs { bad_abi = "ABI 2.0", no_symbol = "undefined symbol", no_submit = "required verb submit",
      open_fails = "the licence of this scheduler has expired" } do
      put(folder, name) -- into the same file, under the feet of what runs
      local seen = reload()
      assert.same({ "loaded", 12 }, { seen.state, #seen.verbs }, name)
      assert.matches(why, seen.error)
      s:job_in(s:job(simulation, nil, { resource = "fake" }).id, "COMPLETED")
    end
    put(folder, "fake", 5000)
    assert.matches("it is not whole", reload().error)
    process.write(folder .. "/fake.so", "no shared object")
    assert.matches("cannot load .*fake.so", reload().error)
    assert.equal("COMPLETED", s:job_in(job).state)
    put(folder, "hangs") -- another program of the same name, with the required verbs only
    local seen = reload()
    assert.same({ 4, null }, { #seen.verbs, seen.error })
    put(folder, "fake")
    assert.equal(12, #reload().verbs)
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "fake" }).id).state)
    s:stop()
    process.run("rm -rf " .. folder)
  end)

  it("takes over the jobs of this machine", function()
    local s = server.start { resources = 'resource "local" { scheduler = "local", poll_ms = 500 }' }
    local simulation = s:simulation()
    local script = "echo ran >> ran; sleep 1; cat ran"
    local job = s:make("/v1/simulations/" .. simulation .. "/jobs", { script = script }).id
    s:job_in(job, "ACTIVE")
    for _ = 1, 3 do
      s:post "/v1/schedulers/local/reload"
      process.eventually("the reload", function() return not s:read("/v1/schedulers/local").reloading end)
    end
    local done = s:job_in(job)
    assert.equal("COMPLETED", done.state)
    assert.equal("ran\n", s:get("/v1/jobs/" .. job .. "/stdout").body)
    assert.equal("COMPLETED", s:job_in(s:make("/v1/simulations/" .. simulation .. "/jobs", { script = "true" }).id).state)
    s:stop()
  end)
end)
