-- Jobs that their scheduler has forgotten, so that only its accounting knows how they ended; it lags, stands still, and is
-- down. What ends is told as it was, or not yet: never as a guess.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local endings = require "support.endings"
local gridengine = require "support.gridengine"
local process = require "support.process"
local slurm = require "support.slurm"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"

local function add(s, simulation, spec) return s:make(("/v1/simulations/%s/jobs"):format(simulation), spec).id end

-- Takes the records away which jobs leave in their directories, so that only the scheduler can tell.
local function lose_records(s)
  local code, output = process.run("find " .. process.quote(s.data) .. " -name record -path '*/.orrery/*' -delete -print")
  assert.equal(0, code)
  assert.matches("record", output)
end

describe("Slurm's accounting", function()
  local rig
  setup(function()
    rig = slurm.start "--accounting"
    slurm.forget_early(rig)
  end)
  teardown(function() if rig then rig:stop() end end)

  local function start(settings) return behaviour.server(rig, "slurm", "timeout_ms = 3000," .. (settings or "")) end

  -- While no server runs, so that none sees in the queue how they end; nor do they leave records.
  local function await_forgotten(s)
    process.eventually("an empty queue", function() return rig:run "squeue --noheader --states=all" == "" end, 90)
    lose_records(s)
  end

  it("tells of jobs that ended while no server ran, those that left no record as well", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local jobs = endings.start(s, simulation, 4)
    local function native(job, state) return s:job_in(job, state).native_id end
    local elsewhere = { custom_attributes = { ["slurm.nodelist"] = "n2" } }
    local failed = add(s, simulation, { script = "sleep 300", attributes = elsewhere })
    local canceled = add(s, simulation, { script = "sleep 300" })
    native(failed, "ACTIVE")
    local running = native(canceled, "ACTIVE")
    local waiting = add(s, simulation, { script = "sleep 300", resources = { process_count = 16 } })
    local queued = native(waiting, "QUEUED")
    crash.kill(s)
    rig:run(("scancel %s %s"):format(running, queued))
    slurm.fail_node(rig, "n2")
    await_forgotten(s)
    s:restart()
    endings.check(s, jobs)
    assert.equal("CANCELED", s:job_in(canceled).state)
    assert.equal("CANCELED", s:job_in(waiting).state)
    assert.same({ "FAILED", "NODE_FAIL" }, { s:job_in(failed).state, s:job_in(failed).reason })
    crash.stop(s)
  end)

  -- Jobs end and are forgotten while accounting is as `break_it` makes it, which is put right by `mend`.
  local function broken(break_it, mend)
    local s, _ <close> = start()
    local jobs = endings.start(s, s:simulation(), 4)
    break_it()
    local _ <close> = setmetatable({}, { __close = mend })
    crash.kill(s)
    await_forgotten(s)
    s:restart()
    assert.matches("accounting does not answer", behaviour.await(s, "degraded").message)
    for _, job in ipairs(jobs) do assert.equal("ACTIVE", s:read("/v1/jobs/" .. job).state) end
    mend()
    endings.check(s, jobs)
    crash.stop(s)
  end

  for _, daemon in ipairs(ALL and { "mariadb", "slurmdbd" } or {}) do
    it(("is waited for while %s stands still"):format(daemon), function()
      broken(function() rig:freeze(daemon) end, function() rig:thaw(daemon) end)
    end)
  end

  local times = ALL and 5 or 1
  it(("is waited for while it is down, and lags behind when it is back, %d times%s")
    :format(times, ALL and "" or " (of 5)"), function()
    for _ = 1, times do broken(function() rig:kill "slurmdbd" end, function() rig:revive() end) end
  end)
end)

describe("Grid Engine's accounting", function()
  local rig
  setup(function() rig = gridengine.start() end)
  teardown(function() if rig then rig:stop() end end)

  local function start(settings) return behaviour.server(rig, "sge", gridengine.settings .. (settings or "")) end
  local function is_known(id) return (process.run((". %s/env.sh; qacct -j %s"):format(rig.directory, id))) == 0 end

  it("is not believed when it tells of success after a job was deleted by force, or says nothing of one that waited", function()
    local s, _ <close> = start "lost_ms = 2000,"
    local simulation = s:simulation()
    local running = add(s, simulation, { script = "sleep 300" })
    local id = s:job_in(running, "ACTIVE").native_id
    rig:freeze "execd"
    local _ <close> = setmetatable({}, { __close = function() rig:thaw "execd" end })
    local all = { script = "true", resources = { process_count = 8 }, attributes = { queue_name = "main.q" } }
    local waiting = add(s, simulation, all)
    rig:run(("qdel %s; qdel -f %s"):format(s:job_in(waiting, "QUEUED").native_id, id))
    assert.matches("failed +0.*exit_status +0", rig:run("qacct -j " .. id))
    for _, job in ipairs { running, waiting } do
      local ended = s:job_in(job)
      assert.same({ "FAILED", "LOST" }, { ended.state, ended.reason })
    end
    rig:thaw "execd"
    crash.stop(s)
  end)

  it("is waited for when jobs have left the queue before it knows them", function()
    gridengine.flush_late(rig)
    local s, _ <close> = start()
    local jobs = endings.start(s, s:simulation(), 3)
    local id = s:read("/v1/jobs/" .. jobs[2]).native_id
    crash.kill(s)
    process.eventually("an empty queue", function() return rig:run "qstat" == "" end)
    assert.is_false(is_known(id))
    lose_records(s)
    s:restart()
    process.eventually("a look at it", function() return s:read "/v1/resources/cluster".state == "up" end)
    for _, job in ipairs(jobs) do assert.equal("ACTIVE", s:read("/v1/jobs/" .. job).state) end
    endings.check(s, jobs)
    assert.is_true(is_known(id))
    crash.stop(s)
  end)
end)
