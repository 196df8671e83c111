-- Which deliveries are under way: so many in all, so many of each webhook. Receivers that fail get one at a time, all of them
-- together at most half of what may be under way, and a pause that grows; so they do not hold up the others.
local attempt = require "orrery.core.webhook.attempt"
local clock = require "house.clock"
local config = require "house.config"
local deliveries = require "orrery.data.deliveries"
local task = require "house.task"
local webhooks = require "orrery.data.webhooks"

local sending = {}

local settings = config.webhooks
local MOST_DOUBTFUL = math.max(settings.at_once // 2, 1)
local LONGEST_REST_MS = 300000                                        -- that a receiver's wish gives it of all its deliveries
local PATIENCE, FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 8, 100, 30000 -- failures in a row, and then

---@class webhook.lane what is known of a webhook's receiver here
---@field busy integer deliveries under way
---@field doubtful integer of them, those that began when it was failing
---@field failed integer tries in a row
---@field not_before integer on the monotonic clock

local lanes = {}                    -- by the webhook's key
local flying = {}                   -- keys of deliveries under way
local busy, doubtful = 0, 0
local wanted = false                -- somebody waits for another to end
local last_served = 0               -- the webhooks come in turns

local function lane_of(key)
  lanes[key] = lanes[key] or { key = key, busy = 0, failed = 0, not_before = 0 }
  return lanes[key]
end

local function next_due(key)
  for _, row in ipairs(deliveries.due(key, clock.now(), settings.at_once_each + 1)) do
    if not flying[row.key] then return row.key end
  end
end

local function pause(lane, ms) lane.not_before = math.max(lane.not_before, clock.monotonic() + ms) end

local function judge(lane, wish)
  local hook = webhooks.get(lane.key)
  lane.failed = hook and hook.failures or 0
  if wish then pause(lane, math.min(wish, LONGEST_REST_MS)) end
  if lane.failed > PATIENCE then
    pause(lane, math.min(FIRST_PAUSE_MS * 2 ^ (lane.failed - PATIENCE), LONGEST_PAUSE_MS) // 1)
  end
end

-- A task: sends what is due of one webhook, one after the other.
local function serve(fetcher, lane, key, is_doubtful)
  local _ <close> = setmetatable({}, { __close = function()
    busy, lane.busy = busy - 1, lane.busy - 1
    if is_doubtful then doubtful = doubtful - 1 end
    if key then flying[key] = nil end
  end })
  repeat
    judge(lane, attempt.run(fetcher, key))
    flying[key] = nil
    local done = wanted or lane.not_before > clock.monotonic() or (lane.failed > 0) ~= is_doubtful
    key = not done and next_due(lane.key) or nil
    if key then flying[key] = true end
  until not key
end

local function begin(fetcher, lane, key)
  local is_doubtful = lane.failed > 0
  busy, lane.busy = busy + 1, lane.busy + 1
  if is_doubtful then doubtful = doubtful + 1 end
  flying[key] = true
  task.spawn(serve, fetcher, lane, key, is_doubtful)
end

local function may_begin(lane)
  if lane.failed > 0 then return lane.busy < 1 and doubtful < MOST_DOUBTFUL and busy < settings.at_once end
  return lane.busy < settings.at_once_each and busy < settings.at_once
end

-- Begins what is due of one → when more of it is, in milliseconds from now | nil: that is told by what ends.
local function begin_some(fetcher, row)
  local left = row.due_at - clock.now()
  if left > 0 then return left end
  local lane = lane_of(row.key)
  if lane.busy == 0 then
    if row.failures < lane.failed then lane.not_before = 0 end -- it was enabled again
    lane.failed = row.failures
  end
  local pause_ms = lane.not_before - clock.monotonic()
  if pause_ms > 0 then return pause_ms end
  while true do
    local key = next_due(row.key)
    if not key then return nil end
    if not may_begin(lane) then
      wanted = wanted or lane.busy == 0
      return nil
    end
    last_served = row.key
    begin(fetcher, lane, key)
  end
end

-- Those after the one that was served last come first.
local function in_turns(rows)
  local ordered = {}
  for _, row in ipairs(rows) do
    if row.key > last_served then ordered[#ordered + 1] = row end
  end
  for _, row in ipairs(rows) do
    if row.key <= last_served then ordered[#ordered + 1] = row end
  end
  return ordered
end

---Begins what is due, as far as it may → when there will be more to begin, in milliseconds | nil
function sending.run(fetcher)
  local soonest
  wanted = false
  for _, row in ipairs(in_turns(webhooks.due())) do
    local left = begin_some(fetcher, row)
    if left then soonest = math.min(soonest or left, left) end
  end
  for key, lane in pairs(lanes) do
    if lane.busy == 0 and lane.not_before <= clock.monotonic() then lanes[key] = nil end
  end
  return soonest
end

return sending
