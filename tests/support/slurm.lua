-- A private Slurm (tests/rigs/slurm) for specs.
local rig = require "support.rig"

local slurm = {}

---@param options string|nil of the script, such as "--nodes 4"
function slurm.start(options)
  return rig.start("slurm", options, { slurmctld = "run/slurmctld.pid", slurmdbd = "run/slurmdbd.pid",
    slurmd = "run/slurmd-n1.pid", munged = "run/munged.pid", mariadb = "run/mariadb.pid" })
end

return slurm
