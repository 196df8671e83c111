-- The services that a site may bring, over a real RabbitMQ: the examples, and one that is slow, dead or lies.
local bus = require "support.bus"
local http = require "support.http"
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local server = require "support.server"

local eventually = process.eventually

local rig
setup(function() rig = rabbitmq.start() end)
teardown(function() rig:stop() end)

local function digest(token)
  return select(2, process.run("printf %s " .. process.quote(token) .. " | sha256sum")):match "^%x+"
end

-- A file for an example, which sees it whole or not at all.
local function write(path, value)
  process.write(path .. ".next", http.encode(value))
  os.rename(path .. ".next", path)
end

describe("an external authentication manager", function()
  local s, folder, users, manager

  local function start_manager() manager = bus.example(rig, "authentication_manager", "users", folder .. "/users.json") end
  local function tell(all)
    users = all
    local file = {}
    for token, user in pairs(all) do file[digest(token)] = user end
    write(folder .. "/users.json", file)
  end
  local function status(token) return s:get("/v1/whoami", { token = token }).status end

  setup(function()
    folder = process.temporary()
    tell { ["ada's"] = { owner = "ada" }, ["bob's"] = { owner = "bob", role = "admin" },
      ["old"] = { owner = "eve", expires_at = "2020-01-01T00:00:00Z" } }
    start_manager()
    s = server.start { workers = 2, config = bus.configuration(rig,
      'authentication = { service = "external", lifetime_s = 2, timeout_ms = 500, away = 6 }') }
    bus.ready(rig)
    bus.ready(rig, "orrery.rpc.authentication")
  end)
  teardown(function()
    s:stop()
    bus.stop(manager)
    process.run("rm -rf " .. folder)
  end)

  it("says who somebody is, and what they may", function()
    assert.same({ owner = "ada", role = "user" }, s:read("/v1/whoami", { token = "ada's" }))
    assert.same({ owner = "bob", role = "operator" }, s:read("/v1/whoami", { token = "bob's" }))
    local refused = s:get("/v1/whoami", { token = "mallory's" })
    assert.same({ 401, "Nobody has this token." }, { refused.status, refused.json.detail })
    assert.matches("expired", s:get("/v1/whoami", { token = "old" }).json.detail)
    local simulation = s:simulation("hers", { token = "ada's" })
    assert.equal("ada", s:read("/v1/simulations/" .. simulation).owner)
    assert.equal(403, s:get("/v1/tokens", { token = "bob's" }).status)
  end)

  it("is asked for callers over the bus, too", function()
    assert.same({ owner = "ada", role = "user" }, bus.call(rig, "ada's", "whoami").body)
    assert.equal(401, bus.call(rig, "mallory's", "whoami").status)
  end)

  it("does not lock administrators out, whose tokens are the server's own", function()
    assert.equal("admin", s:read("/v1/whoami").owner)
    local refused = s:post("/v1/tokens", { owner = "ada", role = "operator" })
    assert.same({ 409, "/problems/configured" }, { refused.status, refused.json.type })
    assert.equal(201, s:post("/v1/tokens", { owner = "root", role = "admin" }).status)
  end)

  it("says when something has changed, and is asked again", function()
    assert.equal(200, status "bob's")
    local all = {}
    for token, user in pairs(users) do all[token] = user end
    all["bob's"] = nil
    tell(all)
    eventually("the end of bob's token", function() return status "bob's" == 401 end)
    assert.equal(200, status "ada's")
  end)

  it("may be away for a while, and then nobody else comes in until it is back", function()
    assert.equal(200, status "ada's")
    bus.stop(manager)
    local refused = s:get("/v1/whoami", { token = "another's" })
    assert.same({ 503, "/problems/unavailable", "1" }, { refused.status, refused.json.type, refused.headers["retry-after"] })
    assert.equal(200, status "ada's")
    assert.equal("admin", s:read("/v1/whoami").owner)
    eventually("the end of what was known last", function()
      local now = status "ada's"
      assert.is_true(now == 200 or now == 503, now)
      return now == 503
    end)
    start_manager()
    eventually("the service again", function() return status "ada's" == 200 end)
    assert.is_table(s:logged { message = "service fails" })
    assert.is_table(s:logged { message = "service answers again" })
  end)

  it("is found again when the broker has been away", function()
    rig:kill "broker"
    eventually("that it cannot be asked", function() return status "another's" == 503 end)
    rig:revive()
    eventually("the service again", function() return status "another's" == 401 end, 60)
    assert.equal(200, status "ada's")
  end)

  it("has told its tokens to nobody's log", function()
    for _, token in ipairs { "ada's", "bob's", "mallory's", "another's" } do assert.is_nil(s:log():find(token, 1, true)) end
  end)
end)

describe("an authentication manager that lies", function()
  local s, liar

  setup(function()
    liar = bus.liar(rig, "authentication")
    s = server.start { config = bus.configuration(rig,
      'authentication = { service = "external", lifetime_s = 60, timeout_ms = 400 }') }
    bus.ready(rig)
  end)
  teardown(function()
    s:stop()
    bus.stop(liar)
  end)

  local number = 0
  local function new_token()
    number = number + 1
    return "token-" .. number
  end

  -- What somebody with a new token hears while it behaves so.
  local function hears(words)
    bus.behave(liar, words)
    return s:get("/v1/whoami", { token = new_token() })
  end

  local ADA = '{"owner":"ada","role":"user"}'
  local lies = {
    ["garbage"] = "garble",
    ["an answer to nobody's call"] = "strange " .. ADA,
    ["nothing"] = "silent",
    ["far too late"] = "slow 1 " .. ADA,
    ["a role that is none"] = 'tell {"owner":"ada","role":"god"}',
    ["an owner of control characters"] = 'tell {"owner":"a\\u0007da","role":"user"}',
    ["an owner that is a list"] = 'tell {"owner":["ada"],"role":"user"}',
    ["more than it was asked"] = 'tell {"owner":"ada","role":"user","sees_all":true}',
    ["a hundred megabytes"] = "huge 100000000",
    ["a refusal that is none of the token"] = "refuse 500 my disk is full",
  }
  for what, words in pairs(lies) do
    it("is not believed: " .. what, function()
      local refused = hears(words)
      assert.equal(503, refused.status, refused.body)
      assert.equal("/problems/unavailable", refused.json.type)
      eventually("an honest answer", function() return hears("tell " .. ADA).status == 200 end)
    end)
  end

  it("is believed when it tells the truth, though it tells it twice", function()
    assert.equal("ada", hears("twice " .. ADA).json.owner)
    assert.equal("bob", hears('tell {"owner":"bob","role":"user","expires_at":null}').json.owner)
    assert.equal(401, hears("refuse 401 no").status)
    assert.equal(401, hears("refuse 403 no").status)
  end)

  it("is asked once for what many ask at once, and for what was asked lately", function()
    local token, connections = new_token(), {}
    bus.behave(liar, "slow 0.2 " .. ADA)
    local before = bus.asked(liar)
    for i = 1, 50 do connections[i] = s:send("GET", "/v1/whoami", { token = token }) end
    for _, connection in ipairs(connections) do
      assert.equal(200, connection:receive().status)
      connection:close()
    end
    assert.equal(200, s:get("/v1/whoami", { token = token }).status)
    assert.equal(before + 1, bus.asked(liar))
  end)

  it("is counted", function()
    local metrics = s:get("/metrics").body
    assert.is_true(tonumber(metrics:match "orrery_service_failures_total (%d+)") >= 10)
    assert.is_true(tonumber(metrics:match "orrery_service_calls_total (%d+)") >= 20)
  end)
end)

describe("an external resource-status manager", function()
  local s, folder, manager

  local function tell(resources) write(folder .. "/resources.json", resources) end
  local function resource() return s:read "/v1/resources/fake" end
  local function is(state, pattern)
    local seen
    local ok = pcall(eventually, state, function()
      seen = resource()
      return seen.state == state and (not pattern or tostring(seen.message):find(pattern))
    end)
    assert(ok, ("%s: %s"):format(tostring(seen.state), tostring(seen.message)))
    return seen
  end

  setup(function()
    folder = process.temporary()
    tell { fake = { state = "up", cores_total = 64, cores_free = 12, queues = { { name = "main", max_jobs = 7 } } },
      ["local"] = { measure = folder } }
    manager = bus.example(rig, "resource_status", "resources", folder .. "/resources.json")
    s = server.start { config = bus.configuration(rig,
      'resource_status = { lifetime_s = 1, timeout_ms = 300, away = 2 }'),
      resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, status = "external" }\n'
        .. 'resource "local" { scheduler = "local", status = "external" }\nresource "plain" { scheduler = "fake" }' }
    bus.ready(rig)
  end)
  teardown(function()
    s:stop()
    bus.stop(manager)
    process.run("rm -rf " .. folder)
  end)

  it("says how resources are, and those that it is not asked about say it themselves", function()
    eventually("its word", function() return resource().cores_free == 12 end)
    assert.same({ 64, "up" }, { resource().cores_total, resource().state })
    assert.equal(7, s:read("/v1/resources/fake/queues").items[1].max_jobs)
    eventually("a measure", function()
      local told = s:read "/v1/resources/local/status"
      return told.nodes_total == 1 and told.cores_total ~= http.null
    end)
    assert.equal("up", s:read("/v1/resources/plain").state)
  end)

  it("keeps jobs from a resource that it says is down, and lets those that are there go on", function()
    local simulation = s:simulation()
    local running = s:job(simulation, { run_ms = 60000 }, { resource = "fake" }).id
    s:job_in(running, "ACTIVE")
    tell { fake = { state = "down", message = "maintenance until noon" } }
    is("down", "maintenance until noon")
    local waiting = s:job(simulation, nil, { resource = "fake" }).id
    assert.equal(202, s:post("/v1/jobs/" .. running .. "/cancel").status)
    assert.equal("CANCELED", s:job_in(running).state)
    assert.equal("PENDING", s:read("/v1/jobs/" .. waiting).state)
    tell { fake = { state = "up" } }
    assert.equal("COMPLETED", s:job_in(waiting).state)
    is "up"
  end)

  it("is away: what it said last counts for a while, and then nothing is known, in words", function()
    tell { fake = { state = "down", message = "the pumps" } }
    is("down", "the pumps")
    bus.stop(manager)
    is("degraded", "the resource%-status service does not say how it is")
    assert.equal(http.null, s:read("/v1/resources/fake/status").state)
    assert.equal("COMPLETED", s:job_in(s:job(s:simulation(), nil, { resource = "fake" }).id).state)
    tell { fake = { state = "degraded", message = "half of it" } }
    manager = bus.example(rig, "resource_status", "resources", folder .. "/resources.json")
    is("degraded", "half of it")
  end)

  it("refuses what it does not know", function()
    tell {}
    is("degraded", "it refuses to tell: Nobody looks after the resource fake")
  end)

  it("is for resources of REST as well", function()
    tell { other = { state = "up", cores_free = 3 } }
    s:make("/v1/resources", { name = "other", scheduler = "fake", status = "external" })
    eventually("its word", function() return s:read("/v1/resources/other").cores_free == 3 end)
  end)
end)

describe("without a broker", function()
  it("no resource can be another service's to tell of", function()
    local s <close> = setmetatable({ it = server.start() }, { __close = function(it) it.it:stop() end })
    local refused = s.it:post("/v1/resources", { name = "other", scheduler = "fake", status = "external" })
    assert.equal(422, refused.status)
    assert.matches("/status is \"external\", which needs bus.url", refused.json.detail)
  end)
end)
