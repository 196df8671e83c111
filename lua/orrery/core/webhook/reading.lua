-- From the log to deliveries: new events are matched to webhooks, some at a time, and what comes of it is committed together
-- with how far this has come. All webhooks that keep up are read for at once; one that was sent back (a replay), was disabled
-- for a while, or has too much waiting, is read for by itself until it has caught up, and holds up neither the others nor
-- the log's keeping; of what is gone from the log by then, its owner is told (missed.lua).
local clock = require "house.clock"
local cloud = require "orrery.core.event.cloud"
local config = require "house.config"
local db = require "house.db"
local deliveries = require "orrery.data.deliveries"
local events = require "orrery.data.events"
local ids = require "house.ids"
local log = require "house.log"
local matching = require "orrery.core.webhook.matching"
local missed = require "orrery.core.webhook.missed"
local readers = require "orrery.data.readers"
local webhooks = require "orrery.data.webhooks"

local reading = {}

local NAME = "webhooks"
local CHUNK, MOST_DELIVERIES = 500, 1000 -- of one commit
local settings = config.webhooks
local FULL_MS = math.min(settings.backlog // 10, 1000) -- between two looks at one that has too much waiting: they count it

-- An event that cannot be written down is for nobody.
local function takers(hooks, event)
  local found = hooks:of(event)
  event.text = found[1] and cloud.text(event)
  return event.text and found or {}
end

local function delivery_of(event, hook, now)
  return { webhook = hook.key, event = event.number, type = event.type, body = event.text,
    due_at = now + math.floor(settings.retry_s[1] * 1000) }
end

local function insert(change, list, anew)
  if #list == 0 then return end
  local first = ids.new(#list)
  for i, row in ipairs(list) do row.key = first + i - 1 end
  deliveries.insert(change, list, anew)
end

-- → true if it is durable. What failed is tried again when the store changes next, or after a while.
local function commit(change)
  local ok, code, why = change:commit()
  if not ok and code ~= "conflict" then log.warn("events not matched to webhooks", { code = code, error = why }) end
  return ok
end

local function is_full(hook) return deliveries.pending(hook.key, settings.backlog) >= settings.backlog end

local known = {} -- all that keep up, as they were in an edition: {edition, matching}

local function all()
  local edition = webhooks.edition()
  if known.edition ~= edition then known = { edition = edition, matching = matching.new(webhooks.attentive()) } end
  return known.matching
end

-- For all that keep up. The webhooks are looked at after the events: one that is made in between is not for these.
local function read_for_all(number, rows)
  local hooks = all()
  local list, full, last, now = {}, {}, number, clock.now()
  for _, event in ipairs(rows) do
    if #list >= MOST_DELIVERIES then break end
    for _, hook in ipairs(takers(hooks, event)) do
      if full[hook.key] == nil then full[hook.key] = is_full(hook) end
      if not full[hook.key] then list[#list + 1] = delivery_of(event, hook, now) end
    end
    last = event.number
  end
  local change = db.change()
  insert(change, list)
  for key, too_full in pairs(full) do
    if too_full then webhooks.fall_behind(change, key, number) end
  end
  readers.move(change, NAME, last)
  return commit(change)
end

local full_until = {} -- by webhook, on the monotonic clock: counting what waits takes a while, too

local function room_of(hook)
  local now = clock.monotonic()
  if (full_until[hook.key] or 0) > now then return 0 end
  full_until[hook.key] = nil
  local room = settings.backlog - deliveries.pending(hook.key, settings.backlog)
  if room >= math.max(settings.backlog // 4, 1) then return room end
  full_until[hook.key] = now + FULL_MS
  return 0
end

-- For one, up to where all are.
local function read_for(hook, goal)
  local room = room_of(hook)
  if room == 0 then return false end
  local rows, one, now = events.after(hook.behind, math.min(CHUNK, room)), matching.new { hook }, clock.now()
  local fresh, repeated, last, caught_up = {}, {}, hook.behind, #rows == 0
  for i, event in ipairs(rows) do
    caught_up = event.number > goal
    if caught_up then break end
    if takers(one, event)[1] then
      local list = event.number <= hook.again and repeated or fresh
      list[#list + 1] = delivery_of(event, hook, now)
    end
    last = event.number
    caught_up = i == #rows and last == goal
  end
  local change, gone = db.change(), missed.of(hook)
  if gone then missed.tell(change, hook, gone, now) end
  insert(change, fresh)
  insert(change, repeated, true)
  webhooks.catch_up(change, hook, not caught_up and last or nil)
  local ok = commit(change)
  if ok and gone then missed.warn(hook, gone) end
  return ok
end

-- The last webhook has gone with its job or its simulation.
local function end_reading()
  local change = db.change()
  webhooks.end_reading(change)
  commit(change)
end

---Reads some more → true if there may be more to read now.
function reading.run()
  local number = readers.get(NAME)
  if not number then return false end -- there is no webhook
  if not webhooks.any() then
    end_reading()
    return false
  end
  local rows = events.after(number, CHUNK)
  local more = #rows > 0 and read_for_all(number, rows)
  number = readers.get(NAME)
  for _, hook in ipairs(number and webhooks.behind() or {}) do more = read_for(hook, number) or more end
  return more
end

return reading
