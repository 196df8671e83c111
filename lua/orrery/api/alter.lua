-- Altering a job. While nobody else has it, its specification is changed; a scheduler that has it is to change it first, and
-- the specification follows when it has.
local alteration = require "orrery.core.job.alteration"
local clock = require "house.clock"
local data = require "orrery.data.jobs"
local events = require "orrery.data.events"
local fitting = require "orrery.api.fitting"
local json = require "house.json"
local lifecycle = require "orrery.core.job.lifecycle"
local orders = require "orrery.data.orders"
local problem = require "orrery.api.problem"
local resources = require "orrery.data.resources"

-- The same rules as for a new job, of the resource that it was given to. One that is not there now is asked when it is.
local function check(row, job)
  if lifecycle.live[row.state] and not resources.get(row.resource) then return end
  local named = job.resource
  job.resource = row.resource
  local problems = fitting.check(job)
  if problems then problem.invalid(problems) end
  job.resource = named
end

local function refuse_impossible(row)
  if lifecycle.ended[row.state] then
    problem.raise("illegal-transition", ("The job is %s; only one that has not ended can be altered."):format(row.state))
  end
  if lifecycle.live[row.state] and fitting.lacks(row.resource, "alter") then
    problem.raise("illegal-transition", ("The job is %s, and resource %s cannot alter a job that it holds; cancel it, and create "
      .. "it anew."):format(row.state, row.resource))
  end
end

---Adds to a change what alters a job → the status to be answered: 200, it is done; 202, its scheduler is to be asked.
---@param row table the job's
---@param changes table as alteration.fields
return function(change, row, changes)
  refuse_impossible(row)
  local source = data.specification(row.key) -- before the orders: one that comes in between makes another edition
  local job = alteration.of(source, changes)
  check(row, job)
  local at_once = not lifecycle.live[row.state] and not orders.any(row.key, "alter")
  if at_once then alteration.write(change, row, source, job)
  else orders.insert(change, row.key, "alter", json.encode { changes = changes }) end
  events.append(change, clock.now(), at_once and "job.altered" or "job.alter", row.owner, row.simulation, row.key,
    { changes = changes })
  return at_once and 200 or 202
end
