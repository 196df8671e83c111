-- Steering: what is wanted of a job or of all jobs of a simulation. The wish is recorded and answered 202; the control
-- worker makes it so.
local clock = require "house.clock"
local db = require "house.db"
local access = require "orrery.api.access"
local act = require "orrery.core.job.act"
local answer = require "orrery.api.answer"
local events = require "orrery.data.events"
local jobs = require "orrery.data.jobs"
local job_api = require "orrery.api.jobs"
local lifecycle = require "orrery.core.job.lifecycle"
local problem = require "orrery.api.problem"
local simulation_api = require "orrery.api.simulations"
local simulations = require "orrery.data.simulations"

-- The verb in the path, and what is wanted from then on.
local wishes = { cancel = "CANCEL", hold = "HOLD", release = "RUN", suspend = "SUSPEND", resume = "RUN" }

local function illegal(verb, row)
  problem.raise("illegal-transition", ("The job is %s%s; %s is not possible."):format(row.state,
    row.wanted ~= "RUN" and " and " .. row.wanted .. " is wanted" or "", verb))
end

-- A handler that brings one job on: `change(row, verb)` returns the change to commit, and the state and the wish it
-- leads to.
local function on_job(verb, change)
  return function(context, id)
    return answer.once(context, function(finish)
      local row = access.job(context, id)
      local committed, state, wanted = change(row, verb)
      return finish(committed, 202, nil, db.json(job_api.shape, jobs.one_next, state, wanted, row.key))
    end, function() illegal(verb, access.job(context, id)) end) -- it was brought on by somebody else in between
  end
end

local function steer_job(row, verb)
  local wanted, change = wishes[verb], db.change()
  if not act.possible(wanted, row.state) or (row.wanted == "CANCEL" and wanted ~= "CANCEL") then illegal(verb, row) end
  local held_elsewhere = wanted == "RUN" and act.on(row).verb -- the scheduler's own doing: asking again makes sense
  if row.wanted ~= wanted or held_elsewhere then
    jobs.want(change, row.key, wanted)
    events.append(change, clock.now(), "job.wanted", row.owner, row.simulation, row.key, { from = row.wanted, to = wanted })
  end
  return change, row.state, wanted
end

local function submit_job(row, verb)
  if row.state ~= "NEW" then illegal(verb, row) end
  local batch = lifecycle.batch()
  simulations.touch(batch.change, row.simulation)
  batch:move(row, "PENDING")
  return batch:settle(), "PENDING", row.wanted
end

local function on_simulation(verb, change)
  return function(context, id)
    return answer.once(context, function(finish)
      local row = access.simulation(context, id)
      local committed, wanted = change(row, verb)
      return finish(committed, 202, nil, db.json(simulation_api.shape, simulations.one_next, wanted, row.key))
    end, function() access.simulation(context, id) end)
  end
end

local function steer_simulation(row, verb)
  local wanted, change = wishes[verb], db.change()
  simulations.want(change, row.key, wanted)
  events.append(change, clock.now(), "simulation.wanted", row.owner, row.key, nil, { from = row.wanted, to = wanted })
  return change, wanted
end

-- Its jobs that are still NEW, a chunk at a time.
local function submit_simulation(row)
  local after = 0
  repeat
    local list, batch = jobs.of_simulation(row.key, after, 500), lifecycle.batch()
    simulations.touch(batch.change, row.key)
    for _, job in ipairs(list) do
      after = job.key
      if job.state == "NEW" then batch:move(job, "PENDING") end
    end
    local ok, code, why = batch:commit()
    if not ok then problem.of_commit(code, why) end
  until #list < 500
  return db.change(), row.wanted
end

local routes = {
  { method = "POST", path = "/v1/jobs/{id}/submit", rpc = "jobs.submit", summary = "Submit a NEW job",
    handler = on_job("submit", submit_job) },
  { method = "POST", path = "/v1/simulations/{id}/submit", rpc = "simulations.submit", summary = "Submit all NEW jobs",
    handler = on_simulation("submit", submit_simulation) },
}
for verb in pairs(wishes) do
  local title = verb:sub(1, 1):upper() .. verb:sub(2)
  routes[#routes + 1] = { method = "POST", path = "/v1/jobs/{id}/" .. verb, rpc = "jobs." .. verb, summary = title .. " a job",
    handler = on_job(verb, steer_job) }
  routes[#routes + 1] = { method = "POST", path = "/v1/simulations/{id}/" .. verb, rpc = "simulations." .. verb,
    summary = title .. " all jobs of a simulation", handler = on_simulation(verb, steer_simulation) }
end
for _, route in ipairs(routes) do
  route.status = 202
  route.response = route.path:find "^/v1/jobs" and "job" or "simulation"
end
return routes
