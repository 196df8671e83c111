-- The relay: reads the log and hands its events to the message bus, in the order of the log, as a task of the control worker.
-- How far it has come is kept in the store, and moves when the broker has confirmed; so an event may be published again
-- after a crash or a lost connection, under the same id, but none is left out. As long as the broker is away nothing is read.
-- Before an orderly end it settles: then the next server publishes nothing again.
local bus = require "house.bus"
local changes = require "house.changes"
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local log = require "house.log"
local task = require "house.task"
local commit = require "orrery.core.commit"
local cloud = require "orrery.core.event.cloud"
local events = require "orrery.data.events"
local readers = require "orrery.data.readers"

local relay = {}

relay.NAME = "relay" -- among the readers of the log

local BOX = math.max(config.bus.window // 4, 1) -- events that are handed over together: four times as many fill the window, …
local MOST = 6       -- … and more boxes are there when several of them come home at once
local SAVE_MS = 500  -- between two commits of how far it has come
local IDLE_MS = 1000
local AWAY_MS = 100  -- between two looks whether the broker is back
local SETTLE_MS, LOOK_MS = 500, 5 -- the longest that a server which is to end waits for confirms, and between two looks
local FIRST_PAUSE_MS, LAST_PAUSE_MS = 250, 10000 -- when it refuses what it is given

-- A relay that is new begins with what happens from now on.
local function begin()
  local change, number = db.change(), events.newest()
  readers.begin(change, relay.NAME, number)
  commit(change)
  log.info("events are relayed from now on", { after = number })
  return number
end

-- Nothing is kept for a relay that is not wanted any more.
local function forget()
  if not readers.get(relay.NAME) then return end
  local change = db.change()
  readers.forget(change, relay.NAME)
  commit(change)
  log.info("events are not relayed any more")
end

---@class event.relay
---@field sent integer number of the last event that was handed over
---@field confirmed integer number up to which the broker has all
---@field saved integer the same as the store knows it
---@field waiting boolean nothing was confirmed since the broker was lost
---@field under_way {box:table, last:integer}[] at most MOST

-- A store that takes nothing at present is tried again: what was relayed need not be relayed anew for that.
local function save(it)
  if it.saved == it.confirmed then return end
  local change, number = db.change(), it.confirmed
  readers.move(change, relay.NAME, number)
  if change:commit() then it.saved = number end
  it.save_at = clock.monotonic() + SAVE_MS
end

local current -- the relay that runs | nil
local settling = false -- nothing more is handed over

-- Hands over what comes next → false: there is nothing.
local function hand_over(it)
  if settling then return false end
  local rows, list = events.after(it.sent, BOX), {}
  if #rows == 0 then return false end
  for _, row in ipairs(rows) do
    local body, key = cloud.text(row)
    if body then list[#list + 1] = { key = key, id = ("%d"):format(row.number), body = body } end
  end
  it.sent = rows[#rows].number
  it.under_way[#it.under_way + 1] = { box = bus.send(list), last = it.sent }
  return true
end

-- Waits for the oldest box → nil if all is well, else why not; then what was not confirmed is to be handed over again.
local function take_back(it)
  local oldest = table.remove(it.under_way, 1)
  local ok, _, why = oldest.box:wait()
  if ok then
    if it.waiting then log.info("events are relayed again", { from = it.confirmed + 1 }) end
    it.confirmed, it.waiting = oldest.last, false
    return nil
  end
  for _, other in ipairs(it.under_way) do other.box:wait() end -- what comes again comes behind them, not between them
  it.under_way, it.sent = {}, it.confirmed
  return why
end

-- Goes on until the bus does not → why.
local function go_on(it)
  while true do
    local handed_over, why = hand_over(it), nil
    if #it.under_way == MOST or not handed_over and #it.under_way > 0 then why = take_back(it) end
    if why then return why end
    if clock.monotonic() >= it.save_at then save(it) end
    if not handed_over and #it.under_way == 0 then changes.wait(it.saved == it.confirmed and IDLE_MS or SAVE_MS) end
  end
end

local function await_broker()
  local state = bus.state()
  while not state.up or state.blocked do
    task.sleep(AWAY_MS)
    state = bus.state()
  end
end

---Relays for ever, where there is somebody to relay to.
function relay.run()
  if bus.kind() == "embedded" then return forget() end
  local number = readers.get(relay.NAME) or begin()
  local it = { sent = number, confirmed = number, saved = number, save_at = 0, waiting = false, under_way = {} }
  local pause, before = FIRST_PAUSE_MS, number
  current = it
  while true do
    await_broker()
    local why = go_on(it)
    if it.confirmed > before then pause = FIRST_PAUSE_MS end
    before = it.confirmed
    if not it.waiting then log.info("events wait for the broker", { from = it.confirmed + 1, error = why }) end
    it.waiting = true
    if bus.state().up then -- it refuses some, or is back already
      task.sleep(pause)
      pause = math.min(2 * pause, LAST_PAUSE_MS)
    end
  end
end

---Before an orderly end: hands over nothing more, and notes how far the broker has confirmed what it was handed.
function relay.settle()
  local it, over = current, clock.monotonic() + SETTLE_MS
  settling = true
  if not it then return end
  while it.confirmed < it.sent and clock.monotonic() < over do task.sleep(LOOK_MS) end
  save(it)
end

return relay
