-- A private Slurm (tests/rigs/slurm) for specs.
local rig = require "support.rig"

local slurm = { title = "Slurm", plugin = "slurm", master = "slurmctld", node = "slurmd", submitter = "sbatch", settings = "" }

---@param options string|nil of the script, such as "--nodes 4"
function slurm.start(options)
  return rig.start("slurm", options, { slurmctld = "run/slurmctld.pid", slurmdbd = "run/slurmdbd.pid",
    slurmd = "run/slurmd-n1.pid", munged = "run/munged.pid", mariadb = "run/mariadb.pid" })
end

---How many jobs it was ever given, by whomever; its first has a number as well.
function slurm.given(it) return tonumber(it:run("scontrol show config"):match "NEXT_JOB_ID%s*=%s*(%d+)") end

---Gives it a job that is not Orrery's, which stays for long → its id.
function slurm.give_stranger(it) return it:run "sbatch --parsable --job-name=stranger --output=/dev/null --wrap='sleep 600'" end

---How the scheduler calls the state of a job | ""
function slurm.state(it, id)
  return (it:run(("squeue --noheader --jobs=%s --Format=State 2>/dev/null || true"):format(id)):gsub("%s", ""))
end

---Ends the controller in order: killed, it forgets what it did in its last seconds, and ends the jobs it has forgotten.
function slurm.shut_down(it)
  it:run "scontrol shutdown slurmctld"
  it:await_end "slurmctld"
end

---Lets a node die, and come back.
function slurm.fail_node(it, node)
  it:run(("scontrol update NodeName=%s State=DOWN Reason=test"):format(node))
  it:run(("sleep 1; scontrol update NodeName=%s State=IDLE"):format(node))
end

---Lets it forget jobs soon after they have ended.
function slurm.forget_early(it)
  it:run(("sed -i s/^MinJobAge=.*/MinJobAge=2/ %s/etc/slurm.conf && scontrol reconfigure"):format(it.directory))
end

return slurm
