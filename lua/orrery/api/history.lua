-- What happened to a job, from its creation on.
local clock = require "house.clock"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local events = require "orrery.data.events"
local problem = require "orrery.api.problem"

local function item(row)
  local out = events.words(row)
  out.count, out.sweep_id = nil, nil
  out.number, out.type, out.at = row.number, row.type, clock.text(row.at)
  return json.encode(out)
end

local function history(context, id)
  local row, query, items = access.job(context, id), context.query, {}
  local after, limit, last = 0, query.limit or 100, nil
  if query.cursor then
    after = query.cursor:find "^%d+$" and math.tointeger(tonumber(query.cursor))
    if not after then problem.raise("invalid-query", "The cursor is none that this server gave.") end
  end
  if after == 0 and row.sweep then -- a sweep's jobs share the event of their creation
    local created = events.creation_of(row.key)
    if created then
      created.type = "job.created"
      items[1], last = item(created), created.number
    end
  end
  for _, event in ipairs(events.of_job(row.key, after, limit - #items)) do
    items[#items + 1], last = item(event), event.number
  end
  local more = #items == limit and ('"%d"'):format(last) or "null"
  return answer.json(200, ('{"items":[%s],"next":%s}'):format(table.concat(items, ","), more))
end

return {
  { method = "GET", path = "/v1/jobs/{id}/history", rpc = "jobs.history", summary = "What happened to a job", handler = history,
    response = "list", query = { limit = answer.page_query.limit, cursor = answer.page_query.cursor } },
}
