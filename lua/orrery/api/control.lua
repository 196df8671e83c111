-- Steering: what is wanted of a job or of all jobs of a simulation. The wish is recorded and answered 202; the control
-- worker makes it so.
local clock = require "house.clock"
local db = require "house.db"
local access = require "orrery.api.access"
local act = require "orrery.core.act"
local answer = require "orrery.api.answer"
local events = require "orrery.data.events"
local jobs = require "orrery.data.jobs"
local job_api = require "orrery.api.jobs"
local lifecycle = require "orrery.core.lifecycle"
local problem = require "orrery.api.problem"
local simulation_api = require "orrery.api.simulations"
local simulations = require "orrery.data.simulations"

-- The verb in the path, and what is wanted from then on.
local wishes = { cancel = "CANCEL", hold = "HOLD", release = "RUN", suspend = "SUSPEND", resume = "RUN" }

local function job_answer(key) return db.json(job_api.shape, jobs.one_any, key) end

local function illegal(verb, row)
  problem.raise("illegal-transition", ("The job is %s%s; %s is not possible."):format(row.state,
    row.wanted ~= "RUN" and " and " .. row.wanted .. " is wanted" or "", verb))
end

local function steer_job(verb)
  local wanted = wishes[verb]
  return function(context, id)
    local row = access.job(context, id)
    if not act.possible(wanted, row.state) or (row.wanted == "CANCEL" and wanted ~= "CANCEL") then illegal(verb, row) end
    local held_elsewhere = wanted == "RUN" and act.on(row).verb -- the scheduler's own doing: asking again makes sense
    if row.wanted == wanted and not held_elsewhere then return answer.json(202, job_answer(row.key)) end
    local change = db.change()
    jobs.want(change, row.key, wanted)
    events.append(change, clock.now(), "job.wanted", row.owner, row.simulation, row.key, { from = row.wanted, to = wanted })
    local ok, code, why = change:commit()
    if not ok and code == "conflict" then illegal(verb, access.job(context, id)) end -- it ended in between
    if not ok then problem.of_commit(code, why) end
    return answer.json(202, job_answer(row.key))
  end
end

local function submit_job(context, id)
  local row = access.job(context, id)
  if row.state ~= "NEW" then illegal("submit", row) end
  local batch = lifecycle.batch()
  batch:move(row, "PENDING", { reason = row.wanted ~= "RUN" and "HELD" or false })
  local ok, code, why = batch:commit()
  if not ok and code == "conflict" then illegal("submit", access.job(context, id)) end
  if not ok then problem.of_commit(code, why) end
  return answer.json(202, job_answer(row.key))
end

local function steer_simulation(verb)
  local wanted = wishes[verb]
  return function(context, id)
    local row = access.simulation(context, id)
    local change = db.change()
    simulations.want(change, row.key, wanted)
    events.append(change, clock.now(), "simulation.wanted", row.owner, row.key, nil, { from = row.wanted, to = wanted })
    local ok, code, why = change:commit()
    if not ok then problem.of_commit(code, why) end
    return answer.json(202, db.json(simulation_api.shape, simulations.one, row.key))
  end
end

-- Its jobs that are still NEW, a chunk at a time.
local function submit_simulation(context, id)
  local row, after = access.simulation(context, id), 0
  repeat
    local list, batch = jobs.of_simulation(row.key, after, 500), lifecycle.batch()
    for _, job in ipairs(list) do
      after = job.key
      if job.state == "NEW" then batch:move(job, "PENDING", { reason = job.wanted ~= "RUN" and "HELD" or false }) end
    end
    local ok, code, why = batch:commit()
    if not ok then problem.of_commit(code, why) end
  until #list < 500
  return answer.json(202, db.json(simulation_api.shape, simulations.one, row.key))
end

local routes = {
  { method = "POST", path = "/v1/jobs/{id}/submit", summary = "Submit a NEW job", handler = submit_job },
  { method = "POST", path = "/v1/simulations/{id}/submit", summary = "Submit all NEW jobs", handler = submit_simulation },
}
for verb in pairs(wishes) do
  local title = verb:sub(1, 1):upper() .. verb:sub(2)
  routes[#routes + 1] = { method = "POST", path = "/v1/jobs/{id}/" .. verb, summary = title .. " a job",
    handler = steer_job(verb) }
  routes[#routes + 1] = { method = "POST", path = "/v1/simulations/{id}/" .. verb,
    summary = title .. " all jobs of a simulation", handler = steer_simulation(verb) }
end
for _, route in ipairs(routes) do
  route.status = 202
  route.response = route.path:find "^/v1/jobs" and "job" or "simulation"
end
return routes
