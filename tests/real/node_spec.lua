-- Nodes that die, and jobs that an operator puts back into the queue: what the scheduler does with a job is told as it is,
-- and only who asks for it has a job tried again.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local process = require "support.process"
local slurm = require "support.slurm"

describe("Slurm", function()
  local rig
  setup(function() rig = slurm.start() end)
  teardown(function() if rig then rig:stop() end end)

  -- A job that is counted, and runs on the first node until it is told to end.
  local function add(s, simulation, more)
    local job = crash.counted(s, ("until [ -e %s/end ]; do sleep 0.1; done"):format(s.directory))
    job.attributes = { custom_attributes = { ["slurm.nodelist"] = "n1" } }
    for name, value in pairs(more or {}) do job[name] = value end
    local id = s:make(("/v1/simulations/%s/jobs"):format(simulation), job).id
    s:job_in(id, "ACTIVE")
    crash.await_runs(s, 1)
    return id
  end

  local function finish(s) process.write(s.directory .. "/end", "") end

  it("loses a node: its job has failed by that", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    local before = slurm.given(rig)
    local job = add(s, s:simulation())
    slurm.fail_node(rig, "n1")
    local ended = s:job_in(job)
    assert.same({ "FAILED", "NODE_FAIL", "NODE_FAIL" }, { ended.state, ended.reason, ended.native_state })
    assert.same({ 1, before + 1 }, { crash.runs(s), slurm.given(rig) })
    crash.stop(s)
  end)

  it("loses a node: a job that may be tried again for that is", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    local before = slurm.given(rig)
    local job = add(s, s:simulation(), { retries = { count = 1, reasons = { "NODE_FAIL" } } })
    local first = s:read("/v1/jobs/" .. job).native_id
    slurm.fail_node(rig, "n1")
    crash.await_runs(s, 2)
    finish(s)
    local ended = s:job_in(job)
    assert.same({ "COMPLETED", 2 }, { ended.state, ended.attempt })
    assert.is_true(ended.native_id ~= first)
    local _, attempts = crash.read_runs(s)
    assert.same({ 2, before + 2, { [job] = 2 } }, { crash.runs(s), slurm.given(rig), attempts })
    crash.stop(s)
  end)

  it("has a running job put back into the queue by an operator: it is the same attempt that waits, and runs again", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    local before = slurm.given(rig)
    local job = add(s, s:simulation())
    local id = s:read("/v1/jobs/" .. job).native_id
    rig:run(("scontrol update JobId=%s Requeue=1 && scontrol requeue %s"):format(id, id))
    s:job_in(job, "QUEUED")
    -- Slurm has it wait for two minutes. A node takes a start in the second of the requeue for one of the job that it has
    -- just ended ("Job credential revoked"), and Slurm has the job fail by that: not so soon.
    rig:run(("scontrol update JobId=%s StartTime=now+3"):format(id))
    crash.await_runs(s, 2)
    s:job_in(job, "ACTIVE")
    finish(s)
    local ended = s:job_in(job)
    assert.same({ "COMPLETED", 1, id }, { ended.state, ended.attempt, ended.native_id })
    assert.same({ 2, before + 1 }, { crash.runs(s), slurm.given(rig) })
    local steps = {}
    for _, event in ipairs(s:all("/v1/jobs/" .. job .. "/history")) do steps[#steps + 1] = event.to end
    assert.matches("ACTIVE QUEUED ACTIVE COMPLETED$", table.concat(steps, " "))
    crash.stop(s)
  end)
end)
