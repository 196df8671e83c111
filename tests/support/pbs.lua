-- A private OpenPBS (tests/rigs/openpbs) for specs, where one is installed. It takes no jobs from root, who alone can start it:
-- so its clients, and servers under test, run as its account.
local crash = require "support.crash"
local installed = require "support.installed"
local process = require "support.process"
local rig = require "support.rig"

local pbs = { title = "OpenPBS", plugin = "pbs", master = "pbs_server", node = "pbs_mom", submitter = "qsub", settings = "" }

local quote = process.quote

---`describe`, where there is one.
function pbs.describe(title, body) installed.describe("openpbs", title, body) end

---@param options string|nil of the script, such as "--no-history"
function pbs.start(options)
  local it = rig.start("openpbs", options, { pbs_server = "home/server_priv/server.lock", pbs_mom = "home/mom_priv/mom.lock",
    pbs_sched = "home/sched_priv/sched.lock", pbs_comm = "home/server_priv/comm.lock" }, "/run")
  it.account = it:run(("stat -c %%U %s/account"):format(it.directory))
  return it
end

-- Runs a shell command as its account, in its home → its output.
local function as_account(it, command)
  return it:run(("cd %s/account && exec runuser -u \"$(stat -c %%U .)\" -- sh -c %s"):format(it.directory, quote(command)))
end

---How many jobs it was ever given, by whomever, but for those that count here: it tells its last number only with a job.
function pbs.given(it)
  local id = as_account(it, "echo true | qsub -f -h -o /dev/null -j oe")
  it:run("qdel " .. id)
  it.counting = (it.counting or 0) + 1
  return tonumber(id:match "^%d+") - it.counting
end

---Gives it a job that is not Orrery's, which stays for long → its id.
function pbs.give_stranger(it)
  return as_account(it, "echo sleep 600 | qsub -f -N stranger -o /dev/null -j oe")
end

---How the scheduler calls the state of a job | ""
function pbs.state(it, id)
  return it:run(("qstat -x -f %s 2>/dev/null | sed -n 's/^ *job_state = //p'"):format(quote(id)))
end

---Ends the server in order, and leaves the jobs to their nodes.
function pbs.shut_down(it)
  local pid = it:pid "pbs_server"
  it:run "qterm"
  process.eventually("the end of pbs_server", function() return not crash.state(pid) end)
end

return pbs
