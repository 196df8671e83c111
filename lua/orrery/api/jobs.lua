-- /v1/jobs and the jobs of a simulation.
local clock = require "house.clock"
local db = require "house.db"
local ids = require "house.ids"
local json = require "house.json"
local access = require "orrery.api.access"
local act = require "orrery.core.job.act"
local alter = require "orrery.api.alter"
local alteration = require "orrery.core.job.alteration"
local answer = require "orrery.api.answer"
local data = require "orrery.data.jobs"
local dependencies = require "orrery.api.dependencies"
local events = require "orrery.data.events"
local fitting = require "orrery.api.fitting"
local kind_of = require "orrery.core.job.kind"
local lifecycle = require "orrery.core.job.lifecycle"
local limits = require "orrery.data.limits"
local problem = require "orrery.api.problem"
local schema = require "orrery.core.schema"
local simulations = require "orrery.data.simulations"
local spec = require "orrery.core.job.spec"
local visible = require "orrery.data.visible"

local MOST_AT_ONCE = 1000

local whole, cut = answer.shapes { { "id", "id" }, { "simulation_id", "id" }, { "sweep_id", "id" }, { "name", "text" },
  { "state", "text" }, { "wanted", "text" }, { "reason", "text" }, { "message", "text" }, { "problem", "json" },
  { "resource", "text" }, { "account", "text" }, { "native_id", "text" }, { "native_state", "text" }, { "exit_code", "int" },
  { "signal", "int" }, { "attempt", "int" }, { "owner", "text" }, { "priority", "int" }, { "directory", "text" },
  { "parameters", "json" }, { "tags", "map" }, { "created_at", "born", "born" }, { "due_at", "time" },
  { "submitted_at", "time" }, { "started_at", "time" }, { "ended_at", "time" }, { "usage", "json" }, { "spec", "spec" } }

-- Creating -------------------------------------------------------------------------------------------------------

local create_fields = { submit = { type = "boolean", help = "false: it stays NEW until it is submitted" } }
for name, field in pairs(spec.fields) do create_fields[name] = field end
local one = { type = "object", fields = create_fields, help = "a job specification" }
local many = { type = "object", when = "jobs", help = "several at once", fields = {
  jobs = { type = "list", of = { type = "any" }, max = MOST_AT_ONCE, required = true, help = "job specifications" } } }

local function row_of(body, simulation, who, key)
  local submit = body.submit
  body.submit = nil
  local state = submit == false and "NEW" or "PENDING"
  local wanted = body.hold and "HOLD" or act.of_new(simulation.wanted)
  local row = {
    key = key, simulation = simulation.key, owner = simulation.owner, name = body.name, state = state, wanted = wanted,
    priority = body.priority or 0, resource = body.resource, cores = spec.cores(body), kind = kind_of(body, who.may_run_as),
    may_run_as = who.may_run_as,    due_at = spec.due_at(body, clock.now()), waits = #(body.depends_on or {}),
    retries = spec.retries(body), gate = limits.gate_of(simulation), tags = body.tags and json.encode(body.tags),
    spec = json.encode(body),
  }
  row.reason = data.waits_for(row)
  return row
end

local function text_of(row)
  row.id, row.born, row.simulation_id, row.attempt = row.key, row.key, row.simulation, 0
  return whole:text(row)
end

local function add(batch, row, body)
  dependencies.add(batch.change, body, row.owner, row.key)
  data.insert(batch.change, row)
  events.append(batch.change, batch.at, "job.created", row.owner, row.simulation, row.key,
    { to = row.state, reason = row.reason })
  batch:count(row.simulation, row.state, 1)
end

local function gone(context, id)
  return function() access.simulation(context, id) end
end

local function create_one(context, id, simulation, who)
  local body = context.body
  local problems = fitting.check(body, nil, who) or dependencies.check(body, simulation.owner)
  if problems then problem.invalid(problems) end
  return answer.once(context, function(finish)
    local batch, row = lifecycle.batch(), row_of(body, simulation, who, ids.new())
    simulations.touch_as(batch.change, simulation)
    add(batch, row, body)
    return finish(batch:settle(), 201, "Location: /v1/jobs/" .. ids.text(row.key) .. "\r\n", text_of(row))
  end, gone(context, id))
end

-- Each item has an answer of its own; those that are right are created together.
local function create_many(context, id, simulation, who)
  return answer.once(context, function(finish)
    local batch, items = lifecycle.batch(), {}
    local list = context.body.jobs
    local first = ids.new(math.max(#list, 1))
    simulations.touch_as(batch.change, simulation)
    for i, body in ipairs(list) do
      local at = "/jobs/" .. i - 1
      local problems = schema.check(one, body, at) or fitting.check(body, at, who)
        or dependencies.check(body, simulation.owner, at)
      if problems then
        local document = problem.of(problems)
        items[i] = ('{"status":%d,"problem":%s}'):format(document.status, json.encode(document))
      else
        local row = row_of(body, simulation, who, first + i - 1)
        add(batch, row, body)
        items[i] = ('{"status":201,"job":%s}'):format(text_of(row))
      end
    end
    return finish(batch:settle(), 207, "", ('{"items":[%s]}'):format(table.concat(items, ",")))
  end, gone(context, id))
end

local function create(context, id)
  local simulation = access.simulation(context, id)
  local who = fitting.who(context, simulation)
  if context.body.jobs then return create_many(context, id, simulation, who) end
  return create_one(context, id, simulation, who)
end

-- Reading --------------------------------------------------------------------------------------------------------

local function get(context, id)
  local key, principal = ids.key(id), context.principal
  if not key then access.absent(context, "job", id) end
  if not context.query.wait then -- the most asked question of all: one statement, and no table in between
    local body
    if principal.sees_all then body = db.json(whole, data.one_any, key)
    else body = db.json(whole, data.one_owned, key, principal.owner) end
    if not body then access.absent(context, "job", id) end
    return answer.tagged(context, body)
  end
  access.job(context, id)
  return answer.when_ready(context, key, function()
    local row = data.get(key) -- first, so that a body that is sent because the job has ended says so
    local body = row and db.json(whole, data.one_any, key)
    if not body then access.absent(context, "job", id) end
    return body, lifecycle.ended[row.state]
  end)
end

local function key_in_query(text, what)
  local key = ids.key(text)
  if not key then problem.raise("invalid-query", ("%s is no identifier of a %s here."):format(text, what)) end
  return key
end

local function list(context, simulation_id)
  local query, principal = context.query, context.principal
  local after, descending, limit = answer.page(query)
  local filter, states = { resource = query.resource, name = query.name }, query.state or {}
  if not principal.sees_all then filter.owner = principal.owner end
  if simulation_id then filter.simulation = access.simulation(context, simulation_id).key
  elseif query.simulation then filter.simulation = access.simulation(context, query.simulation).key end
  if query.sweep then filter.sweep = key_in_query(query.sweep, "sweep") end
  local values = {}
  for _, name in ipairs(data.filters) do
    if filter[name] then values[#values + 1] = filter[name] end
  end
  table.move(states, 1, #states, #values + 1, values)
  return answer.list_between(cut(query.fields), limit, visible.segments(after, descending),
    data.page(filter, #states, descending), table.unpack(values))
end

-- Changing -------------------------------------------------------------------------------------------------------

local TRIES = 5 -- each time the job has been handed over meanwhile, or altered by somebody else

local function patch(context, id)
  local body, status, code, why = context.body, 200, nil, nil
  local description = { name = body.name, priority = body.priority, tags = body.tags and json.encode(body.tags) }
  local changes = body.attributes and next(body.attributes) and { attributes = body.attributes }
  for _ = 1, TRIES do
    local row, change = access.job(context, id), db.change()
    data.describe(change, row.key, description)
    if changes then status = alter(change, row, changes) end
    local ok
    ok, code, why = change:commit()
    if ok then return answer.json(status, db.json(whole, data.one_any, row.key)) end
    if code ~= "conflict" then break end
  end
  problem.of_commit(code, why)
end

local function delete(context, id)
  local row = access.job(context, id)
  if row.state ~= "NEW" and not lifecycle.ended[row.state] then
    problem.raise("still-running", ("The job is %s; cancel it first."):format(row.state))
  end
  local batch = lifecycle.batch()
  data.delete(batch.change, row, batch.at)
  batch:tell(row, "job.deleted", { by = context.principal.owner })
  batch:count(row.simulation, row.state, -1)
  local ok, code, why = batch:commit()
  if not ok then problem.of_commit(code, why) end
  return 204, "", ""
end

local list_query = {
  simulation = { type = "text", max = 64, help = "only those of this simulation" },
  sweep = { type = "text", max = 64, help = "only those of this sweep" },
  state = { type = "list", of = { type = "text", choices = lifecycle.states }, max = #lifecycle.states,
    help = "only those in one of these states, separated by commas" },
  resource = { type = "text", max = 64, help = "only those on this resource" },
  name = { type = "text", max = 256, help = "only those of this name" },
}
answer.list_query(list_query)

return {
  shape = whole,
  { method = "POST", path = "/v1/simulations/{id}/jobs", rpc = "jobs.create", summary = "Create a job, or several", status = 201,
    handler = create, body = { type = "either", many, one }, response = "job" },
  { method = "GET", path = "/v1/simulations/{id}/jobs", rpc = "simulations.jobs", summary = "List a simulation's jobs",
    handler = list, query = list_query, response = "list" },
  { method = "GET", path = "/v1/jobs", rpc = "jobs.list", summary = "List jobs", handler = list, query = list_query,
    response = "list" },
  { method = "GET", path = "/v1/jobs/{id}", rpc = "jobs.get", summary = "Get a job", handler = get,
    query = { wait = answer.wait_query }, response = "job" },
  { method = "PATCH", path = "/v1/jobs/{id}", rpc = "jobs.update", summary = "Change a job, whoever holds it", handler = patch,
    response = "job", accepted = "its scheduler is to alter it; job.altered or job.refused in its history tells whether it has",
    body = { type = "object", help = "what to change", fields = { name = spec.fields.name, priority = spec.fields.priority,
      tags = spec.tags, attributes = alteration.fields.attributes } } },
  { method = "DELETE", path = "/v1/jobs/{id}", rpc = "jobs.delete", summary = "Delete an ended job", status = 204,
    handler = delete },
}
