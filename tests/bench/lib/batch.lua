-- Batch systems as the rows need them: private ones (tests/rigs), whose queues take jobs and, when closed, start none;
-- servers of our own on them; and their own commands in a loop, as many at a time as the plug-ins run.
local gridengine = require "support.gridengine"
local own = require "bench.lib.own"
local process = require "support.process"
local slurm = require "support.slurm"
local socket = require "socket"

local batch = {}

local quote = process.quote

local MOST_SUBMITTED = 15000
local SIDE_BY_SIDE = 8 -- what `each` of the plug-ins does unless it is told otherwise

---@class batch.system
---@field scheduler string the plug-in
---@field start fun(options:string|nil):table a rig
---@field close string makes its queues keep what they get
---@field submit string the command that submits a script, with the plug-in's own options; of the script's path
---@field waiting string prints a line for each job that waits

---@type batch.system
batch.slurm = {
  scheduler = "slurm", start = slurm.start,
  close = "scontrol update PartitionName=main State=DOWN",
  submit = "sbatch --parsable --no-requeue --export-file=/dev/null --job-name=peer-{} --comment=job --chdir=/"
    .. " --input=/dev/null --output=/dev/null --error=/dev/null --time=60 %s",
  waiting = "squeue --noheader --array --states=PENDING",
}

---@type batch.system
batch.gridengine = {
  scheduler = "sge", start = gridengine.start,
  close = "qmod -d '*'",
  submit = "/usr/lib/gridengine/qsub -terse -C '' -N peer-{} -ac name=job -r n -m n -j n -S /bin/sh -wd / -i /dev/null"
    .. " -o /dev/null -e /dev/null -l h_rt=3600 %s",
  waiting = "qstat -s p | tail -n +3",
}

---The resource "cluster", as configuration.
---@param more string|nil further settings, as Lua text
function batch.resource(system, more)
  return ('resource "cluster" { scheduler = "%s", max_submitted = %d, %s }\n'):format(system.scheduler, MOST_SUBMITTED,
    more or "")
end

---A server of our own on a rig, once it has seen the scheduler.
---@param more string|nil of the resource's settings
function batch.serve(system, rig, more)
  local it = own.start { wrapper = rig:client(), resources = batch.resource(system, more) }
  process.eventually("a look at the scheduler", function() return it:read("/v1/resources/cluster").queues[1] end)
  return it
end

---Calls a function with a rig whose queues are closed; it gets one that nobody has used before → what it returns.
---@param options string|nil of the rig
function batch.with_closed(system, options, fn)
  local rig = system.start(options)
  rig:run(system.close)
  local result = fn(rig)
  rig:stop()
  return result
end

---So many jobs by themselves, as the body of a request.
function batch.jobs(count)
  local job = '{"executable":"/bin/true","arguments":["1"]}'
  return ('{"jobs":[%s]}'):format(job .. ("," .. job):rep(count - 1))
end

---Waits until so many jobs of a simulation are in a state → seconds since `began`
function batch.await(it, simulation, state, jobs, began)
  process.eventually(("%d jobs %s"):format(jobs, state), function()
    return it:read("/v1/simulations/" .. simulation).counts[state] == jobs
  end, 120)
  return socket.gettime() - began
end

---The script by which one of our jobs is submitted to Slurm, which can tell it. Grid Engine's is one word different.
function batch.script()
  return batch.with_closed(batch.slurm, nil, function(rig)
    local it = batch.serve(batch.slurm, rig)
    local job = it:make("/v1/simulations/" .. it:simulation() .. "/jobs", { executable = "/bin/true", arguments = { "1" } }).id
    local text = rig:run(("scontrol write batch_script %s -"):format(it:job_in(job, "QUEUED").native_id))
    it:stop()
    return text
  end)
end

---Submits a script so many times by the system's own command → jobs a second
function batch.submit(system, rig, script, jobs)
  local path = rig.directory .. "/script"
  process.write(path, script .. "\n")
  local began = socket.gettime()
  rig:run(("seq %d | xargs -P %d -I{} %s >/dev/null"):format(jobs, SIDE_BY_SIDE, system.submit:format(quote(path))))
  local took = socket.gettime() - began
  assert(tonumber(rig:run(system.waiting .. " | wc -l")) == jobs, "not all jobs were submitted")
  return jobs / took
end

return batch
