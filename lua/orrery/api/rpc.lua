-- Orrery's methods over the message bus. A route that has a name (`rpc`) can be called as "orrery.NAME": the message's type
-- names the method, its body is {"token", "params", "body"}, where params are what the path captures and the query's parameters
-- by name, and body is the request's; message_id is the Idempotency-Key. Handlers, schemas, roles and problems are the route's
-- own. Whatever a message says, it has an answer.
local config = require "house.config"
local json = require "house.json"
local log = require "house.log"
local server = require "house.server"
local authentication = require "orrery.core.service.authentication"
local problem = require "orrery.api.problem"
local resource_status = require "orrery.core.service.resource_status"
local schema = require "orrery.core.schema"
local way = require "orrery.api.way"

local rpc = {}

local FAMILY = "orrery."
local MOST_ANSWERED = 8 << 20 -- bytes: a broker is no place for more
local JSON = "application/json"

-- What a method is called with --------------------------------------------------------------------------------------

---@class rpc.method
---@field name string with "orrery."
---@field route api.route
---@field captures string[] what the path captures, in its order
---@field params schema

local function method_of(route)
  local captures, fields = {}, {}
  for name, field in pairs(route.query or {}) do fields[name] = not field.not_rpc and field or nil end
  for name in route.path:gmatch "{([%w_]+)%*?}" do
    captures[#captures + 1] = name
    fields[name] = { type = "text", min = 1, max = 1024, required = true, help = "as in the path " .. route.path }
  end
  return { name = FAMILY .. route.rpc, route = route, captures = captures, params = { type = "object", fields = fields,
    required = #captures > 0, help = "what REST takes in path and query, by name" } }
end

local function methods_of(routes)
  local methods = {}
  for _, route in ipairs(routes) do
    if route.rpc then methods[#methods + 1] = method_of(route) end
  end
  table.sort(methods, function(a, b) return a.name < b.name end)
  return methods
end

local token = { type = "text", min = 1, max = 16384, help = "whose call it is: what REST takes as Authorization: Bearer TOKEN" }

-- What is looked at before anything else, whatever the method.
local envelope = { type = "object", fields = { token = token, params = { type = "map", of = { type = "any" }, max = 100 },
  body = { type = "any" } } }

local function with(field, required)
  local copy = { required = required }
  for name, value in pairs(field) do copy[name] = value end
  return copy
end

---The methods as their callers need to know them, in the order of their names.
---@return {name:string, summary:string, role:string|nil, request:table, reply:string|nil, status:integer}[] methods
---request: a JSON Schema; reply: the name of a schema of the OpenAPI document; status: of an answer that is no problem
function rpc.methods(routes)
  local told = json.list {}
  for i, method in ipairs(methods_of(routes)) do
    local route = method.route
    local fields = { params = method.params, body = route.body and with(route.body, not route.body_optional) }
    if not route.open then fields.token = with(token, true) end
    told[i] = { name = method.name, summary = route.summary, role = not route.open and route.role or nil,
      request = schema.to_json_schema { type = "object", fields = fields }, reply = route.response, status = route.status or 200 }
  end
  return told
end

---The methods of services that Orrery may call, likewise; reply is a JSON Schema.
---@return {name:string, methods:table[]}[] services
function rpc.services()
  local services = json.list {}
  for i, service in ipairs { authentication, resource_status } do
    local question = service.question
    services[i] = { name = question.service, methods = json.list { { name = question.method, summary = question.help,
      request = schema.to_json_schema(question.asks), reply = schema.to_json_schema(question.shape), status = 200 } } }
  end
  return services
end

-- A message as a request --------------------------------------------------------------------------------------------

---@class rpc.message what handlers see of it is what they see of a request
---@field name string the method's
---@field text string|nil
---@field key string|nil its message_id
---@field again boolean the broker has delivered it before
---@field route api.route
---@field given {token:string|nil, params:table, body:any}
local message = {}
message.__index = message

function message:method() return self.route.method end

function message:path()
  return (self.route.path:gsub("{([%w_]+)%*?}", self.given.params))
end

function message:id()
  self.number = self.number or server.random(8)
  return self.number
end

function message:header(name) return name == "idempotency-key" and self.key or nil end
function message:bearer() return self.given.token end
function message:body() return self.sent end
function message.aborted() return false end

function message:begin()
  problem.raise("not-acceptable", ("The answer is bytes, which messages do not carry; ask for it over HTTP: GET %s.")
    :format(self:path()))
end

---@type way.reading
local reading = {}

function reading.query(request) return request.given.params end

function reading.body(request, route)
  local body = request.given.body
  if body == nil and route.body_optional then return {} end
  if body == nil then problem.invalid { { pointer = "/body", detail = "is required: what REST takes as the body" } } end
  local problems = schema.check(route.body, body, "/body")
  if problems then problem.invalid(problems) end
  return body
end

-- One call ----------------------------------------------------------------------------------------------------------

local function read(text)
  if not text then
    problem.raise("body-too-large", ("The message is larger than %d bytes, which http.body_bytes allows.")
      :format(config.http.body_bytes))
  end
  local given, why, where = json.decode(text)
  if given == nil then
    problem.raise("invalid-json", ("At byte %d of the message: %s."):format(where, why), { offset = where })
  end
  local problems = schema.check(envelope, given)
  if problems then problem.invalid(problems) end
  given.params = given.params or {}
  return given
end

local function check_params(method, params)
  local problems = schema.check(method.params, params, "/params")
  if not problems then return end
  for name, field in pairs(method.route.query or {}) do
    if field.not_rpc and params[name] ~= nil then
      problem.invalid { { pointer = "/params/" .. name, detail = "is not taken over the bus: " .. field.not_rpc } }
    end
  end
  problem.invalid(problems)
end

-- The server may have died of it, or after it: only one that can be told from a second wish is carried out again.
local function must_be_safe(request)
  if request.again and not request.key and request.route.method ~= "GET" then
    problem.raise("in-doubt", "The broker has delivered this message for the second time, so it may have been carried out "
      .. "already, and without a message_id nobody can tell. See what there is; then send a new one, with a message_id.")
  end
end

local function captured(method, params)
  local values = {}
  for i, name in ipairs(method.captures) do values[i] = params[name] end
  return table.unpack(values)
end

local function carry_out(request, methods)
  local method = methods[request.name]
  if not method then
    problem.raise("not-found", ("There is no method %q; a message's type names one, and /asyncapi.json lists what there is.")
      :format(request.name))
  end
  local route, given = method.route, read(request.text)
  request.route, request.given = route, given
  if not route.open and not given.token then
    problem.raise("unauthorized", 'The message has no "token", which says whose call it is.')
  end
  check_params(method, given.params)
  must_be_safe(request)
  request.sent = given.body ~= nil and request.key and json.encode(given.body) or "" -- for what the key stands for
  return way.run(request, reading, route, captured(method, given.params))
end

-- What was done is done, and cannot be told.
local function too_large(request, status, size)
  local what = request.route.method == "GET" and "Ask for less of it: `limit`, `fields` and `cursor` cut a list down."
    or ("It was carried out (status %d); read what came of it in pieces."):format(status)
  return problem.answer({ problem = problem.document("answer-too-large",
    ("The answer has %d bytes, and a message carries at most %d. %s"):format(size, MOST_ANSWERED, what)), headers = "" },
    request:id())
end

local function tell(request, status, headers, body)
  if #body > MOST_ANSWERED then status, headers, body = too_large(request, status, #body) end
  server.count "rpc_calls"
  if status >= 400 and status < 500 then server.count "rpc_refusals" end
  log[status < 500 and "debug" or "warn"]("called", { method = request.name, status = status, request = request.number })
  return headers:match "^Content%-Type: ([^\r\n;]+)" or JSON, body == "" and "null" or body, status
end

---What answers one message, for the routes that have a method: a task's function, which may wait. A body that was too large is
---nil.
---@return fun(method:string|nil, body:string|nil, message_id:string|nil, again:boolean):string, string, integer call → the answer's
---content type, its body, and the status that REST would have given
function rpc.of(routes)
  local methods = {}
  for _, method in ipairs(methods_of(routes)) do methods[method.name] = method end
  return function(method, body, message_id, again)
    local request = setmetatable({ name = method or "", text = body, key = message_id ~= "" and message_id or nil,
      again = again }, message)
    return tell(request, way.answer(request, carry_out, methods))
  end
end

return rpc
