-- /openapi.json: the OpenAPI 3.1 document, made of the routes' own declarations.
local json = require "house.json"
local server = require "house.server"
local lifecycle = require "orrery.core.job.lifecycle"
local problem = require "orrery.api.problem"
local schema = require "orrery.core.schema"
local status = require "orrery.core.job.status"

local openapi = {}

local described, document -- all routes, and what is written of them when it is first asked for: a start is not to wait for it

local function text(nullable) return { type = nullable and json.list { "string", "null" } or "string" } end
local function whole(nullable) return { type = nullable and json.list { "integer", "null" } or "integer" } end
local function time() return { type = json.list { "string", "null" }, format = "date-time" } end
local function id(nullable) return { type = nullable and json.list { "string", "null" } or "string", format = "uuid" } end
local function object(properties) return { type = "object", properties = properties } end
local map = { type = json.list { "object", "null" } }
local texts = { type = "array", items = { type = "string" } }
local function choice(words, help) return { type = "string", enum = json.list { table.unpack(words) }, description = help } end
local resource_states = choice({ "starting", "up", "degraded", "down", "draining", "drained", "disabled" },
  "starting: not opened yet; degraded: some verb is in trouble; down: nothing can be handed over now; draining: it gets no new "
    .. "jobs, and has live ones; drained: it has none; disabled: its scheduler plug-in is")
local scheduler_states = choice({ "available", "loading", "loaded", "failed", "disabled" },
  "available: there, but no resource uses it; loading: a resource has yet to open it; loaded: all of them have; failed: "
    .. "one cannot; disabled: an administrator has closed it")
local states = choice(lifecycle.states)

local function number(nullable) return { type = nullable and json.list { "number", "null" } or "number" } end
local function with_amounts(properties)
  for _, name in ipairs(status.amounts) do properties[name] = whole(true) end
  return object(properties)
end
local queue = with_amounts { name = text(), state = text(true), max_duration = whole(true), max_jobs = whole(true) }

local components = {
  simulation = object { id = id(), name = text(), description = text(true), state = text(), wanted = text(),
    max_active = whole(true), owner = text(), tags = map, counts = map, progress = { type = "number" }, created_at = time(),
    ended_at = time() },
  job = object { id = id(), simulation_id = id(), sweep_id = id(true), name = text(true), state = states, wanted = text(),
    reason = text(true), message = text(true), problem = map, resource = text(true), account = text(true), native_id = text(true),
    native_state = text(true), exit_code = whole(true), signal = whole(true), attempt = whole(), owner = text(),
    priority = whole(), directory = text(true), parameters = map, tags = map, created_at = time(), due_at = time(),
    submitted_at = time(), started_at = time(), ended_at = time(), usage = map, spec = map },
  sweep = object { id = id(), simulation_id = id(), jobs = whole(), combine = text(true), sample = map, max_active = whole(true),
    created_at = time(), template = map, parameters = map },
  list = object { items = { type = "array", items = { type = "object" } }, next = text(true) },
  resource = object { name = text(), scheduler = text(), scheduler_version = text(true), state = resource_states,
    message = text(true), source = choice { "configuration", "api" }, settings = map, run_as = text(true), drained_by = text(true),
    drained_at = time(), observed_at = time(),
    limits = object { max_submitted = whole(true), cores = whole(true), array_size = whole(true) },
    honours = texts, verbs = texts, cores_total = whole(true), cores_free = whole(true), nodes_total = whole(true),
    nodes_free = whole(true), pending = whole(true), queues = { type = "array", items = queue },
    single_user = { type = "boolean" } },
  scheduler = object { name = text(), language = text(true), version = text(true), abi = text(true), verbs = texts,
    path = text(true), resources = texts, reloading = { type = "boolean" }, opened_at = time(), disabled_by = text(true),
    state = scheduler_states, disabled_at = time(), error = text(true),
    error_at = time() },
  observation = with_amounts { resource = text(), scheduler = text(), state = text(true), message = text(true),
    observed_at = time(), age_seconds = number(true) },
  queues = object { items = { type = "array", items = queue }, next = text(true), observed_at = time(),
    age_seconds = number(true) },
  principal = object { owner = text(), role = text() },
  token = object { id = id(), owner = text(), role = text(), name = text(true), created_at = time(), expires_at = time(),
    token = text() },
  webhook = object { id = id(), owner = text(), name = text(true), url = text(), all = { type = "boolean" },
    simulation_id = id(true), job_id = id(true), types = { type = json.list { "array", "null" } },
    states = { type = json.list { "array", "null" } }, state = choice { "ENABLED", "DISABLED" }, disabled_at = time(),
    disabled_reason = text(true), failures = whole(), failing_since = time(), pending = whole(), read_to = whole(true),
    missed = { type = json.list { "object", "null" }, properties = { from = whole(), to = whole() } },
    old_secret_until = time(), created_at = time(), secret = text(true) },
  delivery = object { id = id(), webhook_id = id(), event = whole(true), type = text(),
    state = choice { "PENDING", "DELIVERED", "FAILED" }, tries = whole(), due_at = time(), ended_at = time(), created_at = time(),
    outcomes = { type = "array", items = object { at = time(), status = whole(true), milliseconds = whole(), error = text(true),
      answer = text(true) } } },
  replay = object { webhook_id = id(), after = whole(), to = whole() },
  ticket = object { ticket = text(), expires_at = time() },
  file = object { path = text(), type = text(), size = whole(), modified_at = time() },
  status = object { status = text(), bus = object { state = choice { "up", "blocked", "down" }, since = time() } },
  problem = object { type = text(), title = text(), status = whole(), detail = text(), request_id = text(),
    offset = whole(), oldest = whole(), errors = { type = "array", items = object { pointer = text(), detail = text() } } },
}

---What messages of other documents look like as well.
openapi.schemas = components

local media = { bytes = "application/octet-stream", text = "text/plain", events = "text/event-stream" }

local function response_of(route)
  if not route.response then return { description = "done" } end
  local kind = media[route.response]
  if kind then return { description = "as it is", content = { [kind] = {} } } end
  return { description = "a " .. route.response,
    content = { ["application/json"] = { schema = { ["$ref"] = "#/components/schemas/" .. route.response } } } }
end

local function parameters_of(route)
  local list = json.list {}
  for name in route.path:gmatch "{([%w_]+)%*?}" do
    list[#list + 1] = { name = name, ["in"] = "path", required = true, schema = { type = "string" } }
  end
  local names = {}
  for name in pairs(route.query or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local declared = route.query[name]
    local parameter = { name = name, ["in"] = "query", description = declared.help, schema = schema.to_json_schema(declared) }
    if declared.type == "list" then parameter.explode = false end -- its words are separated by commas
    list[#list + 1] = parameter
  end
  for _, header in ipairs(route.headers or {}) do
    list[#list + 1] = { name = header.name, ["in"] = "header", schema = schema.to_json_schema(header), description = header.help }
  end
  if route.method == "POST" then
    list[#list + 1] = { name = "Idempotency-Key", ["in"] = "header", schema = { type = "string", maxLength = 255 },
      description = "the same key and request are carried out once" }
  end
  return list
end

local function responses_of(route)
  local responses = { [tostring(route.status or 200)] = response_of(route),
    default = { description = "a problem document", content = {
      ["application/problem+json"] = { schema = { ["$ref"] = "#/components/schemas/problem" } } } } }
  if route.replaced then
    responses["200"] = response_of(route)
    responses["200"].description = route.replaced
  end
  if route.accepted then
    responses["202"] = response_of(route)
    responses["202"].description = route.accepted
  end
  return responses
end

local function operation(route)
  local out = { summary = route.summary, tags = json.list { route.collection }, parameters = parameters_of(route),
    responses = responses_of(route) }
  if route.open then out.security = json.list {} end
  if route.identify then out.security = json.list { { bearer = json.list {} }, { ticket = json.list {} } } end
  if route.streams then out.requestBody = { required = true, content = { [media.bytes] = {} } } end
  if route.body then
    out.requestBody = { required = true, content = { ["application/json"] = { schema = schema.to_json_schema(route.body) } } }
  end
  return out
end

local function written(routes)
  local paths, problems = {}, json.list {}
  for _, route in ipairs(routes) do
    local path = route.path:gsub("%*}", "}")
    paths[path] = paths[path] or {}
    paths[path][route.method:lower()] = operation(route)
  end
  for type in pairs(problem.types) do problems[#problems + 1] = "/problems/" .. type end
  for _, type in ipairs(problem.types_of_http) do problems[#problems + 1] = "/problems/" .. type end
  table.sort(problems)
  components.problem.properties.type.enum = problems
  return json.encode {
    openapi = "3.1.0",
    info = { title = "Orrery", version = server.version, license = { name = "Apache-2.0", identifier = "Apache-2.0" },
      description = "Simulations on supercomputers, clusters, clouds and this machine." },
    servers = json.list { { url = "/" } }, paths = paths, security = json.list { { bearer = json.list {} } },
    components = { schemas = components, securitySchemes = {
      bearer = { type = "http", scheme = "bearer" }, ticket = { type = "apiKey", ["in"] = "query", name = "ticket" } } },
  }
end

---Called once, with all routes.
function openapi.describe(routes) described = routes end

local function read()
  document = document or written(described)
  return 200, "Content-Type: application/json\r\n", document
end

openapi[1] = { method = "GET", path = "/openapi.json", summary = "This document", open = true, response = "text",
  handler = read }

return openapi
