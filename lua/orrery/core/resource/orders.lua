-- Giving orders to schedulers, for jobs that they hold. A signal must not come twice, so it is taken out of the store before
-- its scheduler is asked: one that a crash or a time-out overtakes may never come. An alteration may be asked for twice: it
-- stays in the store until it is answered.
local alteration = require "orrery.core.job.alteration"
local clock = require "house.clock"
local data = require "orrery.data.orders"
local dispatch = require "orrery.core.submission.dispatch"
local json = require "house.json"
local lifecycle = require "orrery.core.job.lifecycle"

local orders = {}

local CROWD = 256
local AGAIN_MS = 10000 -- before an alteration that was not answered is asked for again

local function refuse(batch, order, why)
  local told = json.decode(order.words)
  told.verb, told.message = order.verb, why
  data.done(batch.change, order.number)
  batch:tell(order, "job.refused", told)
end

local function fulfil(batch, order)
  local told = json.decode(order.words)
  alteration.record(batch.change, order.key, told.changes)
  data.done(batch.change, order.number)
  batch:tell(order, "job.altered", told)
end

-- What becomes of an order without its scheduler → true if that is all.
local function settle(resource, batch, order)
  if not order.state then data.done(batch.change, order.number) -- the job was deleted
  elseif lifecycle.ended[order.state] then refuse(batch, order, "the job ended first")
  elseif order.state == "PENDING" and order.verb == "alter" then fulfil(batch, order) -- it is to be handed over anew
  elseif order.state == "PENDING" then refuse(batch, order, "the job does not run any more")
  elseif not resource.info.verbs[order.verb] then
    refuse(batch, order, ("%s has no %s"):format(resource.scheduler, order.verb))
  else return false end
  return true
end

local function is_due(resource, order)
  local job = order.held
  if not job or not resource:can_call(resource:account_for(order.verb, job)) then return false end
  if order.verb ~= "alter" then return true end
  return not job.altered_at or clock.monotonic() - job.altered_at > AGAIN_MS
end

-- Orders of the same words, which are given in one call; of each job the oldest for a verb.
local function sort(resource, batch)
  local groups, by_words, seen = {}, {}, {}
  for _, order in ipairs(data.some(resource.name, CROWD)) do
    local which, turn = order.verb .. " " .. order.words, order.verb .. order.key
    order.held = order.native_id and resource.live[order.native_id]
    if not seen[turn] and not settle(resource, batch, order) and is_due(resource, order) then
      if not by_words[which] then
        by_words[which] = { verb = order.verb, words = order.words, held = {} }
        groups[#groups + 1] = by_words[which]
      end
      table.insert(by_words[which], order)
      table.insert(by_words[which].held, order.held)
    end
    seen[turn] = true
  end
  return groups
end

-- Calls the verb; `answer(batch, order, failure)` is told of each report → the numbers of those that came, and what the calls
-- of the others came to.
local function call(resource, group, answer)
  local answered = {}
  local came_to = resource:call_on(group.verb, group.held, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      answered[i] = true
      answer(batch, group[i], resource.failure(report))
    end
    dispatch.commit(resource, batch)
  end, json.decode(group.words))
  return answered, came_to
end

local verbs = {}

function verbs.signal(resource, group)
  local batch = lifecycle.batch()
  for _, order in ipairs(group) do data.done(batch.change, order.number) end
  if not dispatch.commit(resource, batch) then return end
  local answered, came_to = call(resource, group, function(settled, order, failure)
    if failure then refuse(settled, order, failure.message) end
  end)
  batch = lifecycle.batch()
  for i, order in ipairs(group) do
    if not answered[i] then
      local code, why = came_to(i)
      refuse(batch, order, ("it may not have come: %s"):format(why or code))
    end
  end
  dispatch.commit(resource, batch)
end

function verbs.alter(resource, group)
  for _, job in ipairs(group.held) do job.altered_at = clock.monotonic() end
  call(resource, group, function(batch, order, failure)
    if failure and failure.class ~= "rejected" then return end -- asked again later
    order.held.altered_at = nil
    if failure then refuse(batch, order, failure.message) else fulfil(batch, order) end
  end)
end

---Gives a resource the orders for its jobs.
function orders.give(resource)
  if not resource:ready() then return end
  local batch = lifecycle.batch()
  local groups = sort(resource, batch)
  if not dispatch.commit(resource, batch) then return end
  for _, group in ipairs(groups) do
    if resource:ready() then verbs[group.verb](resource, group) end
  end
end

return orders
