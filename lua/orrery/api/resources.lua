-- /v1/resources: where jobs run, as the control worker last saw it.
local clock = require "house.clock"
local config = require "house.config"
local json = require "house.json"
local answer = require "orrery.api.answer"
local data = require "orrery.data.resources"
local problem = require "orrery.api.problem"

local function document(row)
  local info, status = json.decode(row.info), row.status and json.decode(row.status) or {}
  local function known(value) return value == nil and json.null or value end
  return {
    name = row.name, scheduler = row.scheduler, state = row.state, message = known(row.message),
    limits = { max_submitted = known(info.max_submitted), cores = known(info.honours.cores),
      array_size = known(info.honours.array_size) },
    honours = info.honours.fields or json.list {}, verbs = info.verbs,
    cores_total = known(status.cores_total), cores_free = known(status.cores_free),
    nodes_total = known(status.nodes_total), nodes_free = known(status.nodes_free), pending = known(status.pending),
    queues = status.queues or json.list {},
    observed_at = row.observed_at and clock.text(row.observed_at) or json.null,
    single_user = config.single_user,
  }
end

local function list()
  local items = json.list {}
  for i, row in ipairs(data.all()) do items[i] = document(row) end
  return answer.json(200, json.encode { items = items, next = json.null })
end

local function get(_, name)
  local row = data.get(name)
  if not row then problem.raise("not-found", ("There is no resource %s."):format(name)) end
  return answer.json(200, json.encode(document(row)))
end

return {
  { method = "GET", path = "/v1/resources", summary = "List resources", handler = list, response = "list" },
  { method = "GET", path = "/v1/resources/{name}", summary = "Get a resource", handler = get, response = "resource" },
}
