-- The plug-in `slurm` and a private Slurm: what every scheduler must do, and what Slurm does its way.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local process = require "support.process"
local slurm = require "support.slurm"

describe("Slurm", function()
  local rig
  setup(function() rig = slurm.start() end)
  teardown(function() if rig then rig:stop() end end)

  behaviour.of(function() return rig end, {
    scheduler = "slurm", queue = "main", master = "slurmctld", settings = "",
    directives = "#!/bin/sh\n#SBATCH --array=1-3\n#SBATCH --job-name=other\n#SBATCH --output=/nonexistent/x\n",
    refusal = { attributes = { queue_name = "nowhere" } }, refused = "invalid partition",
    custom = { ["slurm.nice"] = 5 },
    everything = { resources = { process_count = 16 } },
    alter = { duration = 200, queue_name = "short" },
    altered = function(job) return rig:run("scontrol show job " .. job.native_id) end,
    alterations = { "TimeLimit=00:04:00", "Partition=short" },
    down = function() -- in order: it may not yet have saved which jobs run, and then would kill them
      rig:run "scontrol shutdown slurmctld"
      rig:await_end "slurmctld"
    end,
    duration = 60,
    hurry = function(job) rig:run(("scontrol update JobId=%s EndTime=now+1"):format(job.native_id)) end,
    given = slurm.given,
  })

  it("tells of a job that no partition will ever take, and gives it up", function()
    local s, _ <close> = behaviour.server(rig, "slurm", "stuck_ms = 1000,")
    local job = s:make("/v1/simulations/" .. s:simulation() .. "/jobs",
      { script = "true", attributes = { queue_name = "short", duration = 3600 } }).id
    process.eventually("a reason", function() return s:read("/v1/jobs/" .. job).message == "PartitionTimeLimit" end)
    local ended = s:job_in(job)
    assert.same({ "FAILED", "LAUNCH_FAILED", "PartitionTimeLimit" }, { ended.state, ended.reason, ended.message })
    assert.matches("CANCELLED", rig:run("squeue --noheader --states=all --Format=State --jobs=" .. ended.native_id))
    crash.stop(s)
  end)
end)
