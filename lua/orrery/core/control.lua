-- The control worker's task: it puts the house in order, then drives reality towards what the store says is wanted.
-- Each resource has a task of its own; this one steers what needs no scheduler, and wakes them.
local alive = require "orrery.core.alive"
local changes = require "house.changes"
local clock = require "house.clock"
local db = require "house.db"
local house = require "house.resources"
local limits = require "orrery.core.job.limits"
local log = require "house.log"
local server = require "house.server"
local task = require "house.task"
local boot = require "orrery.core.boot"
local deletion = require "orrery.core.job.deletion"
local dispatch = require "orrery.core.submission.dispatch"
local idempotency = require "orrery.data.idempotency"
local keeping = require "orrery.core.event.keeping"
local monitor = require "orrery.core.resource.monitor"
local orders = require "orrery.core.resource.orders"
local placement = require "orrery.core.job.placement"
local relay = require "orrery.core.event.relay"
local recover = require "orrery.core.submission.recover"
local resource_status = require "orrery.core.service.resource_status"
local retention = require "orrery.core.job.retention"
local roster = require "orrery.core.resource.roster"
local steer = require "orrery.core.resource.steer"
local tickets = require "orrery.data.tickets"
local waiting = require "orrery.core.job.waiting"
local webhook = require "orrery.core.webhook"
local webhook_keeping = require "orrery.core.webhook.keeping"
local withdrawal = require "orrery.core.submission.withdrawal"

local IDLE_MS = 1000                     -- the longest pause of any task: time-outs and beats
local GATHER_MS = 20                     -- commits come in crowds; one look is enough for all of a crowd
local HOUSEKEEPING_MS = 60000
local REMOVAL_MS = 5000                  -- between two looks for directories to remove
local RELAY_MS = 1000                    -- before the relay begins again, should it fail; where there is no broker it just ends
local IDEMPOTENCY_MS = 7 * 24 * 3600000  -- answers are kept for a week

local function go_round(it, changed)
  it.more = false
  if it:open() then
    it:try_accounts()
    monitor.run(it, changed)
    recover.run(it)
    steer.ask(it)
    withdrawal.run(it)
    orders.give(it)
    it:observe()
    it.more = not it.drained and not it.closed and dispatch.run(it)
    it:tell_of_accounts()
  end
  if it.drained or it.disabled then placement.let_go(it) end
  it:publish()
end

local function pause_of(it)
  if it.more then return 0 end
  if not it.info or not it:ready() then return IDLE_MS end
  return math.min(IDLE_MS, recover.next_ms(it) or IDLE_MS, monitor.next_ms(it) or IDLE_MS, dispatch.next_ms(it) or IDLE_MS)
end

-- A round that throws costs this resource a moment, never the others. `driven` is its task's thread: one thrown out for running
-- too long cannot help itself, so the control task starts another.
local function drive(it)
  local _ <close> = setmetatable({}, { __close = function() it.driven = false end })
  it.driven = coroutine.running()
  it:load()
  it:publish()
  while not it.leaving do
    local changed = house.changed(it.name, pause_of(it))
    local ok, why = xpcall(go_round, debug.traceback, it, changed)
    if ok then it:untroubled "round"
    else
      it.more, it.calling = false, nil
      it:troubled("round", tostring(why):match("^[^\n]*"))
      log.error("round failed", { resource = it.name, error = why })
      task.sleep(1000)
      it:load()
    end
  end
end

-- → true if there is more to forget now.
local function keep_house()
  local change, now = db.change(), clock.now()
  local before = now - IDEMPOTENCY_MS
  idempotency.expire(change, before)
  tickets.expire(change, now)
  return change:commit() and (idempotency.any(before) or tickets.any(now))
end

-- What goes on beside everything else, again and again: a disk may take its time, and so may a million old jobs.
local beside = {
  { what = "removing directories", run = deletion.remove_directories, pause_ms = REMOVAL_MS },
  { what = "retention", run = retention.run, pause_ms = HOUSEKEEPING_MS },
  { what = "keeping events", run = keeping.run, pause_ms = HOUSEKEEPING_MS },
  { what = "relaying events", run = relay.run, pause_ms = RELAY_MS },
  { what = "keeping deliveries", run = webhook_keeping.run, pause_ms = HOUSEKEEPING_MS },
  { what = "webhooks", run = webhook.run, pause_ms = IDLE_MS },
}

local function again_and_again(it)
  it.thread = coroutine.running()
  while true do
    local ok, why = xpcall(it.run, debug.traceback)
    if not ok then log.error(it.what .. " failed", { error = why }) end
    task.sleep(it.pause_ms)
  end
end

-- One that ran for too long and was thrown out is missed here.
local function keep_going()
  for _, it in ipairs(beside) do
    if not alive(it.thread) then task.spawn(again_and_again, it) end
  end
end

-- A chunk of everything, so that a large deletion holds up nobody's cancel → true if there is more to do now.
local function steer_all(resources)
  local more = steer.simulations()
  resources:look()
  steer.run(resources.all)
  more = waiting.run() or more
  more = limits.run() or more
  more = deletion.run() or more
  for name, it in pairs(resources.all) do
    if not alive(it.driven) then task.spawn(drive, it) end
    house.poke(name)
  end
  return more
end

local resources -- made once: should the task below fail, it is started again, and the others have gone on meanwhile

local function run()
  if not resources then
    local why = boot.run()
    if why then return server.ready(why) end
    why = webhook.open()
    if why then return server.ready(why) end
    local fine, _, sentence = roster.begin()
    if not fine then return server.ready(sentence) end
    resources = roster.new()
    resources:look() -- so that the API knows where files are
    resource_status.watch(function(name) resources:ask_again(name) end)
    keep_going()
    server.beat()
    server.ready()
  end
  local next_housekeeping = 0
  while true do
    local looked = clock.monotonic()
    local more = steer_all(resources)
    keep_going()
    if clock.monotonic() >= next_housekeeping then
      if keep_house() then more = true else next_housekeeping = clock.monotonic() + HOUSEKEEPING_MS end
    end
    server.beat()
    local pause = math.min(IDLE_MS, waiting.next_ms() or IDLE_MS)
    if not more and changes.wait(pause) then task.sleep(math.max(looked + GATHER_MS - clock.monotonic(), 0)) end
  end
end

return { run = run, settle = relay.settle }
