-- /v1/resources/{name}/status and /queues: what a scheduler last said of itself, and how long ago that was.
local clock = require "house.clock"
local json = require "house.json"
local answer = require "orrery.api.answer"
local data = require "orrery.data.resources"
local problem = require "orrery.api.problem"
local status = require "orrery.core.job.status"

local function known(value) return value == nil and json.null or value end

-- Its last word, {} if there was none; and what an answer says of the time it was observed at.
local function observation(name)
  local row = data.get(name)
  if not row then problem.raise("not-found", ("There is no resource %s."):format(name)) end
  local told = row.status and json.decode(row.status) or {}
  local at = told.observed_at
  return told, { observed_at = at and clock.text(at) or json.null,
    age_seconds = at and math.max(clock.now() - at, 0) / 1000 or json.null }, row
end

local function with_all(names, told, into)
  for _, name in ipairs(names) do into[name] = known(told[name]) end
  return into
end

local function get_status(_, name)
  local told, body, row = observation(name)
  body.resource, body.scheduler = row.name, row.scheduler
  return answer.json(200, json.encode(with_all(status.members, told, body)))
end

local function get_queues(_, name)
  local told, body = observation(name)
  body.items, body.next = json.list {}, json.null
  for i, queue in ipairs(told.queues or {}) do body.items[i] = with_all(status.queue_members, queue, {}) end
  return answer.json(200, json.encode(body))
end

return {
  { method = "GET", path = "/v1/resources/{name}/status", rpc = "resources.status",
    summary = "How a resource's scheduler is, by its own words", handler = get_status, response = "observation" },
  { method = "GET", path = "/v1/resources/{name}/queues", rpc = "resources.queues",
    summary = "A resource's queues and their limits", handler = get_queues, response = "queues" },
}
