-- A private Torque (tests/rigs/torque) for specs, where one is installed. It takes no jobs from root, who alone can start it: so
-- its clients, and servers under test, run as its account.
local installed = require "support.installed"
local rig = require "support.rig"

local torque = { title = "Torque", plugin = "pbs", master = "pbs_server", node = "pbs_mom", submitter = "qsub", settings = "" }

---`describe`, where there is one.
function torque.describe(title, body) installed.describe("torque", title, body) end

---@param options string|nil of the script, such as "--forget 5"
function torque.start(options)
  local it = rig.start("torque", options, { pbs_server = "home/server_priv/server.lock", pbs_mom = "home/mom_priv/mom.lock",
    pbs_sched = "home/sched_priv/sched.lock" }, "/run")
  it.account = it:run(("stat -c %%U %s/account"):format(it.directory))
  return it
end

return torque
