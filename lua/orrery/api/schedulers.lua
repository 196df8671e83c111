-- /v1/schedulers: the scheduler plug-ins in use, and how they fare.
local json = require "house.json"
local answer = require "orrery.api.answer"
local data = require "orrery.data.resources"
local problem = require "orrery.api.problem"

-- One document for each plug-in, over all resources that use it.
local function documents()
  local by_name, items = {}, json.list {}
  for _, row in ipairs(data.all()) do
    local info = json.decode(row.info)
    local item = by_name[row.scheduler]
    if not item then
      item = { name = row.scheduler, language = info.language or json.null, version = info.version or json.null,
        abi = info.abi or json.null, verbs = info.verbs, state = "loaded", error = json.null, resources = json.list {} }
      by_name[row.scheduler] = item
      items[#items + 1] = item
    end
    item.resources[#item.resources + 1] = row.name
    if not info.plugin then item.state = row.state == "starting" and "loading" or "failed" end
    if row.message then item.error = row.message end
  end
  return items, by_name
end

local function list()
  local items = documents()
  return answer.json(200, json.encode { items = items, next = json.null })
end

local function get(_, name)
  local _, by_name = documents()
  if not by_name[name] then problem.raise("not-found", ("No resource uses a scheduler %s."):format(name)) end
  return answer.json(200, json.encode(by_name[name]))
end

return {
  { method = "GET", path = "/v1/schedulers", summary = "List scheduler plug-ins", handler = list, response = "list" },
  { method = "GET", path = "/v1/schedulers/{name}", summary = "Get a scheduler plug-in", handler = get, response = "scheduler" },
}
