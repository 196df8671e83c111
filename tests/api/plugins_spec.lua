-- Plug-ins that misbehave: each costs its own resource, says so in the API and the log, and harms nobody else.
local crash = require "support.crash"
local process = require "support.process"
local server = require "support.server"

-- Resource and plug-in have the same name.
local NAMES = { "throws_at_load", "loops_at_load", "no_submit", "throws_in_open", "honours_nonsense", "throws_in_submit", "loops",
  "eats_memory", "nonsense", "escapes", "there_is_none" }

local function declare()
  local lines = { server.FAKE }
  for _, name in ipairs(NAMES) do
    lines[#lines + 1] = ('resource "%s" { scheduler = "%s", poll_ms = 200, timeout_ms = 10000 }'):format(name, name)
  end
  return { resources = table.concat(lines, "\n") }
end

describe("a plug-in", function()
  local s, simulation, early

  local function job_on(name, argument)
    return s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/true", resource = name,
      arguments = argument and { argument } }).id
  end

  setup(function()
    s = server.start(declare())
    s:announce "plug%-in failed"
    simulation, early = s:simulation(), {}
    for _, name in ipairs { "throws_in_submit", "loops", "eats_memory" } do -- their failures take time: all at once
      process.eventually(name, function() return s:read("/v1/resources/" .. name).state == "up" end)
      early[name] = job_on(name)
    end
  end)
  teardown(function() s:stop() end)

  -- Waits until a resource is in a state, with a message → the resource.
  local function resource_is(name, state, message)
    local seen
    local ok = pcall(process.eventually, name, function()
      seen = s:read("/v1/resources/" .. name)
      return seen.state == state and tostring(seen.message):find(message)
    end)
    assert(ok, ("%s is %s: %s"):format(name, seen.state, tostring(seen.message)))
    return seen
  end

  local function others_go_on()
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "fake" }).id).state)
    assert.equal("up", s:read("/v1/resources/fake").state)
    assert.equal(200, s:get("/readyz").status)
  end

  for name, message in pairs { throws_at_load = "I will not load", no_submit = "lacks the required verb submit",
    throws_in_open = "I will not open", honours_nonsense = "/cores must be a whole number of at least 1",
    there_is_none = "there_is_none" } do
    it(name .. " never comes up, and says why", function()
      resource_is(name, "down", message)
      local plugin = s:read("/v1/schedulers/" .. name)
      assert.equal("failed", plugin.state)
      assert.matches(message, plugin.error)
      assert.same({ name }, plugin.resources)
      others_go_on()
      assert.is_table(s:logged { message = "^resource down$", resource = name, error = message, level = "warn" })
    end)
  end

  it("loops_at_load is broken off", function()
    others_go_on()
    resource_is("loops_at_load", "down", "ran longer than")
    others_go_on()
  end)

  it("throws_in_submit keeps its job and is degraded", function()
    local job = early.throws_in_submit
    resource_is("throws_in_submit", "degraded", "submit: .*I will not submit")
    others_go_on()
    process.eventually("another submission", function() return crash.submissions(s, job) > 1 end)
    resource_is("throws_in_submit", "degraded", "I will not submit")
    assert.is_table(s:logged { message = "^plug%-in failed$", error = "I will not submit", level = "error" })
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
  end)

  it("loops in monitor is broken off, and its jobs stay as they were last seen", function()
    local job = early.loops
    s:job_in(job, "QUEUED")
    others_go_on()
    resource_is("loops", "down", "monitor")
    assert.equal("QUEUED", s:read("/v1/jobs/" .. job).state)
    others_go_on()
  end)

  it("eats_memory is stopped at its limit", function()
    local job = early.eats_memory
    resource_is("eats_memory", "degraded", "memory")
    others_go_on()
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
    local rss = tonumber(process.read(("/proc/%d/status"):format(s.pid)):match "VmHWM:%s+(%d+)")
    assert.is_true(server.sanitized or rss < 700 * 1024, "it took " .. rss .. " kB")
  end)

  it("nonsense is told from news", function()
    resource_is("nonsense", "degraded", "status: nonsense: /")
    local jobs = {}
    for _, word in ipairs { "a state nobody knows", "no state at all", "a state that is a list", "a member nobody knows",
      "an exit code in words", "a reason nobody knows", "an error that is a number", "an error of no class",
      "an error of a class nobody knows", "a time before all times", "a native state with a NUL in it", "usage that is a text" } do
      jobs[word] = job_on("nonsense", word)
    end
    for _, id in pairs(jobs) do s:job_in(id, "QUEUED") end
    resource_is("nonsense", "degraded", "nonsense")
    others_go_on()
    for word, id in pairs(jobs) do assert.equal("QUEUED", s:read("/v1/jobs/" .. id).state, word) end
    for _, word in ipairs { "a native id that is a number", "an empty native id", "a native id with a NUL in it",
      "an error in submit that is a number" } do
      s:job_in(job_on("nonsense", word), "SUBMITTING")
    end
    local refused = job_on("nonsense", "a refusal with a NUL in it")
    assert.equal("a b", s:job_in(refused, "FAILED").message)
    local history = s:all("/v1/jobs/" .. refused .. "/history")
    assert.same({ "FAILED", "a b" }, { history[#history].to, history[#history].message })
    s:job_in(job_on("nonsense", "somebody else's native id"), "QUEUED")
    s:job_in(job_on("nonsense", "somebody else's native id"), "SUBMITTING")
    local sane = job_on("nonsense", "sense")
    s:job_in(sane, "QUEUED")
    s:post("/v1/jobs/" .. sane .. "/cancel") -- answered with nonsense: neither done nor taken back
    s:post("/v1/jobs/" .. jobs["no state at all"] .. "/suspend")
    others_go_on()
    assert.equal("CANCEL", s:read("/v1/jobs/" .. sane).wanted)
    assert.is_nil(s:log():find "round failed")
  end)

  it("finds no way out of the sandbox", function()
    assert.equal("status: found: rawget", resource_is("escapes", "degraded", "found").message)
  end)

  it("is listed with all that is known of it", function()
    local listed = {}
    for _, plugin in ipairs(s:read("/v1/schedulers").items) do listed[plugin.name] = plugin end
    for _, name in ipairs(NAMES) do assert.is_table(listed[name], name) end
    assert.same({ "Lua", "1", "loaded", { "fake" } }, { listed.fake.language, listed.fake.version, listed.fake.state,
      listed.fake.resources })
    table.sort(listed.fake.verbs)
    assert.equal("alter cancel find hold monitor release resume status submit suspend", table.concat(listed.fake.verbs, " "))
    assert.equal(#NAMES + 1, #s:read("/v1/resources").items)
    assert.equal(404, s:get("/v1/schedulers/nobody").status)
  end)

  it("jobs for a resource that was never seen are kept for it", function()
    local job = job_on "throws_at_load"
    others_go_on()
    assert.equal("PENDING", s:read("/v1/jobs/" .. job).state)
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
  end)
end)

describe("a plug-in that comes later", function()
  it("is not given what it cannot honour", function()
    local folder = process.temporary()
    local s = server.start { schedulers = folder,
      resources = 'resource "later" { scheduler = "later", poll_ms = 100, options = { cores = 4 } }' }
    local simulation = s:simulation()
    local function job(more)
      more.executable, more.resource = "/bin/true", "later"
      return s:make("/v1/simulations/" .. simulation .. "/jobs", more).id
    end
    -- Nobody can say yet whether it has queues, and how many cores.
    local plain, queued, large = job {}, job { attributes = { queue_name = "night" } }, job { resources = { process_count = 5 } }
    process.write(folder .. "/later.lua", process.read(server.plugins .. "/fake.lua"))
    assert.equal("COMPLETED", s:job_in(plain).state)
    local refused = s:job_in(queued)
    assert.same({ "FAILED", "SUBMIT_REJECTED" }, { refused.state, refused.reason })
    assert.matches("/attributes/queue_name: resource later cannot honour this field", refused.message)
    assert.matches("/resources: needs 5 cores; resource later gives a job at most 4", s:job_in(large, "FAILED").message)
    s:stop()
    process.run("rm -rf " .. process.quote(folder))
  end)
end)

describe("of two jobs of about the same size", function()
  it("a resource runs the one that it has the cores for", function()
    local s = server.start { resources = 'resource "fits" { scheduler = "fake", poll_ms = 100, options = { cores = 155 } }\n'
      .. 'resource "never_up" { scheduler = "throws_in_open" }' }
    s:announce "plug%-in failed"
    local simulation = s:simulation()
    local function job(cores) return s:job(simulation, nil, { resources = { cpu_cores_per_process = cores } }).id end
    process.eventually("the resource", function() return s:read("/v1/resources/fits").state == "up" end)
    local large, small = job(158), job(152)
    assert.equal("COMPLETED", s:job_in(small).state)
    assert.equal("PENDING", s:read("/v1/jobs/" .. large).state)
    s:stop()
  end)
end)
