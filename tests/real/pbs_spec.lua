-- The plug-in `pbs`, a private OpenPBS, with and without its history of jobs, and a private Torque: what every scheduler must do,
-- and what OpenPBS does its way.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local kit = require "support.kit"
local pbs = require "support.pbs"
local torque = require "support.torque"

pbs.describe("OpenPBS", function()
  local rig
  setup(function() rig = pbs.start() end)
  teardown(function() if rig then rig:stop() end end)

  behaviour.of(function() return rig end, {
    scheduler = "pbs", queue = "main", open = "started", master = "pbs_server", settings = "",
    directives = "#!/bin/sh\n#PBS -J 1-3\n#PBS -N other\n#PBS -o /nonexistent/x\n",
    refusal = { attributes = { queue_name = "nowhere" } }, refused = "nknown queue",
    holds_elements = false,
    custom = { ["pbs.mem"] = "100mb" },
    everything = { resources = { process_count = 8 } },
    alter = { duration = 200, queue_name = "short" },
    altered = function(job) return rig:run("qstat -f " .. job.native_id) end,
    alterations = { "Resource_List.walltime = 00:03:20\n", "queue = short\n" },
    down = function() pbs.shut_down(rig) end,
    duration = 5,
    hurry = function() end,
    given = pbs.given,
  })

  it("tells of a job that no node will ever take, and gives it up", function()
    local s, _ <close> = behaviour.server(rig, "pbs", "stuck_ms = 1000,")
    local job = s:make("/v1/simulations/" .. s:simulation() .. "/jobs",
      { script = "true", resources = { process_count = 1000 } }).id
    local ended = s:job_in(job)
    assert.same({ "FAILED", "LAUNCH_FAILED" }, { ended.state, ended.reason })
    assert.matches("^Can Never Run", ended.message)
    crash.stop(s)
  end)
end)

pbs.describe("OpenPBS without history", function()
  local rig
  setup(function() rig = pbs.start "--no-history" end)
  teardown(function() if rig then rig:stop() end end)

  it("keeps the contract, as far as the conformance kit can tell", function()
    local result = kit.check("pbs", kit.extent, { before = rig:client() })
    assert.equal(0, result.code, result.out .. result.err)
  end)
end)

torque.describe("Torque", function()
  local rig
  setup(function() rig = torque.start() end)
  teardown(function() if rig then rig:stop() end end)

  it("keeps the contract, as far as the conformance kit can tell", function()
    local result = kit.check("pbs", kit.extent, { before = rig:client() })
    assert.equal(0, result.code, result.out .. result.err)
  end)
end)
