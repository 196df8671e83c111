-- How many streams of events there may be, and what they cost.
local listeners = require "support.listeners"
local process = require "support.process"
local server = require "support.server"
local stream = require "support.stream"

describe("a stream of events", function()
  it("costs little memory, however large the events are", function()
    local s = server.start { workers = 1, config = "events = { heartbeat_ms = 300 }\n" }
    local events, simulation = stream.open(s, "/v1/events"), s:simulation "large"
    local description = ("\1"):rep(65000) -- six bytes each, in JSON
    for _ = 1, 750 do
      assert.equal(200, s:patch("/v1/simulations/" .. simulation, { description = description }).status)
      local block
      repeat block = assert(events:block()) until block.event == "simulation.altered"
    end
    events:close()
    s:stop()
  end)

  it("is one of at most so many, and leaves room for other requests", function()
    local s = server.start { config = "http = { connections = 4 }\nevents = { streams = 10 }\n" }
    local streams = {}
    for i = 1, 10 do streams[i] = stream.open(s, "/v1/events") end
    local refused = stream.open(s, "/v1/events")
    assert.same({ 503, "/problems/unavailable" }, { refused.status, refused.problem.type })
    assert.truthy(refused.problem.detail:find "events.streams")
    assert.equal(200, s:get("/v1/simulations").status)
    streams[1]:close()
    process.eventually("room for another", function()
      local another = stream.open(s, "/v1/events")
      return another.status == 200
    end)
    s:stop()
  end)

  it("is one of at most so many of its owner, who leaves room for others", function()
    local s = server.start { workers = 1, config = "events = { streams_each = 3 }\n" }
    local alice, twin, bob = s:token_of "alice", s:token_of "alice", s:token_of "bob"
    local function ticket(token) return s:make("/v1/events/tickets", "", { token = token }).ticket end
    local held = { stream.open(s, "/v1/events", { token = alice }), stream.open(s, "/v1/events", { token = twin }),
      stream.open(s, "/v1/events?ticket=" .. ticket(alice), { token = false }) }
    for _, another in ipairs { { "/v1/events", twin }, { "/v1/events?ticket=" .. ticket(twin), false } } do
      local refused = stream.open(s, another[1], { token = another[2] })
      assert.same({ 503, "/problems/unavailable", "5" },
        { refused.status, refused.problem.type, refused.headers["retry-after"] })
      assert.truthy(refused.problem.detail:find("alice has 3 streams of events open, .* events.streams_each .*; close some"))
    end
    for _ = 1, 5 do -- those who see all may have all
      for _, token in ipairs { s.token, s:token_of("olga", "operator") } do
        assert.equal(200, stream.open(s, "/v1/events", { token = token }).status)
      end
    end
    for i = 1, 3 do held[3 + i] = stream.open(s, "/v1/events", { token = bob }) end
    assert.same({ 200, 200, 200, 503 }, { held[4].status, held[5].status, held[6].status,
      stream.open(s, "/v1/events", { token = bob }).status })
    held[2]:close()
    process.eventually("room for another", function() return stream.open(s, "/v1/events", { token = alice }).status == 200 end)
    s:stop()
  end)

  local MANY = 10000
  it(("reaches %d clients of one worker"):format(MANY), function()
    local s = server.start {}
    local clients = listeners.start(s, "/v1/events", MANY)
    for _, mark in ipairs { "mark1", "mark2" } do
      local count, seconds = clients:reached_by(mark, function() s:simulation(mark) end)
      print(("# %s reached %d of %d after %.3f s"):format(mark, count, MANY, seconds))
      assert.equal(MANY, count)
    end
    assert.equal(200, s:get("/v1/simulations").status)
    clients:close()
    s:stop()
  end)
end)
