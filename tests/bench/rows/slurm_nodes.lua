-- Short jobs on a Slurm of many nodes, from handing them over to the last one's end: a sweep here, with every state in each
-- job's history, against `sbatch --array` of a script that does as little. Every node is a slurmd on this machine, which
-- is what both wait for most.
local batch = require "bench.lib.batch"
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local MOST_OF_ARRAY = 1000 -- what the sweep becomes arrays of
local POLL_MS = 500        -- how late the last end may be seen

local function ours(it)
  local simulation = it:simulation "nodes"
  local began = socket.gettime()
  own.post_sweep(it, simulation, scale.node_jobs, "cluster")
  local completed = it:finished(simulation).counts.COMPLETED
  local took = socket.gettime() - began
  if completed ~= scale.node_jobs then
    error(it:get("/v1/simulations/" .. simulation .. "/jobs?limit=1&state=FAILED,CANCELED").body)
  end
  return scale.node_jobs / took
end

local function theirs(rig)
  process.write(rig.directory .. "/script", "#!/bin/sh\nexec /bin/true\n")
  local began = socket.gettime()
  for first = 1, scale.node_jobs, MOST_OF_ARRAY do
    rig:run(("sbatch --parsable --no-requeue --export-file=/dev/null --chdir=/ --output=/dev/null --array=%d-%d %s/script")
      :format(first, math.min(first + MOST_OF_ARRAY - 1, scale.node_jobs), process.quote(rig.directory)))
  end
  process.eventually("the end of all", function()
    return rig:run "squeue --noheader --states=PENDING,RUNNING,COMPLETING | head -n 1" == ""
  end, 240)
  return scale.node_jobs / (socket.gettime() - began)
end

return function()
  local rig = batch.slurm.start(("--nodes %d --cpus 1"):format(scale.nodes))
  local it = batch.serve(batch.slurm, rig, ("poll_ms = %d"):format(POLL_MS))
  local seen = it:read("/v1/resources/cluster").nodes_total
  assert(seen == scale.nodes, ("%s nodes are seen"):format(seen))
  report.compared(("short jobs on %d nodes of Slurm, end to end"):format(scale.nodes), "rate",
    rounds.compare(function() return ours(it) end, function() return theirs(rig) end), "sbatch --array")
  it:stop()
  rig:stop()
end
