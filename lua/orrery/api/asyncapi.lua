-- /asyncapi.json: the AsyncAPI 3.0 document, made of what the house itself goes by: the declared types of events, and the
-- methods that can be called over the message bus. What goes over a broker is in it where the configuration names one.
local config = require "house.config"
local json = require "house.json"
local server = require "house.server"
local cloud = require "orrery.core.event.cloud"
local openapi = require "orrery.api.openapi"
local schema = require "orrery.core.schema"
local types = require "orrery.core.event.types"

local asyncapi = {}

local BINDING = "0.3.0" -- of AMQP, the version that is kept to

local sources, document -- what it is of, and what is written of that when it is first asked for: a start is not to wait for it

local function ref(...) return { ["$ref"] = "#/" .. table.concat({ ... }, "/") } end

local function names_of(map, fits)
  local names = json.list {}
  for name, value in pairs(map) do
    if not fits or fits(value) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Events ---------------------------------------------------------------------------------------------------------

local function id(help) return { type = "string", format = "uuid", description = help } end
local simulation_id = id "the simulation"

-- What the members of the data are that `cloud` adds, by what an event is of.
local naming = {
  job = { job_id = id "the job", simulation_id = simulation_id },
  chunk = { first_job_id = id "the first of the jobs", simulation_id = simulation_id },
  simulation = { simulation_id = simulation_id },
  resource = {}, webhook = {}, house = {},
}

local subjects = { job = "jobs/ID", chunk = "simulations/ID", simulation = "simulations/ID", resource = "resources/NAME",
  webhook = "webhooks/ID" }

local function data_of(declared)
  local data = schema.to_json_schema(declared.data)
  data.additionalProperties = nil -- more may be told one day
  data.required = data.required or json.list {}
  for name, member in pairs(naming[declared.of]) do
    data.properties[name] = member
    data.required[#data.required + 1] = name
  end
  table.sort(data.required)
  return data
end

local function payload_of(type, declared)
  local required = json.list { "specversion", "id", "source", "type", "time", "datacontenttype", "data" }
  local properties = {
    specversion = { const = "1.0" }, type = { const = "orrery." .. type }, datacontenttype = { const = "application/json" },
    id = { type = "string", description = "the event's number: an event that comes again has the same, a later one a greater" },
    source = { type = "string", format = "uri", description = "this server's database" },
    time = { type = "string", format = "date-time", description = "when it happened" }, data = data_of(declared),
  }
  if subjects[declared.of] then
    properties.subject = { type = "string", description = ("%s, as below /v1"):format(subjects[declared.of]) }
    required[#required + 1] = "subject"
  end
  if declared.of ~= "resource" and declared.of ~= "house" then
    properties.owner = { type = "string", description = "whose it is" }
    required[#required + 1] = "owner"
  end
  return { type = "object", required = required, properties = properties }
end

local function messages_of_events()
  local messages = {}
  for type, declared in pairs(types) do
    messages[type] = { name = "orrery." .. type, summary = declared.help, contentType = cloud.MEDIA_TYPE,
      payload = payload_of(type, declared) }
  end
  return messages
end

-- The messages of a channel, as those of some names, and of an operation on it.
local function referring(names)
  local messages = {}
  for _, name in ipairs(names) do messages[name] = ref("components", "messages", name) end
  return messages
end
local function messages_on(channel, names)
  local list = json.list {}
  for i, name in ipairs(names) do list[i] = ref("channels", channel, "messages", name) end
  return list
end

-- Routing keys: which words follow the type, by what an event is of.
local keys = {
  jobs = { of = { job = true }, words = { simulation = "the simulation's identifier", job = "the job's identifier" },
    address = "{type}.{simulation}.{job}", help = "What happens to jobs." },
  simulations = { of = { simulation = true, chunk = true }, words = { simulation = "its identifier" },
    address = "{type}.{simulation}", help = "What happens to simulations." },
  resources = { of = { resource = true }, words = { resource = "its name" },
    address = "{type}.{resource}", help = "What happens to resources." },
  webhooks = { of = { webhook = true }, words = { webhook = "its identifier" },
    address = "{type}.{webhook}", help = "What happens to webhooks." },
  house = { of = { house = true }, words = {}, address = "{type}", help = "What happens to the server's own." },
}

local function add_exchange(out)
  for name, key in pairs(keys) do
    local chosen = names_of(types, function(declared) return key.of[declared.of] end)
    local channel, parameters = "exchange." .. name, { type = { enum = chosen, description = "the event's type, of two words" } }
    for word, help in pairs(key.words) do parameters[word] = { description = help } end
    out.channels[channel] = { address = key.address, servers = json.list { ref("servers", "broker") }, parameters = parameters,
      description = key.help .. " Bind a queue of your own to the exchange with a pattern, such as job.state.#, or *.*.ID.# for "
        .. "all of a simulation.", messages = referring(chosen),
      bindings = { amqp = { is = "routingKey", bindingVersion = BINDING,
        exchange = { name = config.bus.prefix .. ".events", type = "topic", durable = true, autoDelete = false } } } }
    out.operations["publish." .. name] = { action = "send", channel = ref("channels", channel),
      summary = key.help .. " At least once, in the order of the log; message_id is the event's id.",
      messages = messages_on(channel, chosen), bindings = { amqp = { deliveryMode = 2, bindingVersion = BINDING } } }
  end
end

-- Streams and webhooks carry the same events. A job's stream has what is of jobs alone, a simulation's has that and its own.
local scopes = {
  ["/v1/jobs/{id}/events"] = { name = "stream.job", of = { job = true, chunk = true } },
  ["/v1/simulations/{id}/events"] = { name = "stream.simulation", of = { job = true, chunk = true, simulation = true } },
  ["/v1/events"] = { name = "stream" },
}

local function add_stream(out, route, scope)
  local chosen = names_of(types, function(declared) return not scope.of or scope.of[declared.of] end)
  local channel = { address = route.path, servers = json.list { ref("servers", "rest") }, messages = referring(chosen),
    description = route.summary .. ", as server-sent events: `id` is the event's id, `event` its type, `data` this message. "
      .. "Last-Event-ID goes on after an event.", bindings = { http = {} } }
  if scope.of then channel.parameters = { id = { description = "an identifier" } } end
  out.channels[scope.name] = channel
  out.operations["tell." .. scope.name] = { action = "send", summary = route.summary .. ".",
    channel = ref("channels", scope.name), messages = messages_on(scope.name, chosen) }
end

-- Calls ----------------------------------------------------------------------------------------------------------

local SAY = "AMQP's `type` names the method, `reply_to` and `correlation_id` say where the answer goes, `message_id` is the "
  .. "idempotency key, and `expiration` the time that there is. "

local function reply_schema(method)
  if type(method.reply) == "string" then return ref("components", "schemas", method.reply) end
  return method.reply or { type = "null" }
end

local function queue_of(name, help)
  return { address = name, description = help, servers = json.list { ref("servers", "broker") }, messages = {},
    bindings = { amqp = { is = "queue", queue = { name = name, durable = true, exclusive = false, autoDelete = false },
      bindingVersion = BINDING } } }
end

-- One method of a queue, with its answer. `action` is what Orrery does: it receives calls of its own methods, and sends those
-- of services. What it is called here is unique among all methods.
local function add_method(out, channel, request, method, action)
  local reply = request .. ".reply"
  out.components.messages[request] = { name = method.name, summary = method.summary, contentType = "application/json",
    payload = method.request, correlationId = ref("components", "correlationIds", "call") }
  out.components.messages[reply] = { name = method.name .. ".reply", summary = "What answers it.",
    contentType = "application/json", payload = reply_schema(method), correlationId = ref("components", "correlationIds", "call") }
  out.channels[channel].messages[request] = ref("components", "messages", request)
  out.channels.replies.messages[reply] = ref("components", "messages", reply)
  out.operations[request] = { action = action, channel = ref("channels", channel), summary = method.summary,
    description = method.role and ("It needs the role %s."):format(method.role) or nil,
    messages = messages_on(channel, { request }),
    reply = { channel = ref("channels", "replies"), messages = messages_on("replies", { reply, "problem" }),
      address = { location = "$message.header#/reply_to", description = "AMQP's property reply_to" } } }
end

local function add_calls(out, methods, services)
  if #methods + #services == 0 then return end
  out.components.correlationIds = { call = { location = "$message.header#/correlation_id", description = "AMQP's property" } }
  out.components.messages.problem = { name = "problem", summary = "A refusal, as REST would have given it.",
    contentType = "application/problem+json", payload = ref("components", "schemas", "problem") }
  out.components.schemas = openapi.schemas
  out.channels.replies = { address = json.null, servers = json.list { ref("servers", "broker") },
    description = "Where `reply_to` says. The header `status` is the status that REST would have given.",
    messages = { problem = ref("components", "messages", "problem") } }
  local queue = config.bus.prefix .. ".rpc"
  if #methods > 0 then out.channels.calls = queue_of(queue, SAY .. "Orrery answers.") end
  for _, method in ipairs(methods) do add_method(out, "calls", method.name, method, "receive") end
  for _, service in ipairs(services) do
    local channel = "service." .. service.name
    out.channels[channel] = queue_of(queue .. "." .. service.name, SAY .. "The service declares the queue, and answers; it is "
      .. "asked where the configuration says that it is external.")
    for _, method in ipairs(service.methods) do
      add_method(out, channel, channel .. "." .. method.name, method, "send")
    end
  end
end

-- The document ---------------------------------------------------------------------------------------------------

local function server_at(protocol, default, help)
  return { host = "{host}", protocol = protocol, description = help,
    variables = { host = { default = default, description = "host and port" } } }
end

---@class asyncapi.method
---@field name string as it is called
---@field summary string
---@field role string|nil the least role that may call it
---@field request table a JSON Schema
---@field reply table|string|nil a JSON Schema, or the name of one of the OpenAPI document

---@param methods asyncapi.method[] Orrery's own
---@param services {name:string, methods:asyncapi.method[]}[] those of external services that are called
local function written(routes, methods, services)
  local out = {
    asyncapi = "3.0.0", defaultContentType = cloud.MEDIA_TYPE,
    info = { title = "Orrery", version = server.version, license = { name = "Apache-2.0" },
      description = "What happens to simulations, as it happens. Events are CloudEvents 1.0 in JSON. Each comes at least once; "
        .. "one that comes again has the same id. /openapi.json describes the REST interface." },
    servers = { rest = server_at("http", "localhost:8080", "This server.") },
    channels = {}, operations = {}, components = { messages = messages_of_events() },
  }
  for _, route in ipairs(routes) do
    local scope = route.method == "GET" and scopes[route.path]
    if scope then add_stream(out, route, scope) end
  end
  if config.bus.url then
    out.servers.broker = server_at("amqp", "localhost:5672", "The site's message broker.")
    out.servers.broker.protocolVersion = "0.9.1"
    add_exchange(out)
    add_calls(out, methods, services)
  end
  return json.encode(out)
end

---@param of fun() → what the document is of: all routes, methods, services
function asyncapi.describe(of) sources = of end

local function read()
  document = document or written(sources())
  return 200, "Content-Type: application/json\r\n", document
end

asyncapi[1] = { method = "GET", path = "/asyncapi.json", summary = "What is told and called over the message bus", open = true,
  response = "text", handler = read }

return asyncapi
