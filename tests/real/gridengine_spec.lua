-- The plug-in `sge` and a private Grid Engine: what every scheduler must do, and what Grid Engine does its way.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local gridengine = require "support.gridengine"
local process = require "support.process"

local SETTINGS = 'options = { parallel_environment = "smp" },'

describe("Grid Engine", function()
  local rig
  setup(function() rig = gridengine.start() end)
  teardown(function() if rig then rig:stop() end end)

  behaviour.of(function() return rig end, {
    scheduler = "sge", queue = "main.q", master = "qmaster", settings = SETTINGS,
    directives = "#!/bin/sh\n#$ -t 1-3\n#$ -N other\n#$ -o /nonexistent/x\n",
    refusal = { attributes = { queue_name = "nowhere" } }, refused = "unknown queue",
    custom = { ["sge.p"] = -5 },
    everything = { resources = { process_count = 8, memory = 1 << 30 }, attributes = { queue_name = "main.q" } },
    alter = { duration = 200, queue_name = "main.q" },
    altered = function(job) return rig:run("qstat -j " .. job.native_id) end,
    alterations = { "hard resource_list: +h_rt=200,h_vmem=134217728\n", "hard_queue_list: +main.q\n" },
    down = function() rig:kill "qmaster" end,
    duration = 2, hurry = function() end,
    given = gridengine.given,
  })

  it("tells why a job is in error, and gives it up", function()
    local s, _ <close> = behaviour.server(rig, "sge", SETTINGS .. "stuck_ms = 1000,")
    local simulation = s:simulation()
    local all = { resources = { process_count = 8 }, attributes = { queue_name = "main.q" }, script = "sleep 300" }
    local first = s:make(("/v1/simulations/%s/jobs"):format(simulation), all).id
    s:job_in(first, "ACTIVE")
    local second = s:make(("/v1/simulations/%s/jobs"):format(simulation), all).id
    rig:run(("qalter -wd /nowhere %s"):format(s:job_in(second, "QUEUED").native_id))
    s:post(("/v1/jobs/%s/cancel"):format(first))
    process.eventually("a reason", function()
      local job = s:read("/v1/jobs/" .. second)
      return job.native_state == "Eqw" and tostring(job.message):find "^error: can't chdir to /nowhere"
    end)
    local ended = s:job_in(second)
    assert.same({ "FAILED", "LAUNCH_FAILED" }, { ended.state, ended.reason })
    assert.matches("can't chdir to /nowhere", ended.message)
    assert.equal("", rig:run "qstat -s prs")
    crash.stop(s)
  end)
end)
