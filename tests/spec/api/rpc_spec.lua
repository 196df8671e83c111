-- Orrery's methods over the bus (orrery.api.rpc): what a message must be, and that whatever it is has an answer.
local house = require "support.house"
local json = house.json

local counted = {}
package.loaded["house.server"] = { random = function() return "0123456789abcdef" end,
  count = function(name) counted[name] = (counted[name] or 0) + 1 end }
package.loaded["orrery.api.auth"] = {
  identify = function(request)
    local who = request:bearer()
    if who == "alice" or who == "root" then return { owner = who, role = who == "root" and "admin" or "user" } end
    require("orrery.api.problem").raise("unauthorized", "The token is not known, or was revoked.")
  end,
  require_role = function(principal, role)
    if principal.role ~= role then require("orrery.api.problem").raise("forbidden", "This needs the role " .. role .. ".") end
  end,
}

local rpc = require "orrery.api.rpc"

local seen -- what the handler was called with last
local function handler(context, ...)
  seen = { context = context, captured = { ... } }
  return 201, "Content-Type: application/json\r\nLocation: /v1/things/1\r\n", '{"id":"1"}'
end

local big = ("x"):rep(9 << 20)

local routes = {
  { method = "GET", path = "/healthz", rpc = "ping", open = true, summary = "ping", response = "status",
    handler = function() return 200, "Content-Type: application/json\r\n", '{"status":"ok"}' end },
  { method = "POST", path = "/v1/groups/{id}/things", rpc = "things.create", summary = "make", handler = handler, status = 201,
    body = { type = "object", help = "a thing", fields = { name = { type = "text", required = true, help = "its name" } } } },
  { method = "GET", path = "/v1/things/{id}", rpc = "things.get", summary = "get", handler = handler, response = "thing", query = {
    limit = { type = "integer", min = 1, max = 10 }, state = { type = "list", of = { type = "text" } },
    wait = { type = "number", not_rpc = "events tell" } } },
  { method = "POST", path = "/v1/things/{id}/start", rpc = "things.start", summary = "start", handler = handler,
    body_optional = true, body = { type = "object", fields = { force = { type = "boolean" } } } },
  { method = "DELETE", path = "/v1/things/{id}", rpc = "things.delete", summary = "delete", role = "admin",
    handler = function() return 204, "", "" end },
  { method = "GET", path = "/v1/bytes/{id}", rpc = "bytes.get", summary = "bytes",
    handler = function(context) context.request:begin(200, "") end },
  { method = "GET", path = "/v1/big", rpc = "big.get", summary = "big", handler = function() return 200, "", big end },
  { method = "POST", path = "/v1/big", rpc = "big.make", summary = "big", handler = function() return 201, "", big end },
  { method = "GET", path = "/v1/broken", rpc = "broken", summary = "broken", handler = function() error "a defect" end },
  { method = "GET", path = "/v1/stream", summary = "nothing for the bus", handler = handler },
}
local call = rpc.of(routes)

local function ask(method, message, id, again)
  local kind, body, status = call("orrery." .. method, type(message) == "string" and message or json.encode(message), id, again)
  return status, json.decode(body), kind
end

local function refuses(status, pattern, ...)
  local got, document, kind = ask(...)
  assert.equal("application/problem+json", kind)
  assert.equal(status, got, document.detail)
  assert.equal(status, document.status)
  assert.truthy(document.detail:find(pattern), document.detail)
  assert.equal("0123456789abcdef", document.request_id)
end

describe("a call", function()
  it("of a method that is open needs no token", function()
    local status, body, kind = ask("ping", {})
    assert.same({ 200, { status = "ok" }, "application/json" }, { status, body, kind })
  end)

  it("reaches the route's handler as a request does", function()
    local status, body = ask("things.create", { token = "alice", params = { id = "7" }, body = { name = "n" } }, "once")
    assert.same({ 201, { id = "1" } }, { status, body })
    local request = seen.context.request
    assert.same({ "7" }, seen.captured)
    assert.same({ name = "n" }, seen.context.body)
    assert.equal("alice", seen.context.principal.owner)
    assert.same({ "POST", "/v1/groups/7/things", "once", '{"name":"n"}' }, { request:method(), request:path(),
      request:header "idempotency-key", request:body() })
    assert.is_nil(request:header "if-none-match")
    assert.is_false(request:aborted())
  end)

  it("has the query's parameters as JSON has them", function()
    ask("things.get", { token = "alice", params = { id = "7", limit = 3, state = { "A", "B" } } })
    assert.equal(3, seen.context.query.limit)
    assert.equal("B", seen.context.query.state[2])
  end)

  it("has a body where one is optional", function()
    ask("things.start", { token = "alice", params = { id = "7" } })
    assert.same({}, seen.context.body)
  end)

  it("without a word to say is answered null", function()
    local kind, body, status = call("orrery.things.delete", '{"token":"root","params":{"id":"7"}}')
    assert.same({ "application/json", "null", 204 }, { kind, body, status })
  end)
end)

describe("a message that is wrong", function()
  local fine = { token = "alice", params = { id = "7" } }

  it("names no method", function()
    refuses(404, "no method", "things.burn", fine)
    refuses(404, "asyncapi.json", "", fine)
    assert.equal(404, select(3, call(nil, "{}")))
    assert.equal(404, select(3, call("things.get", "{}")))
  end)

  it("is no JSON, or no object", function()
    refuses(400, "^At byte 0 of the message", "things.get", "\0\255")
    refuses(400, "^At byte", "things.get", "")
    refuses(422, "must be an object", "things.get", "[1]")
    refuses(422, "must be an object", "things.get", "null")
    refuses(422, "no such field", "things.get", { token = "alice", parameters = {} })
  end)

  it("was too large to be taken", function()
    house.config.http = { body_bytes = 16777216 }
    local kind, text, status = call("orrery.things.get", nil)
    assert.same({ "application/problem+json", 413 }, { kind, status })
    assert.truthy(text:find "16777216 bytes")
  end)

  it("says not whose it is", function()
    refuses(401, '"token"', "things.get", { params = { id = "7" } })
    refuses(401, "not known", "things.get", { token = "mallory", params = { id = "7" } })
    refuses(422, "/token must be a text", "things.get", { token = 7, params = { id = "7" } })
    refuses(403, "the role admin", "things.delete", { token = "alice", params = { id = "7" } })
  end)

  it("lacks parameters, or has others", function()
    refuses(422, "/params/id is required", "things.get", { token = "alice" })
    refuses(422, "/params/id must be a text", "things.get", { token = "alice", params = { id = 7 } })
    refuses(422, "/params/limit must be a whole number", "things.get", { token = "alice", params = { id = "7", limit = "3" } })
    refuses(422, "there are id, limit, state", "things.get", { token = "alice", params = { id = "7", other = 1 } })
    refuses(422, "/params must be an object", "things.get", { token = "alice", params = "id" })
    refuses(422, "/params/wait is not taken over the bus: events tell", "things.get",
      { token = "alice", params = { id = "7", wait = 3 } })
  end)

  it("has a wrong body, or none", function()
    refuses(422, "/body is required", "things.create", fine)
    refuses(422, "/body/name is required", "things.create", { token = "alice", params = { id = "7" }, body = {} })
    refuses(422, "/body must be an object", "things.create", { token = "alice", params = { id = "7" }, body = json.null })
  end)

  it("is counted", function()
    counted = {}
    ask("ping", {})
    ask("things.burn", {})
    assert.same({ rpc_calls = 2, rpc_refusals = 1 }, counted)
  end)
end)

describe("a message that comes again", function()
  local create = { token = "alice", params = { id = "7" }, body = { name = "n" } }

  it("is carried out when it can do no harm", function()
    assert.equal(201, (ask("things.get", { token = "alice", params = { id = "7" } }, nil, true)))
    assert.equal(201, (ask("things.create", create, "once", true)))
    assert.equal(201, (ask("things.create", create)))
  end)

  it("is refused when nobody can tell whether it was carried out", function()
    refuses(409, "without a message_id", "things.create", create, nil, true)
    refuses(409, "without a message_id", "things.create", create, "", true)
    refuses(409, "without a message_id", "things.delete", { token = "root", params = { id = "7" } }, nil, true)
  end)
end)

describe("an answer that no message carries", function()
  it("is too large", function()
    refuses(422, "9437184 bytes.*limit", "big.get", { token = "alice" })
    refuses(422, "It was carried out %(status 201%)", "big.make", { token = "alice" })
  end)

  it("is bytes", function() refuses(406, "GET /v1/bytes/7", "bytes.get", { token = "alice", params = { id = "7" } }) end)

  it("is a defect, which is told to the log and not here", function()
    assert.has_error(function() call("orrery.broken", '{"token":"alice"}') end)
  end)
end)

it("methods are told with what they are called with", function()
  local methods = rpc.methods(routes)
  local by_name = {}
  for _, method in ipairs(methods) do by_name[method.name] = method end
  assert.equal("orrery.big.get", methods[1].name)
  assert.is_nil(by_name["orrery.stream"])
  local get, create, ping = by_name["orrery.things.get"], by_name["orrery.things.create"], by_name["orrery.ping"]
  assert.same({ "params", "token" }, { table.unpack(get.request.required) })
  assert.same({ "id" }, { table.unpack(get.request.properties.params.required) })
  assert.equal("integer", get.request.properties.params.properties.limit.type)
  assert.is_nil(get.request.properties.params.properties.wait)
  assert.same({ "thing", 200 }, { get.reply, get.status })
  assert.same({ "body", "params", "token" }, { table.unpack(create.request.required) })
  assert.equal(201, create.status)
  assert.is_nil(ping.request.required)
  assert.is_nil(ping.request.properties.token)
  assert.equal("admin", by_name["orrery.things.delete"].role)
end)
