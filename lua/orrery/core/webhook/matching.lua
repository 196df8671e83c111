-- Which webhooks want an event. Pure.
local json = require "house.json"

---@class webhook.matching
local matching = {}
matching.__index = matching

local function put(into, key, hook)
  into[key] = into[key] or {}
  table.insert(into[key], hook)
end

local function set_of(text)
  if not text then return nil end
  local set = {}
  for _, word in ipairs(json.decode(text)) do set[word] = true end
  return set
end

---@param rows table[] those of webhooks (data.webhooks)
function matching.new(rows)
  local self = setmetatable({ everybody = {}, of_owner = {}, of_simulation = {}, of_job = {} }, matching)
  for _, row in ipairs(rows) do
    local hook = { row = row, types = set_of(row.types), states = set_of(row.states) }
    if row.job then put(self.of_job, row.job, hook)
    elseif row.simulation then put(self.of_simulation, row.simulation, hook)
    elseif row.everybody == 1 then table.insert(self.everybody, hook)
    else put(self.of_owner, row.owner, hook) end
  end
  return self
end

-- The event's own words are read once, when somebody wants to know them.
local function words_of(event)
  local words = event.words or event.data and json.decode(event.data)
  event.words = type(words) == "table" and words or {}
  return event.words
end

-- "job.*" is all types that begin so.
local function wants(hook, event)
  if event.number <= hook.row.begins then return false end
  if hook.types and not hook.types[event.type] and not hook.types[event.type:match "^[^.]*" .. ".*"] then return false end
  return not hook.states or hook.states[words_of(event).to] == true
end

---The rows of the webhooks that want an event.
---@param event table its row (data.events.after)
function matching:of(event)
  local found = {}
  local function take(hooks)
    for _, hook in ipairs(hooks or {}) do
      if wants(hook, event) then found[#found + 1] = hook.row end
    end
  end
  take(self.everybody)
  take(self.of_owner[event.owner])
  if event.simulation then take(self.of_simulation[event.simulation]) end
  if event.type == "jobs.created" and math.tointeger(event.job) and next(self.of_job) then -- it is of all jobs of its chunk
    local last = event.job + (math.tointeger(words_of(event).count) or 1) - 1
    for job, hooks in pairs(self.of_job) do
      if job >= event.job and job <= last then take(hooks) end
    end
  elseif event.job then take(self.of_job[event.job]) end
  return found
end

return matching
