-- The API: the routes of all collections, what of a request is HTTP's alone, and the methods over the bus (rpc.lua), which go
-- the same way. Each route is declared once (method, path, schemas, role, handler, method over the bus); the OpenAPI document
-- is made of the same declarations.
local json = require "house.json"
local problem = require "orrery.api.problem"
local rpc = require "orrery.api.rpc"
local schema = require "orrery.core.schema"
local way = require "orrery.api.way"

local collections = { "health", "simulations", "jobs", "sweeps", "control", "retry", "signal", "history", "results", "files",
  "uploads", "resources", "queues", "schedulers", "tokens", "events", "tickets",
  "webhooks", "deliveries", "openapi", "asyncapi" }

---@class api.route
---@field method string
---@field path string
---@field rpc string|nil its method over the bus, without "orrery."; nil: its answer is bytes, or about HTTP
---@field summary string for the OpenAPI document
---@field open boolean|nil no token is needed
---@field identify (fun(request):principal)|nil where a token is not all that says who asks (default: auth.identify)
---@field role string|nil the least role (default: user)
---@field query table<string, schema>|nil `not_rpc` of one: why it is no parameter over the bus
---@field headers (schema|{name:string})[]|nil those that mean something here, for the OpenAPI document
---@field body schema|nil
---@field streams boolean|nil the handler reads the body, which is of any type, as it comes (request:read)
---@field accepted string|nil when the answer is 202 instead, in words
---@field replaced string|nil when it is 200 instead, in words
---@field handler fun(context, ...):integer, string, string status, headers, body
local routes = {}
for _, name in ipairs(collections) do
  for _, route in ipairs(require("orrery.api." .. name)) do
    route.collection = name
    routes[#routes + 1] = route
  end
end
require("orrery.api.openapi").describe(routes)
require("orrery.api.asyncapi").describe(function() return routes, rpc.methods(routes), rpc.services() end)

-- The last is what curl -d says when it is told nothing; forms are not served, so it can only mean JSON.
local JSON_TYPES = { ["application/json"] = true, ["text/json"] = true, ["application/x-www-form-urlencoded"] = true }

local function words_of(text)
  local list = json.list {}
  for word in (text .. ","):gmatch "([^,]*)," do list[#list + 1] = word end
  return list
end

local NO_QUERY = {} -- of all requests without one; handlers only read

---@type way.reading
local http = {}

function http.query(request, route)
  local query, why = request:query()
  if query == false then return NO_QUERY end
  if not query then problem.raise("invalid-query", why) end
  local declared = route.query
  for name, text in pairs(query) do
    local s = declared and declared[name]
    if not s then
      problem.raise("invalid-query", ("There is no query parameter %q here%s."):format(name,
        schema.instead(declared or NO_QUERY)))
    end
    local value = text
    if s.type == "integer" then value = text:find "^-?%d+$" and math.tointeger(tonumber(text)) or text
    elseif s.type == "number" then value = tonumber(text) or text
    elseif s.type == "list" then value = words_of(text) end
    local problems = schema.check(s, value)
    if problems then problem.raise("invalid-query", ("The query parameter %s %s."):format(name, problems[1].detail)) end
    query[name] = value
  end
  return query
end

function http.body(request, route)
  local text = request:body()
  local kind = request:header "content-type"
  if kind and not JSON_TYPES[kind:match("^%s*([^;%s]*)"):lower()] then
    problem.raise("unsupported-media-type", "Send JSON, with Content-Type: application/json.",
      { headers = "Accept: application/json\r\n" })
  end
  if text == "" then
    if route.body_optional then return {} end
    problem.raise("invalid-json", "The body is empty; send a JSON object.")
  end
  local body, why, where = json.decode(text)
  if body == nil and why then
    problem.raise("invalid-json", ("At byte %d of the body: %s."):format(where, why), { offset = where })
  end
  local problems = schema.check(route.body, body)
  if problems then problem.invalid(problems) end
  return body
end

local method_bits = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }

local function allow_header(bits)
  local names = {}
  for i, name in ipairs(method_bits) do
    if bits & (1 << (i - 1)) ~= 0 or name == "OPTIONS" then names[#names + 1] = name end
  end
  return "Allow: " .. table.concat(names, ", ") .. "\r\n"
end

-- What no route takes: -1, no such path; -2, the path has other methods.
local function miss(request, number, allowed)
  if number == -2 and request:method() == "OPTIONS" then return 204, allow_header(allowed) end
  if request:method() == "OTHER" then problem.raise("not-implemented", "This method is not served.") end
  if number == -2 then
    problem.raise("method-not-allowed", ("%s does not have %s."):format(request:path(), request:method()),
      { headers = allow_header(allowed) })
  end
  problem.raise("not-found", ("There is nothing at %s; /openapi.json lists what there is."):format(request:path()))
end

local function serve(request, number, ...)
  local route = routes[number]
  if route then return way.answer(request, way.run, http, route, ...) end
  return way.answer(request, miss, number, ...)
end

return { routes = routes, serve = serve, call = rpc.of(routes) }
