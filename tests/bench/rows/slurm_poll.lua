-- Many jobs wait at Slurm, and are looked at every second. What others notice of it, and what one look costs in processor
-- time, all that the server does with what squeue says included, against that of squeue alone.
local batch = require "bench.lib.batch"
local bystanders = require "bench.lib.bystanders"
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local POLL_MS, HASTE_MS = 1000, 100 -- the latter to see many of them
local LOOKS = 30

local SQUEUE = "squeue --me --noheader --array --all --states=all"
  .. " '--Format=JobArrayID:|,State:|,Reason:|,exit_code:|,StartTime:|,EndTime:|,Name:<0123456789abcdef>'"

local function make_busy(it)
  local simulation = it:simulation "crowd"
  local began = socket.gettime()
  own.post_sweep(it, simulation, scale.active_jobs, "cluster")
  batch.await(it, simulation, "QUEUED", scale.active_jobs, began)
end

-- How often Slurm was asked for its jobs to look at them; who looks at the scheduler itself asks for its nodes, too.
local function looks(rig)
  local text = rig:run "sdiag"
  local function count(name) return tonumber(text:match(name .. " +%( *%d+%) count:(%d+)") or 0) end
  return count "REQUEST_JOB_INFO" - count "REQUEST_NODE_INFO"
end

local function look_ms(it, rig)
  local first, spent = looks(rig), own.processor_ms(it)
  process.eventually("looks", function() return looks(rig) - first >= LOOKS end)
  return (own.processor_ms(it) - spent) / (looks(rig) - first)
end

local function squeue_ms(rig)
  local text = rig:run(("for i in $(seq %d); do %s >/dev/null; done; times"):format(LOOKS, SQUEUE))
  local user, system = text:match "0m([%d.]+)s 0m([%d.]+)s%s*$" -- of ended children
  return (user + system) * 1000 / LOOKS
end

local function resources(poll_ms) return batch.resource(batch.slurm, ("poll_ms = %d"):format(poll_ms)) end

local function run(rig)
  local function start() return bystanders.start { wrapper = rig:client(), resources = resources(POLL_MS) } end
  local busy, quiet = start(), start()
  make_busy(busy)
  print(("While %d jobs that wait at Slurm are polled every %d ms; the budget is for the difference:"):format(
    scale.active_jobs, POLL_MS))
  bystanders.compare(busy, quiet)
  quiet:stop()
  busy:stop(true)
  busy:restart { resources = resources(HASTE_MS) .. own.LOCAL }
  report.compared("  processor time of a look at them", "ms", rounds.compare(function() return look_ms(busy, rig) end,
    function() return squeue_ms(rig) end), "squeue alone")
  busy:stop()
end

return function() batch.with_closed(batch.slurm, nil, run) end
