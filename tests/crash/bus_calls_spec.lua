-- Calls over the bus with which a server dies: the broker delivers them again, to the next one.
local bus = require "support.bus"
local crash = require "support.crash"
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local server = require "support.server"

describe("a call with which a server dies", function()
  local rig, s

  setup(function()
    rig = rabbitmq.start()
    s = server.start { config = bus.configuration(rig) }
    bus.ready(rig)
  end)
  teardown(function()
    s:stop()
    rig:stop()
  end)

  local function create(name, id)
    return { method = "orrery.simulations.create", message_id = id, message = { token = s.token, body = { name = name } } }
  end

  local function await_messages(what, ready, unacknowledged)
    process.eventually(what, function()
      return rig:run("rabbitmqctl -q list_queues -p /orrery name messages_ready messages_unacknowledged")
        :find(("orrery.rpc%%s+%d%%s+%d"):format(ready, unacknowledged))
    end)
  end

  local function made(name) return #s:read("/v1/simulations?name=" .. name).items end

  it("is carried out by the next, once, if it can be told from a second wish; else its caller hears why not", function()
    local release = crash.lock(s)
    local await = bus.begin(rig, { create("kept", "its own"), create("doubtful"), { method = "orrery.ping", message = {} } }, 60)
    await_messages("the two that cannot be stored", 0, 2)
    s:kill()
    release()
    s:restart()
    local answers = await()
    assert.same({ 201, 409, 200 }, { answers[1].status, answers[2].status, answers[3].status })
    assert.equal("/problems/in-doubt", answers[2].body.type)
    assert.matches("message_id", answers[2].body.detail)
    assert.same({ 1, 0 }, { made "kept", made "doubtful" })
  end)

  it("is not tried by one server after the other", function()
    local liar = bus.liar(rig, "authentication") -- never says whose a token is, so that the call is under way for long
    s:stop(true)
    s:restart { config = bus.configuration(rig, 'authentication = { service = "external", timeout_ms = 60000 }') }
    bus.ready(rig)
    local await = bus.begin(rig, { { method = "orrery.whoami", message = { token = "deadly" } } }, 20)
    for times = 1, 2 do
      process.eventually("the call", function() return bus.asked(liar) == times end)
      await_messages("that the second time is the last", 0, 2 - times)
      s:kill()
      s:restart()
      bus.ready(rig)
    end
    assert.equal("ok", bus.calls(rig, { { method = "orrery.ping", message = {} } })[1].body.status)
    assert.is_nil(await()[1])
    assert.equal(2, bus.asked(liar))
    bus.stop(liar)
  end)
end)
