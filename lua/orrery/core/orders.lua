-- Giving orders to schedulers, for jobs that they hold. A signal must not come twice, so it is taken out of the store before
-- its scheduler is asked: one that a crash or a time-out overtakes may never come.
local data = require "orrery.data.orders"
local dispatch = require "orrery.core.dispatch"
local json = require "house.json"
local lifecycle = require "orrery.core.lifecycle"

local orders = {}

local CROWD = 256

local function refuse(batch, order, why)
  local told = json.decode(order.words)
  told.verb, told.message = order.verb, why
  data.done(batch.change, order.number)
  batch:tell(order, "job.refused", told)
end

-- What becomes of an order without its scheduler → true if that is all.
local function settle(resource, batch, order)
  if not order.state then data.done(batch.change, order.number) -- the job was deleted
  elseif lifecycle.ended[order.state] then refuse(batch, order, "the job has ended")
  elseif order.state == "PENDING" then refuse(batch, order, "the job does not run any more")
  elseif not resource.info.verbs[order.verb] then
    refuse(batch, order, ("%s has no %s"):format(resource.scheduler, order.verb))
  else return false end
  return true
end

-- Orders of the same words, which are given in one call; of each job its oldest.
local function sort(resource, batch)
  local groups, by_words, seen = {}, {}, {}
  for _, order in ipairs(data.some(resource.name, CROWD)) do
    local which = order.verb .. " " .. order.words
    order.held = order.native_id and resource.live[order.native_id]
    if not seen[order.key] and not settle(resource, batch, order) and order.held then
      if not by_words[which] then
        by_words[which] = {}
        groups[#groups + 1] = by_words[which]
      end
      table.insert(by_words[which], order)
    end
    seen[order.key] = true
  end
  return groups
end

local function take(resource, group)
  local batch = lifecycle.batch()
  for _, order in ipairs(group) do data.done(batch.change, order.number) end
  return dispatch.commit(resource, batch)
end

local function give(resource, group)
  if not take(resource, group) then return end
  local held, answered = {}, {}
  for i, order in ipairs(group) do held[i] = order.held end
  local code, why = resource:call_on(group[1].verb, held, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      local failure = resource.failure(report)
      answered[i] = true
      if failure then refuse(batch, group[i], failure.message) end
    end
    dispatch.commit(resource, batch)
  end, json.decode(group[1].words))
  local batch = lifecycle.batch()
  for i, order in ipairs(group) do
    if not answered[i] then refuse(batch, order, ("it may not have come: %s"):format(why or code)) end
  end
  dispatch.commit(resource, batch)
end

---Gives a resource the orders for its jobs.
function orders.give(resource)
  if not resource:ready() then return end
  local batch = lifecycle.batch()
  local groups = sort(resource, batch)
  if not dispatch.commit(resource, batch) then return end
  for _, group in ipairs(groups) do
    if resource:ready() then give(resource, group) end
  end
end

return orders
