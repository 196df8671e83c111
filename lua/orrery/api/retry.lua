-- Trying an ended job again, because its owner wants it: a new attempt of the same job, which keeps its history. What it
-- depends on is looked at as for a new job. Those that failed because of it stay as they are.
local db = require "house.db"
local access = require "orrery.api.access"
local act = require "orrery.core.job.act"
local answer = require "orrery.api.answer"
local data = require "orrery.data.jobs"
local dependencies = require "orrery.api.dependencies"
local fitting = require "orrery.api.fitting"
local job_api = require "orrery.api.jobs"
local kind_of = require "orrery.core.job.kind"
local lifecycle = require "orrery.core.job.lifecycle"
local limits = require "orrery.data.limits"
local problem = require "orrery.api.problem"
local removals = require "orrery.data.removals"
local retry = require "orrery.core.job.retry"
local simulations = require "orrery.data.simulations"
local spec = require "orrery.core.job.spec"
local specification = require "orrery.core.job.specification"
local sweeps = require "orrery.data.sweeps"
local waiting = require "orrery.data.waiting"

local function ended_job(context, id)
  local row = access.job(context, id)
  if not lifecycle.ended[row.state] then
    problem.raise("illegal-transition", ("The job is %s; only one that has ended can be tried again."):format(row.state))
  end
  return row
end

-- The row as it will be, as JSON.
local function text_of(row, fields, waits)
  local shown = db.row(data.one_any, row.key)
  for name, value in pairs(fields) do shown[name] = value or nil end
  shown.state = row.state
  shown.reason = data.waits_for { state = row.state, wanted = row.wanted, waits = waits, gate = fields.gate }
  return job_api.shape:text(shown)
end

local function try_again(context, id)
  return answer.once(context, function(finish)
    local row = ended_job(context, id)
    local simulation, source = simulations.get(row.simulation), data.specification(row.key)
    local job, who = specification.of(source), fitting.who(context, simulation, source.may_run_as)
    who.job = id
    if row.resource then fitting.must_run(row.resource, who) end
    local batch, fields = lifecycle.batch(), retry.fresh()
    fields.wanted, fields.steer = act.of_new(simulation.wanted), 0
    fields.retries, fields.let_through = spec.retries(job), 0
    fields.may_run_as, fields.kind = who.may_run_as, kind_of(job, who.may_run_as)
    fields.gate = limits.gate_of(simulation, row.sweep and sweeps.get(row.sweep)) or false
    simulations.touch_as(batch.change, simulation)
    batch:move(row, "PENDING", fields)
    waiting.unended(batch.change, row.key)
    removals.done(batch.change, row.key) -- its directory will be used again
    local waits = dependencies.add_again(batch.change, job, row.key)
    return finish(batch:settle(), 202, nil, text_of(row, fields, waits))
  end, function() ended_job(context, id) end) -- somebody else was faster
end

return {
  { method = "POST", path = "/v1/jobs/{id}/retry", rpc = "jobs.retry", summary = "Try an ended job again", status = 202,
    handler = try_again, response = "job" },
}
