-- Resources that come, change and go while the server runs.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local null = http.null

describe("a resource made over REST", function()
  local s, simulation

  setup(function()
    s = server.start()
    simulation = s:simulation()
  end)
  teardown(function() s:stop() end)

  local function make(name, more)
    local body = { name = name, scheduler = "fake", poll_ms = 100 }
    for key, value in pairs(more or {}) do body[key] = value end
    return s:make("/v1/resources", body)
  end

  local function is(name, state)
    return process.eventually(name .. " " .. state, function()
      local seen = s:read("/v1/resources/" .. name)
      return seen.state == state and seen
    end)
  end

  local function job_on(name, custom) return s:job(simulation, custom, { resource = name }).id end

  it("is there at once, and runs jobs without a restart", function()
    local made = make("first", { options = { cores = 5 }, max_submitted = 7 })
    assert.same({ "first", "fake", "api", "starting" }, { made.name, made.scheduler, made.source, made.state })
    assert.same({ scheduler = "fake", poll_ms = 100, max_submitted = 7, options = { cores = 5 } }, made.settings)
    assert.equal("COMPLETED", s:job_in(job_on "first").state)
    local seen = is("first", "up")
    assert.same({ 5, 7, "1" }, { seen.limits.cores, seen.limits.max_submitted, seen.scheduler_version })
    local job = s:read("/v1/jobs/" .. s:job_in(job_on "first").id)
    assert.matches("^" .. s.data:gsub("%p", "%%%0") .. "/jobs/", job.directory)
    assert.equal("configuration", s:read("/v1/resources/fake").source)
    local names = {}
    for _, each in ipairs(s:read("/v1/resources").items) do names[each.name] = true end
    assert.same({ fake = true, first = true }, names)
  end)

  it("is made once", function()
    make "once"
    for _, name in ipairs { "once", "fake" } do
      local answer = s:post("/v1/resources", { name = name, scheduler = "fake" })
      assert.same({ 409, "/problems/exists" }, { answer.status, answer.json.type })
      assert.matches("PATCH /v1/resources/" .. name, answer.json.detail)
    end
    local body = { name = "twice", scheduler = "fake" }
    local one, two = s:post("/v1/resources", body, { key = "k" }), s:post("/v1/resources", body, { key = "k" })
    assert.same({ 201, 201, one.body }, { one.status, two.status, two.body })
    local connections, codes = {}, {}
    for i = 1, 8 do connections[i] = s:send("POST", "/v1/resources", { body = { name = "race", scheduler = "fake" } }) end
    for i, connection in ipairs(connections) do
      codes[i] = connection:receive().status
      connection:close()
    end
    table.sort(codes)
    assert.same({ 201, 409, 409, 409, 409, 409, 409, 409 }, codes)
  end)

  it("is checked as one of the configuration is, by the same bounds", function()
    local cases = {
      { { scheduler = "fake" }, "/name" }, { { name = "x" }, "/scheduler" },
      { { name = "", scheduler = "fake" }, "/name" }, { { name = "../x", scheduler = "fake" }, "/name" },
      { { name = "a b", scheduler = "fake" }, "/name" }, { { name = ("x"):rep(65), scheduler = "fake" }, "/name" },
      { { name = "x\ny", scheduler = "fake" }, "/name" }, { { name = 7, scheduler = "fake" }, "/name" },
      { { name = "x", scheduler = "there_is_none" }, "/scheduler" }, { { name = "x", scheduler = "../fake" }, "/scheduler" },
    }
    for name, values in pairs { base = { "relative", 7 }, poll_ms = { 99, 600001, 100.5 }, lost_ms = { "1000" },
      max_submitted = { 0 }, options = { { 1, 2 }, "cores=1" }, listen = { "0.0.0.0:80" } } do
      for _, value in ipairs(values) do
        cases[#cases + 1] = { { name = "x", scheduler = "fake", [name] = value }, "/" .. name }
      end
    end
    for _, case in ipairs(cases) do
      local answer = s:post("/v1/resources", case[1])
      assert.equal(422, answer.status, answer.body)
      assert.equal(case[2], answer.json.errors[1].pointer, answer.body)
    end
    assert.equal(404, s:get("/v1/resources/x").status)
  end)

  it("whose options its plug-in refuses is down and says why, whatever they are", function()
    s:announce "plug%-in failed"
    local deep = {}
    for _ = 1, 60 do deep = { deep = deep } end
    for name, options in pairs { deep = deep, empty = {}, none = { nothing = null },
      list = { list = { 1, null, "x" } }, long = { text = ("x"):rep(100000) } } do
      make("odd-" .. name, { scheduler = "throws_in_open", options = options })
    end
    for _, name in ipairs { "deep", "empty", "none", "list", "long" } do
      assert.matches("I will not open", is("odd-" .. name, "down").message)
    end
    make("polite", { scheduler = "throws_in_open", options = { politely = true } })
    assert.equal("there is no scheduler here", is("polite", "down").message)
    assert.equal(204, s:delete("/v1/resources/polite").status)
  end)

  it("is for administrators to make, for operators to drain, and its options for administrators to see", function()
    local user, operator = s:token_of("user"), s:token_of("operator", "operator")
    make("guarded", { options = { secret = "s3cret" } })
    local function ask(method, path, token, body) return s:request(method, path, { token = token, body = body }).status end
    for _, token in ipairs { user, operator } do
      assert.equal(403, ask("POST", "/v1/resources", token, { name = "no", scheduler = "fake" }))
      assert.equal(403, ask("PATCH", "/v1/resources/guarded", token, { poll_ms = 200 }))
      assert.equal(403, ask("DELETE", "/v1/resources/guarded", token))
      local seen = s:read("/v1/resources/guarded", { token = token })
      assert.equal(null, seen.settings)
      assert.is_nil(s:get("/v1/resources", { token = token }).body:find("s3cret", 1, true))
    end
    for _, verb in ipairs { "drain", "enable" } do
      assert.equal(403, ask("POST", "/v1/resources/guarded/" .. verb, user))
      assert.equal(200, ask("POST", "/v1/resources/guarded/" .. verb, operator))
      assert.equal(404, ask("POST", "/v1/resources/nobody/" .. verb, operator))
    end
  end)

  it("is changed while its jobs go on", function()
    make("changing", { options = { cores = 4 } })
    local job = job_on("changing", { run_ms = 1500 })
    s:job_in(job, "ACTIVE")
    local changed = s:patch("/v1/resources/changing", { options = { cores = 9 }, poll_ms = 150 })
    assert.equal(200, changed.status, changed.body)
    assert.same({ scheduler = "fake", options = { cores = 9 }, poll_ms = 150 }, changed.json.settings)
    process.eventually("the new cores", function() return s:read("/v1/resources/changing").limits.cores == 9 end)
    assert.equal("COMPLETED", s:job_in(job).state)
    changed = s:patch("/v1/resources/changing", { options = null })
    assert.is_nil(changed.json.settings.options)
    process.eventually("no cores", function() return s:read("/v1/resources/changing").limits.cores == null end)
    assert.equal(422, s:patch("/v1/resources/changing", { scheduler = "local" }).status)
    assert.equal(422, s:patch("/v1/resources/changing", { poll_ms = 1 }).status)
    assert.equal(404, s:patch("/v1/resources/nobody", { poll_ms = 200 }).status)
    local starts = process.read(s.data .. "/resources/changing/starts")
    assert.equal(1, select(2, starts:gsub("\n", "")))
  end)

  it("keeps its settings in effect where the new ones cannot be used, and says so", function()
    s:announce "plug%-in failed"
    local folder = process.temporary()
    make("stubborn", { options = { cores = 4 } })
    is("stubborn", "up")
    local job = job_on("stubborn", { run_ms = 800 })
    s:job_in(job, "ACTIVE")
    assert.equal(200, s:patch("/v1/resources/stubborn", { options = { cores = "many" } }).status)
    local seen = is("stubborn", "degraded")
    assert.matches("settings: open honours nonsense: /cores.*the settings before are in effect", seen.message)
    assert.equal(4, seen.limits.cores)
    assert.equal("COMPLETED", s:job_in(job).state)
    assert.equal(200, s:patch("/v1/resources/stubborn", { options = { cores = 6 } }).status)
    assert.equal(6, process.eventually("the new ones", function()
      local now = s:read("/v1/resources/stubborn")
      return now.state == "up" and now.limits.cores == 6 and now
    end).limits.cores)
    process.run("rm -rf " .. folder)
  end)

  it("of the configuration is changed there", function()
    for _, answer in ipairs { s:patch("/v1/resources/fake", { poll_ms = 200 }), s:delete("/v1/resources/fake") } do
      assert.same({ 409, "/problems/configured" }, { answer.status, answer.json.type })
      assert.matches("Resource fake is one of the configuration: change it there", answer.json.detail)
    end
  end)

  it("is not deleted while it has live jobs; one that waits for it says why it does", function()
    make "leaving"
    local job = job_on("leaving", { run_ms = 60000 })
    s:job_in(job, "ACTIVE")
    local refused = s:delete "/v1/resources/leaving"
    assert.same({ 409, "/problems/still-running" }, { refused.status, refused.json.type })
    assert.matches("POST /v1/resources/leaving/drain", refused.json.detail)
    s:post "/v1/resources/leaving/drain"
    assert.equal(409, s:delete("/v1/resources/leaving").status)
    local waiting = job_on "leaving"
    s:post("/v1/jobs/" .. job .. "/cancel")
    s:job_in(job)
    assert.equal(204, s:delete("/v1/resources/leaving").status)
    assert.equal(404, s:get("/v1/resources/leaving").status)
    assert.equal(404, s:delete("/v1/resources/leaving").status)
    local seen = s:read("/v1/jobs/" .. waiting)
    assert.same({ "PENDING", "PLACEMENT" }, { seen.state, seen.reason })
    assert.matches("there is no resource leaving any more", seen.message)
    local refused_job = s:post("/v1/simulations/" .. simulation .. "/jobs", server.spec(nil, { resource = "leaving" }))
    assert.equal(422, refused_job.status)
    make "leaving" -- and back
    assert.equal("COMPLETED", s:job_in(waiting).state)
  end)

  it("that is drained gets no new jobs, and its live ones go on", function()
    make "tired"
    local job = job_on("tired", { run_ms = 700 })
    s:job_in(job, "ACTIVE")
    local drained = s:post("/v1/resources/tired/drain")
    assert.same({ 200, "draining", "admin" }, { drained.status, drained.json.state, drained.json.drained_by })
    assert.matches("^admin drained it at 20.*gets no jobs", drained.json.message)
    local waiting = job_on "tired"
    assert.equal("COMPLETED", s:job_in(job).state)
    is("tired", "drained")
    local seen = s:read("/v1/jobs/" .. waiting)
    assert.same({ "PENDING", "PLACEMENT", 0 }, { seen.state, seen.reason, seen.attempt })
    assert.matches("resource tired is drained", seen.message)
    local keyed = s:post("/v1/resources/tired/drain", nil, { key = "drain" })
    local again = s:post("/v1/resources/tired/drain") -- it stays as it was
    assert.equal(drained.json.drained_at, again.json.drained_at)
    local enabled = s:post("/v1/resources/tired/enable").json
    assert.same({ "up", null, null }, { enabled.state, enabled.drained_by, enabled.drained_at })
    assert.equal(keyed.body, s:post("/v1/resources/tired/drain", nil, { key = "drain" }).body) -- carried out once
    assert.equal("up", s:read("/v1/resources/tired").state)
    assert.equal("COMPLETED", s:job_in(waiting).state)
  end)

  it("lets go of jobs that named none, when it takes none", function()
    assert.equal(200, s:post("/v1/resources/fake/drain").status)
    for _, each in ipairs(s:read("/v1/resources").items) do s:post("/v1/resources/" .. each.name .. "/drain") end
    make("busy", { options = { down = true } })
    local job = s:job(simulation).id -- it is tried there, and comes back
    process.eventually("a try", function()
      local seen = s:read("/v1/jobs/" .. job)
      return seen.resource == "busy" and seen.attempt > 0
    end)
    s:post "/v1/resources/busy/drain"
    s:post "/v1/resources/fake/enable"
    local done = s:job_in(job)
    assert.same({ "COMPLETED", "fake" }, { done.state, done.resource })
  end)
end)

describe("resources made over REST", function()
  it("outlive a server that is killed at once, drained or not", function()
    local s = server.start()
    local simulation = s:simulation()
    s:make("/v1/resources", { name = "kept", scheduler = "fake", poll_ms = 100, options = { cores = 3 } })
    s:kill()
    s:restart()
    local job = s:job(simulation, { run_ms = 60000 }, { resource = "kept" }).id
    s:job_in(job, "ACTIVE")
    s:post "/v1/resources/kept/drain"
    s:post "/v1/resources/fake/drain"
    s:kill()
    s:restart()
    local waiting = s:job(simulation, nil, { resource = "kept" }).id
    process.eventually("it", function() return s:read("/v1/resources/kept").limits.cores == 3 end)
    for name, state in pairs { kept = "draining", fake = "drained" } do
      assert.equal(state, s:read("/v1/resources/" .. name).state)
    end
    assert.equal("ACTIVE", s:read("/v1/jobs/" .. job).state)
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
    assert.equal("PENDING", s:read("/v1/jobs/" .. waiting).state)
    s:post "/v1/resources/kept/enable"
    assert.equal("COMPLETED", s:job_in(waiting).state)
    assert.equal(204, s:delete("/v1/resources/kept").status)
    s:kill()
    s:restart()
    assert.equal(404, s:get("/v1/resources/kept").status)
    s:stop()
  end)

  it("yield to one of the configuration of the same name, and come back", function()
    local s = server.start()
    s:make("/v1/resources", { name = "both", scheduler = "fake", options = { cores = 3 } })
    s:stop(true)
    s:restart { resources = server.FAKE .. 'resource "both" { scheduler = "fake", options = { cores = 4 } }' }
    process.eventually("the configuration's", function() return s:read("/v1/resources/both").limits.cores == 4 end)
    assert.equal("configuration", s:read("/v1/resources/both").source)
    s:stop(true)
    s:restart { resources = server.FAKE }
    process.eventually("the other", function() return s:read("/v1/resources/both").limits.cores == 3 end)
    s:stop()
  end)

  it("take over live jobs of one that was configured", function()
    local s = server.start { resources = server.FAKE .. 'resource "old" { scheduler = "fake", poll_ms = 100 }' }
    local simulation = s:simulation()
    local job = s:job(simulation, { run_ms = 60000 }, { resource = "old" }).id
    s:job_in(job, "ACTIVE")
    s:stop(true)
    s:restart { resources = server.FAKE }
    assert.matches("no longer configured", s:read("/v1/jobs/" .. job).message)
    s:make("/v1/resources", { name = "old", scheduler = "fake", poll_ms = 100 })
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
    s:stop()
  end)

  local function held(pid)
    local text = process.read(("/proc/%d/status"):format(pid))
    return tonumber(text:match "Threads:%s+(%d+)"), tonumber(text:match "VmRSS:%s+(%d+)")
  end

  it("come and go a thousand times without a trace", function()
    local s = server.start()
    local simulation, threads = s:simulation(), nil
    local function rounds(first, last)
      for i = first, last do
        local name = "r" .. i
        s:make("/v1/resources", { name = name, scheduler = i % 50 == 0 and "fake" or "stubborn", poll_ms = 100 })
        if i % 50 == 0 then s:job_in(s:job(simulation, nil, { resource = name }).id) end -- its files are looked at
        if i % 4 == 0 then process.eventually("it", function() return s:read("/v1/resources/" .. name).state == "up" end) end
        assert.equal(204, s:delete("/v1/resources/" .. name).status)
      end
      process.eventually("their threads to end", function() return held(s.pid) <= threads end)
    end
    threads = held(s.pid)
    rounds(1, 100)
    local _, memory = held(s.pid)
    rounds(101, 1000)
    local _, memory_now = held(s.pid)
    assert.is_true(server.sanitized or memory_now < memory + 8192, ("%d kB have become %d kB"):format(memory, memory_now))
    process.eventually("their folders to go", function()
      local _, folders = process.run("ls " .. s.data .. "/resources | grep -c -v r..*0$")
      return tonumber(folders) == 1
    end)
    s:stop()
  end)

  it("are deleted while jobs come for them, and none is forgotten or doubled", function()
    local s = server.start()
    local simulation, jobs, deleted = s:simulation(), {}, 0
    local function make_again()
      if s:get("/v1/resources/race").status == 200 then return end
      s:make("/v1/resources", { name = "race", scheduler = "fake", poll_ms = 100 })
    end
    for round = 1, 25 do
      make_again()
      for i = 1, 4 do
        if i == 3 and s:delete("/v1/resources/race").status == 204 then deleted = deleted + 1 end
        local answer = s:post("/v1/simulations/" .. simulation .. "/jobs", server.spec({ run_ms = round }, { resource = "race" }))
        assert.is_true(answer.status == 201 or answer.status == 422, answer.body)
        if answer.status == 201 then jobs[#jobs + 1] = answer.json.id end
      end
    end
    assert.is_true(deleted > 0)
    make_again()
    for _, job in ipairs(jobs) do assert.equal("COMPLETED", s:job_in(job).state) end
    local seen = {}
    for tag in process.read(s.data .. "/resources/race/starts"):gmatch "[^\n]+" do
      assert.is_nil(seen[tag])
      seen[tag] = true
    end
    s:stop()
  end)

  it("are drained while jobs are handed over, and none is handed over afterwards", function()
    local s = server.start { workers = 2 }
    local simulation = s:simulation()
    s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { resource = "fake" }),
      parameters = { n = { from = 1, to = 400, step = 1 } } })
    local function started() return select(2, (process.read(s.data .. "/resources/fake/starts") or ""):gsub("\n", "")) end
    for _ = 1, 5 do
      local before = started()
      process.eventually("some jobs", function() return started() > before or started() == 400 end)
      s:post "/v1/resources/fake/drain"
      local tried = s:sql "SELECT count(*) FROM jobs WHERE submission IS NOT NULL"
      process.eventually("the last of them", function() return s:read("/v1/resources/fake").state == "drained" end)
      assert.equal(tried, s:sql "SELECT count(*) FROM jobs WHERE submission IS NOT NULL")
      s:post "/v1/resources/fake/enable"
    end
    assert.equal(400, s:finished(simulation).counts.COMPLETED)
    assert.equal(400, started())
    s:stop()
  end)
end)
