-- Handing jobs to batch systems, from the request to the last of them QUEUED: jobs by themselves, against the system's own
-- command with the same script and options, as many at a time; and a sweep, which becomes arrays, against the same.
-- Every measurement has a scheduler of its own, fresh and with its queues closed, so that nothing runs meanwhile.
local batch = require "bench.lib.batch"
local own = require "bench.lib.own"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

-- The rate of so many jobs that `post(it, simulation)` asks for.
local function rate_of(system, jobs, post)
  return batch.with_closed(system, nil, function(rig)
    local it = batch.serve(system, rig)
    local simulation = it:simulation "submit"
    local began = socket.gettime()
    post(it, simulation)
    local rate = jobs / batch.await(it, simulation, "QUEUED", jobs, began)
    it:stop()
    return rate
  end)
end

local function post_jobs(it, simulation)
  it:make("/v1/simulations/" .. simulation .. "/jobs", batch.jobs(scale.submitted_jobs), { status = 207 })
end

local function post_sweep(it, simulation) own.post_sweep(it, simulation, scale.array_jobs, "cluster") end

local function compare(system, name, command, script)
  local function theirs()
    return batch.with_closed(system, nil, function(rig) return batch.submit(system, rig, script, scale.submitted_jobs) end)
  end
  report.compared(("jobs accepted by %s"):format(name), "rate", rounds.compare(function()
    return rate_of(system, scale.submitted_jobs, post_jobs)
  end, theirs), command, { least = 0.95 })
  report.compared(("  as a sweep of %d"):format(scale.array_jobs), "rate", rounds.compare(function()
    return rate_of(system, scale.array_jobs, post_sweep)
  end, theirs), command, { least = 5 })
end

return function()
  local script = batch.script()
  compare(batch.slurm, "Slurm", "sbatch, 8 at a time", script)
  compare(batch.gridengine, "Grid Engine", "qsub, 8 at a time", script)
end
