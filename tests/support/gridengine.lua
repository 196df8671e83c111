-- A private Grid Engine (tests/rigs/gridengine) for specs.
local crash = require "support.crash"
local process = require "support.process"
local rig = require "support.rig"

local gridengine = { title = "Grid Engine", plugin = "sge", master = "qmaster", node = "execd", submitter = "qsub",
  settings = 'options = { parallel_environment = "smp" },' }

---@param options string|nil of the script, such as "--slots 4"
function gridengine.start(options)
  return rig.start("gridengine", options, { qmaster = "qmaster/qmaster.pid", execd = "execd/*/execd.pid" })
end

---How many jobs it was ever given, by whomever, but for those that count here: it tells its last number only with a job.
function gridengine.given(it)
  local id = it:run "qsub -terse -h -o /dev/null -e /dev/null -b y true"
  it:run("qdel " .. id)
  it.counting = (it.counting or 0) + 1
  return tonumber(id) - it.counting
end

---Gives it a job that is not Orrery's, which stays for long → its id.
function gridengine.give_stranger(it) return it:run "qsub -terse -N stranger -o /dev/null -e /dev/null -b y sleep 600" end

---How the scheduler calls the state of a job | ""
function gridengine.state(it, id) return it:run(("qstat | awk '$1 == %s { print $5 }'"):format(id)) end

---Ends the master in order: killed, it may leave a job in transfer to its node for ever.
function gridengine.shut_down(it)
  local pid = it:pid "qmaster"
  it:run "qconf -km"
  process.eventually("the end of qmaster", function() return not crash.state(pid) end)
end

---Lets accounting know jobs only some seconds after they have left the queue, as it is where nobody has changed that.
function gridengine.flush_late(it)
  it:run(([[cd %s/conf && qconf -sconf | sed 1d | sed s/accounting_flush_time=00:00:00/accounting_flush_time=00:00:15/ >global &&
    qconf -Mconf global]]):format(it.directory))
end

return gridengine
