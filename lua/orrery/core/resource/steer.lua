-- Making wishes come true: jobs whose `wanted` has yet to be acted on. Those no scheduler holds are moved here; for the
-- others their resource's task asks the scheduler.
local clock = require "house.clock"
local db = require "house.db"
local log = require "house.log"
local act = require "orrery.core.job.act"
local dispatch = require "orrery.core.submission.dispatch"
local events = require "orrery.data.events"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"
local simulations = require "orrery.data.simulations"
local withdrawal = require "orrery.core.submission.withdrawal"

local steer = {}

local CROWD = 500
local AGAIN_MS = 10000 -- before a verb that showed no effect is repeated

-- Jobs without a scheduler ---------------------------------------------------------------------------------------

local function settle(batch, job, decision)
  if decision.move then
    batch:move(job, decision.move, { reason = false, message = "canceled before it was submitted" })
  end
  jobs.settled(batch.change, job)
end

---Settles what needs no scheduler, and sorts the rest to their resources.
---@param resources table<string, resource> by name
function steer.run(resources)
  local after = 0
  repeat
    local rows = jobs.to_steer(after, CROWD)
    local batch = lifecycle.batch()
    for _, job in ipairs(rows) do
      after = job.key
      local live, resource = lifecycle.live[job.state], resources[job.resource]
      local decision = act.on(job)
      if live and resource then resource.steering[job.key] = job -- a verb may be under way there: it decides
      elseif decision.move and withdrawal.is_due(resource, job) then
        if resource:can_call(job.account) then resource.withdrawing[job.key] = job end
      elseif live then jobs.steered(batch.change, job.key, job.wanted) -- until jobs.strand finds its resource again
      elseif not decision.wait and not decision.verb then settle(batch, job, decision) end
    end
    local ok, code, why = batch:commit()
    if not ok and code ~= "conflict" then log.warn("steering not committed", { error = why }) end
  until #rows < CROWD
end

-- Jobs a scheduler holds -----------------------------------------------------------------------------------------

-- The job as the resource holds it, which knows the state better than the row that was read; with the latest wish.
local function held(resource, row)
  local job = row.native_id and resource.live[row.native_id] or resource.submitting[row.key]
  if job then job.wanted = jobs.wanted(row.key) end
  return job
end

local before = { SUSPENDED = "SUSPEND", HELD = "HOLD" }

local function refuse(batch, job, verb, why)
  jobs.unwanted(batch.change, job.key, job.wanted, before[job.state] or "RUN")
  batch:tell(job, "job.refused", { verb = verb, wanted = job.wanted, message = why })
end

-- After a verb went well a look at the jobs is due: the wish is fulfilled when its effect shows, not before.
local function verb_reports(resource, verb, list, reports)
  local batch = lifecycle.batch()
  for i, report in pairs(reports) do
    local job, failure = list[i], resource.failure(report)
    if not failure then resource.next_poll = 0
    elseif failure.class == "rejected" and job.wanted ~= "CANCEL" then
      refuse(batch, job, verb, failure.message)
      job.asked = nil
    end -- else: asked again later; a CANCEL is never weakened
  end
  dispatch.commit(resource, batch)
end

local function sort_by_verb(resource, batch)
  local by_verb, now = {}, clock.monotonic()
  for key, row in pairs(resource.steering) do
    local job = held(resource, row)
    resource.steering[key] = nil
    -- Not held: it has moved on since the row was read (got its native id, was given back, ended). It is read again.
    local decision = job and act.on(job) or {}
    local verb = decision.verb
    if decision.done then
      jobs.steered(batch.change, key, job.wanted)
      job.asked = nil
    elseif verb and not resource.info.verbs[verb] then
      if not decision.patient then refuse(batch, job, verb, ("%s has no %s"):format(resource.scheduler, verb)) end
    elseif verb and (job.asked ~= verb or now - job.asked_at > AGAIN_MS)
      and resource:can_call(resource:account_for(verb, job)) then
      job.asked, job.asked_at = verb, now
      by_verb[verb] = by_verb[verb] or {}
      table.insert(by_verb[verb], job)
    end
  end
  return by_verb
end

---Asks the scheduler for what is wanted of its jobs.
function steer.ask(resource)
  if next(resource.steering) == nil then return end
  local batch = lifecycle.batch()
  local by_verb = sort_by_verb(resource, batch)
  dispatch.commit(resource, batch)
  for verb, list in pairs(by_verb) do
    resource:call_on(verb, list, function(reports) verb_reports(resource, verb, list, reports) end)
  end
end

-- Whole simulations ----------------------------------------------------------------------------------------------

local function steer_chunk(row)
  local change, at = db.change(), clock.now()
  local list = jobs.of_simulation(row.key, row.steer_after, CROWD)
  local after = row.steer_after
  for _, job in ipairs(list) do
    after = job.key
    if not lifecycle.ended[job.state] and job.wanted ~= row.wanted and job.wanted ~= "CANCEL"
      and act.possible(row.wanted, job.state) then
      jobs.want_any(change, job.key, row.wanted)
      events.append(change, at, "job.wanted", job.owner, job.simulation, job.key,
        { from = job.wanted, to = row.wanted })
    end
  end
  simulations.steered(change, row.key, row.wanted, after, #list < CROWD)
  local ok, code, why = change:commit()
  if not ok and code ~= "conflict" then log.warn("simulation not steered", { error = why }) end
  return ok
end

---Brings the wishes for whole simulations to their jobs, a chunk of each → true if there is more to do now.
function steer.simulations()
  local more = false
  for _, row in ipairs(simulations.to_steer()) do more = steer_chunk(row) or more end
  return more
end

return steer
