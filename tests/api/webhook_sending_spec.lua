-- What of webhooks is under way when: everybody gets a share, and what is not to be sent any more is not.
local http = require "support.http"
local process = require "support.process"
local receiver = require "support.receiver"
local server = require "support.server"
local socket = require "socket"

local eventually = process.eventually

local CONFIG = [[webhooks = { allow = "127.0.0.0/8", timeout_ms = 60000, retry_s = { 0, 60 }, %s }]]

describe("a webhook", function()
  local s, r

  before_each(function() r = receiver.start() end)
  after_each(function()
    s:stop()
    r:stop()
  end)

  local function start(more) s = server.start { config = CONFIG:format(more) } end

  -- Webhooks of an owner whose receivers answer when they are let, each with two pings → the path of the last.
  local function held(owner, ...)
    local token, path = s:token_of(owner), nil
    for _, name in ipairs { ... } do
      local body = { url = r.url .. "/held/" .. name, secret = r.secret, types = { "token.revoked" } }
      path = "/v1/webhooks/" .. s:make("/v1/webhooks", body, { token = token }).id
      for _ = 1, 2 do s:make(path .. "/ping", nil, { token = token, status = 202 }) end
    end
    return path
  end

  local function arrived(pattern)
    local count = 0
    for _, request in ipairs(r:requests()) do count = count + (request.path:find(pattern) and 1 or 0) end
    return count
  end

  it("of one owner leaves room for those of others, however slow its receivers are", function()
    start "at_once = 4, at_once_each = 1"
    held("alice", "a1", "a2", "a3", "a4", "a5")
    r:await(3)
    held("bob", "b1", "b2", "b3")
    r:await(4)
    assert.same({ 3, 1 }, { arrived "a%d", arrived "b%d" })
    socket.sleep(0.1) -- their turns are over
    for i = 1, 3 do r:free("a" .. i) end
    r:await(6)
    assert.same({ 4, 2 }, { arrived "a%d", arrived "b%d" }) -- a4, b1 and b2 are under way; the last place is for a third owner
  end)

  it("that is removed while something is under way is sent no more", function()
    start "at_once_each = 1"
    local path = held("alice", "last")
    r:await(1)
    assert.equal(204, s:delete(path).status)
    r:free "last"
    held("bob", "next")
    r:free "next"
    eventually("the others", function() return arrived "next" == 2 end)
    assert.equal(1, arrived "last")
  end)

  it("is sent nothing while somebody wants it so, and then what waited", function()
    start "at_once_each = 1"
    local path = held("alice", "first")
    r:await(1)
    local shown = s:make(path .. "/disable", nil, { token = s:token_of "alice", status = 200 })
    assert.same({ "DISABLED", "by alice" }, { shown.state, shown.disabled_reason })
    assert.same({ shown.disabled_at, "by alice" },
      { s:make(path .. "/disable", nil, { status = 200 }).disabled_at, s:read(path).disabled_reason })
    assert.equal("1", s:sql "SELECT count(*) FROM events WHERE type = 'webhook.disabled' AND data LIKE '%by alice%'")
    assert.matches("was disabled at .*: by alice%. Enable it", s:post(path .. "/ping").json.detail)
    r:free "first"
    eventually("the end of what was under way", function() return s:read(path).pending == 1 end)
    assert.equal(1, arrived "first")
    s:make(path .. "/enable", nil, { status = 200 })
    r:await(2)
    eventually("the record of it", function() return s:read(path).pending == 0 end)
  end)

  it("that ends with its simulation, the last of all, leaves nobody for whom the log is kept", function()
    start ""
    local simulation = s:simulation() -- so large that it is deleted long after the event that says so
    s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 2000, step = 1 } } })
    s:post("/v1/simulations/" .. simulation .. "/cancel")
    s:finished(simulation)
    s:make("/v1/webhooks", { url = r.url .. "/as-told", simulation_id = simulation })
    assert.equal("1", s:sql "SELECT count(*) FROM readers")
    assert.equal(204, s:delete("/v1/simulations/" .. simulation).status)
    eventually("no reader", function() return s:sql "SELECT count(*) FROM readers" == "0" end)
  end)

  it("tells what was gone from the log when it came to it, once, and gets all that was left", function()
    start ""
    local path = "/v1/webhooks/" .. s:make("/v1/webhooks", { url = r.url .. "/gone", secret = r.secret }).id
    s:make(path .. "/ping", nil, { status = 202 })
    local behind = tonumber(eventually("the end of it", function()
      return s:read(path).state == "DISABLED" and s:sql "SELECT behind FROM webhooks"
    end))
    local simulation = s:simulation()
    local kept = s:job(simulation, nil, { hold = true }).id
    s:job_in(s:job(simulation).id)
    s:stop(true)
    s:restart { config = CONFIG:format "" .. " events = { keep_count = 1 }" }
    local last = eventually("the removal", function()
      local whole = tonumber(s:sql "SELECT events_from FROM installation")
      return whole > behind + 5 and s:sql("SELECT count(*) FROM events WHERE number < " .. whole) == "1" and whole - 1
    end)
    s:patch(path, { url = r.url .. "/back" })
    s:make(path .. "/enable", nil, { status = 200 })
    local shown = eventually("what it missed", function()
      local now = s:read(path)
      return now.missed ~= http.null and now
    end)
    assert.same({ from = behind + 1, to = last }, shown.missed)
    eventually("a word to the site", function()
      return s:logged { message = "^events were gone before", level = "warn", owner = "admin", to = last }
    end)
    local told, left = nil, nil
    eventually("the news of it", function()
      for _, request in ipairs(r:requests "/back") do
        if request.body.type == "orrery.webhook.missed" then told = request.body.data end
        if request.body.data.job_id == kept then left = request.body.type end
      end
      return told and left
    end)
    assert.same({ { webhook_id = shown.id, from = behind + 1, to = last }, "orrery.job.created" }, { told, left })
    s:make(path .. "/replay", { after = 0 }, { status = 202 })
    eventually("the end of it", function() return s:sql "SELECT count(*) FROM webhooks WHERE behind IS NULL" == "1" end)
    assert.equal("1", s:sql "SELECT count(*) FROM events WHERE type = 'webhook.missed'")
  end)
end)
