-- Orrery's methods over a real RabbitMQ, called by strangers in Python: what REST does, and whatever a message may be.
local bus = require "support.bus"
local http = require "support.http"
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local server = require "support.server"

describe("over RabbitMQ", function()
  local rig, s, alice, bob

  setup(function()
    rig = rabbitmq.start()
    s = server.start { workers = 2, config = bus.configuration(rig) }
    alice, bob = s:token_of "alice", s:token_of "bob"
    bus.ready(rig)
  end)
  teardown(function()
    s:stop()
    rig:stop()
  end)

  local function call(token, method, params, body, more) return bus.call(rig, token, method, params, body, more) end

  local function done(status, ...)
    local answer = call(...)
    assert.equal(status, answer.status, http.encode(answer.body))
    assert.equal("application/json", answer.type)
    return answer.body
  end

  local function refused(status, pattern, answer)
    assert.equal(status, answer.status, http.encode(answer.body))
    assert.equal("application/problem+json", answer.type)
    assert.matches(pattern, answer.body.detail)
    return answer.body
  end

  it("a simulation is run from its making to its end", function()
    local simulation = done(201, alice, "simulations.create", nil, { name = "over the bus" }).id
    local job = done(201, alice, "jobs.create", { id = simulation }, server.spec({ run_ms = 60000 }, { submit = false }))
    assert.equal("NEW", job.state)
    assert.equal("PENDING", done(202, alice, "jobs.submit", { id = job.id }).state)
    process.eventually("ACTIVE", function() return done(200, alice, "jobs.get", { id = job.id }).state == "ACTIVE" end)
    done(202, alice, "jobs.signal", { id = job.id }, { name = "USR1" })
    done(202, alice, "jobs.suspend", { id = job.id })
    done(202, alice, "jobs.resume", { id = job.id })
    assert.equal("CANCEL", done(202, alice, "jobs.cancel", { id = job.id }).wanted)
    process.eventually("CANCELED", function() return done(200, alice, "jobs.get", { id = job.id }).state == "CANCELED" end)
    local history = done(200, alice, "jobs.history", { id = job.id }).items
    assert.equal("job.created", history[1].type)
    assert.equal("renamed", done(200, alice, "simulations.update", { id = simulation }, { name = "renamed" }).name)
    assert.equal(1, #done(200, alice, "jobs.list", { simulation = simulation, state = { "CANCELED" }, limit = 10 }).items)
    assert.equal(http.null, done(204, alice, "simulations.delete", { id = simulation }))
    refused(410, "was deleted", call(alice, "simulations.get", { id = simulation }))
  end)

  it("what is asked of no one needs no token", function()
    assert.same({ status = "ok" }, bus.calls(rig, { { method = "orrery.ping", message = {} } })[1].body)
    assert.same({ owner = "alice", role = "user" }, done(200, alice, "whoami"))
  end)

  it("nobody sees or touches what is another's, as with REST", function()
    local simulation = s:simulation("hers", { token = alice })
    local job = s:job(simulation, nil, { submit = false }, { token = alice }).id
    for _, method in ipairs { "jobs.get", "jobs.submit", "jobs.cancel", "jobs.delete", "jobs.history", "jobs.retry" } do
      refused(404, "There is no job", call(bob, method, { id = job }))
    end
    refused(404, "There is no simulation", call(bob, "jobs.create", { id = simulation }, server.spec()))
    assert.equal(0, #done(200, bob, "jobs.list").items)
    refused(403, "role admin", call(bob, "tokens.create", nil, { owner = "bob", role = "admin" }))
    refused(403, "role operator", call(bob, "resources.drain", { name = "fake" }))
    refused(401, "not known", call("no token of anybody", "jobs.get", { id = job }))
    assert.equal("NEW", s:read("/v1/jobs/" .. job).state)
  end)

  it("what has the same message_id happens once, over the bus and HTTP alike", function()
    local simulation, calls = s:simulation("once", { token = alice }), {}
    local body = server.spec(nil, { submit = false })
    for i = 1, 30 do
      calls[i] = { method = "orrery.jobs.create", message_id = "the same",
        message = { token = alice, params = { id = simulation }, body = body } }
    end
    local answers = bus.calls(rig, calls)
    for i = 1, 30 do assert.same(answers[1], answers[i]) end
    assert.equal(201, answers[1].status)
    assert.equal(1, #done(200, alice, "jobs.list", { simulation = simulation }).items)
    refused(422, "new key", call(alice, "jobs.create", { id = simulation }, server.spec(nil, { name = "another" }),
      { message_id = "the same" }))
  end)

  it("a thousand calls at once are all answered, each its own", function()
    local simulation, calls = s:simulation("many", { token = alice }), {}
    for i = 1, 1000 do
      calls[i] = { method = "orrery.jobs.create", message_id = "many " .. i, message = { token = alice,
        params = { id = simulation }, body = server.spec(nil, { submit = false, name = "job " .. i }) } }
    end
    for i, answer in ipairs(bus.calls(rig, calls, 120)) do
      assert.equal(201, answer.status)
      assert.equal("job " .. i, answer.body.name)
    end
    assert.equal(1000, s:read("/v1/simulations/" .. simulation).counts.total)
  end)

  it("whatever is wrong with a message is answered, and harms nobody", function()
    local before = s:counts()
    local deep = ('{"token":"%s","body":%s%s}'):format(alice, ("["):rep(100000), ("]"):rep(100000))
    local cases = {
      { 400, "byte 0 of the message", { method = "orrery.whoami", base64 = "//4AAf8=" } },
      { 400, "byte", { method = "orrery.whoami", text = "" } },
      { 400, "byte", { method = "orrery.whoami", text = deep } },
      { 413, "larger than", { method = "orrery.whoami", bytes = 17 << 20 } },
      { 422, "must be an object", { method = "orrery.whoami", text = "[]" } },
      { 422, "/token must be", { method = "orrery.whoami", text = '{"token":{}}' } },
      { 401, '"token"', { method = "orrery.whoami", text = "{}" } },
      { 404, "no method", { method = "orrery.jobs.burn", text = "{}" } },
      { 404, "no method", { text = "{}" } },
      { 422, "/params/id is required", { method = "orrery.jobs.get", message = { token = alice } } },
      { 422, "/params/id must be a text", { method = "orrery.jobs.get", message = { token = alice, params = { id = 7 } } } },
      { 422, "/params/wait", { method = "orrery.jobs.get", message = { token = alice, params = { id = "x", wait = 9 } } } },
      { 422, "/body is required", { method = "orrery.simulations.create", message = { token = alice } } },
      { 422, "/body/name must be", { method = "orrery.simulations.create", message = { token = alice, body = { name = {} } } } },
      { 404, "no simulation", { method = "orrery.simulations.get", message = { token = alice, params = { id = "../x" } } } },
    }
    local calls = {}
    for i, case in ipairs(cases) do calls[i] = case[3] end
    local answers = bus.calls(rig, calls)
    for i, case in ipairs(cases) do refused(case[1], case[2], answers[i]) end
    assert.equal(before, s:counts())
  end)

  it("what cannot be answered is carried out if it can be, and else rejected, counted and told to the log", function()
    bus.calls(rig, {
      { silent = true, method = "orrery.simulations.create", message = { token = alice, body = { name = "one way" } } },
      { silent = true, method = "orrery.simulations.create", text = "}{" },
      { silent = true, base64 = "AAAA", headers = { nonsense = { deep = { 1, 2 } } } },
    })
    process.eventually("what was sent one way", function()
      return #s:read("/v1/simulations?name=one%20way").items == 1
    end)
    process.eventually("a word in the log", function() return s:logged { message = "call rejected" } end)
    process.eventually("an empty queue", function()
      return rig:run("rabbitmqctl -q list_queues -p /orrery name messages"):find "orrery.rpc%s+0"
    end)
    assert.same({ status = "ok" }, bus.calls(rig, { { method = "orrery.ping", message = {} } })[1].body)
  end)

  it("methods, and those of services, are described", function()
    local document = s:read "/asyncapi.json"
    local cancel = document.components.messages["orrery.jobs.cancel"].payload
    assert.equal("string", cancel.properties.params.properties.id.type)
    assert.same({ "params", "token" }, cancel.required)
    assert.equal("receive", document.operations["orrery.jobs.cancel"].action)
    assert.equal("send", document.operations["service.authentication.identify"].action)
    assert.is_table(document.components.messages["service.resource-status.status.reply"].payload.properties.queues)
  end)

  it("a module without HTTP runs a simulation, with the client that is an example", function()
    local code, output = process.run(("ORRERY_TOKEN=%s timeout 60 /usr/bin/python3 -B %s/examples/bus_client.py --url %s --jobs 3 "
      .. "-- /bin/true"):format(alice, server.top, process.quote(rig.url)))
    assert.equal(0, code, output)
    assert.equal(3, select(2, output:gsub("COMPLETED 0", "")), output)
  end)

  it("the example says in a sentence what it lacks", function()
    local function says(environment, url)
      local code, output = process.run(("%s timeout 60 /usr/bin/python3 -B %s/examples/bus_client.py --url %s -- /bin/true 2>&1")
        :format(environment, server.top, process.quote(url)))
      assert.not_equal(0, code)
      assert.is_nil(output:find "Traceback", output)
      return output
    end
    assert.matches("variable ORRERY_TOKEN", says("env -u ORRERY_TOKEN", rig.url))
    assert.matches("ACCESS_REFUSED", says("ORRERY_TOKEN=x", (rig.url:gsub(":secret@", ":wrong@"))))
  end)
end)
