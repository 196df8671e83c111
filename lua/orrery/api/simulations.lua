-- /v1/simulations: named groups of jobs.
local clock = require "house.clock"
local db = require "house.db"
local ids = require "house.ids"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.simulations"
local events = require "orrery.data.events"
local limits = require "orrery.data.limits"
local problem = require "orrery.api.problem"
local spec = require "orrery.core.job.spec"

local name = { type = "text", min = 1, max = 256, line = true, help = "for people" }
local description = { type = "text", max = 65536, help = "for people, at length" }

local whole, cut = answer.shapes { { "id", "id" }, { "name", "text" }, { "description", "text" }, { "state", "text" },
  { "wanted", "text" }, { "max_active", "int" }, { "owner", "text" }, { "tags", "map" }, { "counts", "json" },
  { "progress", "real" }, { "created_at", "born", "born" }, { "ended_at", "time" } }

local function location(key) return "Location: /v1/simulations/" .. ids.text(key) .. "\r\n" end

local function create(context)
  local body, owner = context.body, context.principal.owner
  return answer.once(context, function(finish)
    local key = ids.new()
    local row = { key = key, owner = owner, name = body.name, description = body.description,
      tags = body.tags and json.encode(body.tags), max_active = body.max_active }
    local change = db.change()
    data.insert(change, row)
    events.append(change, clock.now(), "simulation.created", owner, key, nil, { name = body.name })
    row.id, row.born, row.state, row.wanted, row.counts, row.progress = key, key, "NEW", "RUN", '{"total":0}', 0.0
    return finish(change, 201, location(key), whole:text(row))
  end)
end

local function list(context)
  local query, principal = context.query, context.principal
  local after, descending, limit = answer.page(query)
  local filter = { owner = not principal.sees_all and principal.owner or nil, state = query.state, name = query.name }
  local values = {}
  for _, field in ipairs { "owner", "state", "name" } do
    if filter[field] then values[#values + 1] = filter[field] end
  end
  values[#values + 1], values[#values + 2] = after, limit
  return answer.list_of(cut(query.fields), limit, data.page(filter, descending), table.unpack(values))
end

local function get(context, id)
  local row = access.simulation(context, id)
  return answer.when_ready(context, row.key, function()
    local now = data.get(row.key) -- first, so that a body that is sent because it has ended says so
    local body = now and db.json(whole, data.one, row.key)
    if not body then access.absent(context, "simulation", id) end
    local state = now.state
    return body, state ~= "ACTIVE" and state ~= "NEW"
  end)
end

local function patch(context, id)
  local row, body = access.simulation(context, id), context.body
  local change = db.change()
  data.update(change, row.key, { name = body.name, description = body.description,
    tags = body.tags and json.encode(body.tags) })
  if body.max_active == json.null then limits.set(change, row.key, nil)
  elseif body.max_active then limits.set(change, row.key, body.max_active) end
  events.append(change, clock.now(), "simulation.altered", row.owner, row.key, nil, { changes = body })
  local ok, code, why = change:commit()
  if not ok then problem.of_commit(code, why) end
  return answer.json(200, db.json(whole, data.one, row.key))
end

local function still_running()
  problem.raise("still-running", "Some of its jobs have not ended; cancel it first.")
end

local function delete(context, id)
  local row = access.simulation(context, id)
  if row.state == "ACTIVE" then still_running() end
  local change, now = db.change(), clock.now()
  data.mark_deleting(change, row, now)
  events.append(change, now, "simulation.deleted", row.owner, row.key, nil, { by = context.principal.owner })
  local ok, code, why = change:commit()
  if not ok and code == "conflict" then -- somebody else was faster, with a new job or with the same wish
    access.simulation(context, id)
    still_running()
  end
  if not ok then problem.of_commit(code, why) end
  return 204, "", ""
end

return {
  shape = whole,
  { method = "POST", path = "/v1/simulations", rpc = "simulations.create", summary = "Create a simulation", status = 201,
    handler = create, response = "simulation",
    body = { type = "object", help = "a simulation", fields = {
      name = { type = "text", min = 1, max = 256, line = true, required = true, help = "for people" },
      description = description, tags = spec.tags, max_active = spec.max_active } } },
  { method = "GET", path = "/v1/simulations", rpc = "simulations.list", summary = "List simulations", handler = list,
    response = "list", query = answer.list_query {
      state = { type = "text", choices = { "NEW", "ACTIVE", "COMPLETED", "FAILED", "CANCELED" }, help = "only those in this state" },
      name = { type = "text", max = 256, help = "only those of this name" } } },
  { method = "GET", path = "/v1/simulations/{id}", rpc = "simulations.get", summary = "Get a simulation", handler = get,
    response = "simulation", query = { wait = answer.wait_query } },
  { method = "PATCH", path = "/v1/simulations/{id}", rpc = "simulations.update",
    summary = "Change a simulation's name, description, tags or limit", handler = patch, response = "simulation",
    body = { type = "object", help = "what to change", fields = { name = name, description = description, tags = spec.tags,
      max_active = { type = "either", spec.max_active, { type = "null", help = "no limit" } } } } },
  { method = "DELETE", path = "/v1/simulations/{id}", rpc = "simulations.delete",
    summary = "Delete an ended simulation and its jobs", status = 204, handler = delete },
}
