-- Which deliveries are under way: so many in all, so many of each webhook, and as many of each owner as of the others who have
-- something to send. Receivers that fail get one at a time, all of them together at most half of what may be under way, and a
-- pause that grows; so they do not hold up the others.
local attempt = require "orrery.core.webhook.attempt"
local clock = require "house.clock"
local config = require "house.config"
local deliveries = require "orrery.data.deliveries"
local task = require "house.task"
local turns = require "orrery.core.webhook.turns"
local webhooks = require "orrery.data.webhooks"

local sending = {}

local settings = config.webhooks
local MOST_DOUBTFUL = math.max(settings.at_once // 2, 1)
local LONGEST_REST_MS = 300000                                   -- that a receiver's wish gives it of all its deliveries
local TURN_MS = 50                                               -- for which one that is to make room may go on
local PATIENCE, FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 8, 100, 30000 -- failures in a row, and then

---@class webhook.lane what is known of a webhook's receiver here
---@field key integer the webhook's
---@field owner webhook.owner
---@field busy integer deliveries under way
---@field failed integer tries in a row
---@field not_before integer on the monotonic clock

local lanes = {}                    -- by the webhook's key
local owners = {}                   -- by their names
local flying = {}                   -- keys of deliveries under way
local busy, doubtful = 0, 0         -- of the doubtful ones, the receiver was failing when they began
local too_many = math.huge          -- an owner with so many under way makes room for others when their turns are over
local turn = 0                      -- their number

local function owner_of(name)
  owners[name] = owners[name] or { busy = 0, turn = 0, last = 0 }
  return owners[name]
end

local function lane_of(row)
  lanes[row.key] = lanes[row.key] or { key = row.key, owner = owner_of(row.owner), busy = 0, failed = 0, not_before = 0 }
  return lanes[row.key]
end

local function next_due(lane)
  for _, row in ipairs(deliveries.due(lane.key, clock.now(), settings.at_once_each + 1)) do
    if not flying[row.key] then return row.key end
  end
end

local function count(lane, more)
  busy, lane.busy, lane.owner.busy = busy + more, lane.busy + more, lane.owner.busy + more
end

local function pause(lane, ms) lane.not_before = math.max(lane.not_before, clock.monotonic() + ms) end

-- After a try → whether the next may follow at once.
local function judge(lane, wish)
  local hook = webhooks.get(lane.key)
  lane.failed = hook and hook.failures or 0
  if wish then pause(lane, math.min(wish, LONGEST_REST_MS)) end
  if lane.failed > PATIENCE then
    pause(lane, math.min(FIRST_PAUSE_MS * 2 ^ (lane.failed - PATIENCE), LONGEST_PAUSE_MS) // 1)
  end
  return hook and not hook.disabled_at and lane.failed == 0 and lane.not_before <= clock.monotonic()
end

-- A task: sends what is due of one webhook, one after the other; of one whose receiver was failing, one alone.
local function serve(fetcher, lane, key, is_doubtful)
  local _ <close> = setmetatable({}, { __close = function()
    count(lane, -1)
    if is_doubtful then doubtful = doubtful - 1 end
    if key then flying[key] = nil end
  end })
  local over = clock.monotonic() + TURN_MS
  repeat
    local may_go_on = judge(lane, attempt.run(fetcher, key)) and not is_doubtful
    local makes_room = lane.owner.busy >= too_many and clock.monotonic() >= over
    flying[key] = nil
    key = may_go_on and not makes_room and next_due(lane) or nil
    if key then flying[key] = true end
  until not key
end

local function begin(fetcher, lane, key)
  local is_doubtful = lane.failed > 0
  turn = turn + 1
  lane.owner.turn, lane.owner.last = turn, lane.key
  count(lane, 1)
  if is_doubtful then doubtful = doubtful + 1 end
  flying[key] = true
  task.spawn(serve, fetcher, lane, key, is_doubtful)
end

-- The last place is for an owner who has none.
local function has_room(lane) return busy < settings.at_once - (lane.owner.busy > 0 and 1 or 0) end

-- Whether it may begin one, as far as it alone and the other doubtful ones are concerned.
local function may_begin(lane)
  if lane.failed > 0 then return lane.busy == 0 and doubtful < MOST_DOUBTFUL end
  return lane.busy < settings.at_once_each
end

-- Begins what is due, in turns, as far as there is room.
local function hand_out(fetcher, due)
  local waiting = turns.new(due)
  local lane = waiting:next()
  while lane and has_room(lane) do
    local key = next_due(lane)
    if key then
      begin(fetcher, lane, key)
      if flying[key] then waiting:add(lane) end -- what ended at once would do so again: its webhook was just disabled, say
      if not may_begin(lane) then waiting:keep(may_begin) end
    end
    lane = waiting:next()
  end
  if lane then waiting:add(lane) end
  too_many = waiting:too_many(next_due)
end

-- What may be begun of one: its lane | nil, and when there is more, in milliseconds from now | nil: that is told by what ends.
local function look_at(row)
  local left = row.due_at - clock.now()
  if left > 0 then return nil, left end
  local lane = lane_of(row)
  if lane.busy == 0 then
    if row.failures < lane.failed then lane.not_before = 0 end -- it was enabled again
    lane.failed = row.failures
  end
  left = lane.not_before - clock.monotonic()
  if left > 0 then return nil, left end
  return may_begin(lane) and lane or nil
end

---Begins what is due, as far as it may → when there will be more to begin, in milliseconds | nil
function sending.run(fetcher)
  local soonest, due = nil, {}
  for _, row in ipairs(webhooks.due()) do
    local lane, left = look_at(row)
    due[#due + 1] = lane
    if left then soonest = math.min(soonest or left, left) end
  end
  hand_out(fetcher, due)
  for key, lane in pairs(lanes) do
    if lane.busy == 0 and lane.not_before <= clock.monotonic() then lanes[key] = nil end
  end
  return soonest
end

return sending
