-- /v1/resources: where jobs run, as the control worker last saw it; and resources that are made, changed and taken away
-- beside those of the configuration. What is recorded here the control worker brings about.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local ids = require "house.ids"
local json = require "house.json"
local plugins = require "house.plugins"
local answer = require "orrery.api.answer"
local data = require "orrery.data.resources"
local events = require "orrery.data.events"
local jobs = require "orrery.data.jobs"
local problem = require "orrery.api.problem"
local settings = require "orrery.core.config"
local effective = require "orrery.core.settings"

local function known(value) return value == nil and json.null or value end
local function time(at) return at and clock.text(at) or json.null end

local fields = settings.resource_fields()

local configured = {}
for _, each in ipairs(config.resources) do configured[each.name] = each end

-- Reading --------------------------------------------------------------------------------------------------------

-- The state for people: what is wanted of it explains more than how it is, unless it cannot be reached.
local function state_of(row)
  if row.disabled_at then
    return "disabled", ("%s disabled the scheduler plug-in %s at %s; its jobs wait until it is enabled"):format(row.disabled_by,
      row.scheduler, clock.text(row.disabled_at))
  elseif row.drained_at then
    local why = ("%s drained it at %s; it gets no jobs until it is enabled"):format(row.drained_by, clock.text(row.drained_at))
    if row.state == "down" then return "down", ("%s; %s"):format(row.message, why) end
    return row.live == 1 and "draining" or "drained", row.message and ("%s; %s"):format(why, row.message) or why
  end
  return row.state, row.message
end

-- Options may hold secrets.
local function settings_of(row)
  local given = row.configured == 1 and configured[row.name] or json.decode(row.settings)
  local shown = {}
  for name in pairs(fields) do shown[name] = given[name] end
  return shown
end

local function document(row, principal)
  local info, status = json.decode(row.info), row.status and json.decode(row.status) or {}
  local state, message = state_of(row)
  return {
    name = row.name, scheduler = row.scheduler, scheduler_version = known(info.version), state = state, message = known(message),
    source = row.configured == 1 and "configuration" or "api",
    settings = principal.rank == 3 and settings_of(row) or json.null,
    run_as = known(effective.of(row).run_as), drained_by = known(row.drained_by), drained_at = time(row.drained_at),
    limits = { max_submitted = known(info.max_submitted), cores = known(info.honours.cores),
      array_size = known(info.honours.array_size) },
    honours = info.honours.fields or json.list {}, verbs = info.verbs,
    cores_total = known(status.cores_total), cores_free = known(status.cores_free),
    nodes_total = known(status.nodes_total), nodes_free = known(status.nodes_free), pending = known(status.pending),
    queues = status.queues or json.list {}, observed_at = time(row.observed_at), single_user = config.single_user,
  }
end

local function list(context)
  local items = json.list {}
  for i, row in ipairs(data.all_described()) do items[i] = document(row, context.principal) end
  return answer.json(200, json.encode { items = items, next = json.null })
end

local function row_of(name)
  return data.get_described(name) or problem.raise("not-found", ("There is no resource %s."):format(name))
end

local function get(context, name) return answer.json(200, json.encode(document(row_of(name), context.principal))) end

-- Making, changing, deleting -------------------------------------------------------------------------------------

local function copy(from, into)
  for name, value in pairs(from) do into[name] = value end
  return into
end

local create_fields = copy(fields, {
  name = { type = "text", min = 1, max = 64, required = true, help = "letters, digits, _ and -", pattern = "^[%w_-]+$",
    format = "letters, digits, _ and -" } })
local change_fields = settings.resource_fields(true)

local function check_scheduler(name)
  local path, _, why = plugins.find(name)
  if not path then problem.invalid { { pointer = "/scheduler", detail = "is no scheduler plug-in: " .. why } } end
end

local function check_together(given)
  local path, detail = settings.contradiction(given)
  if not path and given.status == "external" then path, detail = "status", settings.without_broker(config) end
  if detail then problem.invalid { { pointer = "/" .. path:gsub("%.", "/"), detail = detail } } end
end

local function exists(name)
  problem.raise("exists", ("There is a resource %s; change it with PATCH /v1/resources/%s, or choose another name.")
    :format(name, name))
end

local function must_be_ours(row)
  if row.configured == 0 then return row end
  problem.raise("configured", ("Resource %s is one of the configuration: change it there, and start the server again.")
    :format(row.name))
end

local function create(context)
  local given = copy(context.body, {})
  local name = given.name
  given.name = nil
  check_scheduler(given.scheduler)
  check_together(given)
  return answer.once(context, function(finish)
    if data.get(name) then exists(name) end
    local change = db.change()
    local row = { name = name, scheduler = given.scheduler, settings = json.encode(given), revision = ids.new(), configured = 0,
      state = "starting", info = data.unknown, live = 0 }
    data.insert(change, row, clock.now())
    return finish(change, 201, "Location: /v1/resources/" .. name .. "\r\n", json.encode(document(row, context.principal)))
  end, function() exists(name) end)
end

-- null goes back to the default. The members of a group are settings themselves.
local function merge(given, body, declared)
  for name, value in pairs(body) do
    local field = declared[name]
    if value == json.null then given[name] = nil
    elseif field.type == "object" then
      given[name] = merge(given[name] or {}, value, field.fields)
      if not next(given[name]) then given[name] = nil end
    else given[name] = value end
  end
  return given
end

local function patch(context, name)
  local row = must_be_ours(row_of(name))
  local changed, change = merge(json.decode(row.settings), context.body, fields), db.change()
  check_together(changed)
  data.change(change, name, json.encode(changed), ids.new(), row.revision)
  local ok, code, why = change:commit()
  if not ok then problem.of_commit(code, why) end
  return get(context, name)
end

local function refuse_to_delete(name)
  must_be_ours(row_of(name))
  problem.raise("still-running", ("Jobs that have not ended are on resource %s. Drain it with POST /v1/resources/%s/drain, wait "
    .. "for them or cancel them (GET /v1/jobs?resource=%s), then delete it."):format(name, name, name))
end

local function delete(_, name)
  local change = db.change()
  must_be_ours(row_of(name))
  data.delete(change, name)
  jobs.let_go_all(change, name)
  local ok, code, why = change:commit()
  if not ok and code == "conflict" then refuse_to_delete(name) end
  if not ok then problem.of_commit(code, why) end
  return 204, "", ""
end

-- Draining -------------------------------------------------------------------------------------------------------

-- A handler that records what is wanted of a resource, and shows it as it is then.
local function recording(record)
  return function(context, name)
    return answer.once(context, function(finish)
      local change, row = db.change(), row_of(name)
      record(change, row, context.principal.owner, clock.now())
      return finish(change, 200, nil, json.encode(document(row, context.principal)))
    end)
  end
end

local drain = recording(function(change, row, owner, now)
  if row.drained_at then return end
  data.drain(change, row.name, owner, now)
  events.append(change, now, "resource.drained", nil, nil, nil, { resource = row.name, by = owner })
  row.drained_by, row.drained_at = owner, now
end)

local enable = recording(function(change, row, owner, now)
  if not row.drained_at then return end
  data.enable(change, row.name)
  events.append(change, now, "resource.enabled", nil, nil, nil, { resource = row.name, by = owner })
  row.drained_by, row.drained_at = nil, nil
end)

return {
  { method = "GET", path = "/v1/resources", rpc = "resources.list", summary = "List resources", handler = list,
    response = "list" },
  { method = "POST", path = "/v1/resources", rpc = "resources.create", summary = "Make a resource", role = "admin",
    status = 201, handler = create,
    response = "resource", body = { type = "object", fields = create_fields, help = "a resource" } },
  { method = "GET", path = "/v1/resources/{name}", rpc = "resources.get", summary = "Get a resource", handler = get,
    response = "resource" },
  { method = "PATCH", path = "/v1/resources/{name}", rpc = "resources.update", summary = "Change a resource that was made here",
    role = "admin",
    handler = patch, response = "resource", body = { type = "object", fields = change_fields, help = "what to change" } },
  { method = "DELETE", path = "/v1/resources/{name}", rpc = "resources.delete",
    summary = "Delete a resource that was made here", role = "admin", status = 204, handler = delete },
  { method = "POST", path = "/v1/resources/{name}/drain", rpc = "resources.drain", summary = "Give a resource no new jobs",
    role = "operator", handler = drain, response = "resource" },
  { method = "POST", path = "/v1/resources/{name}/enable", rpc = "resources.enable", summary = "Give a resource jobs again",
    role = "operator", handler = enable, response = "resource" },
}
