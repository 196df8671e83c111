-- The server, or the commands that it submits with, killed at the worst instants of submissions to real schedulers, which
-- may stand still at that time: each job has one native job, and runs once.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local gridengine = require "support.gridengine"
local process = require "support.process"
local slurm = require "support.slurm"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"
local CROWD = 12 -- jobs that are added at once

-- Jobs on a server, of which each is counted when it runs; and how many native jobs there are.
local function start(rig, scheduler, settings)
  local s, guard = behaviour.server(rig, scheduler.plugin, scheduler.settings .. (settings or ""))
  behaviour.await(s, "up")
  local run = { simulation = s:simulation(), count = 0 }
  local before = scheduler.given(rig)
  function run.natives() return scheduler.given(rig) - before end
  function run.add(count)
    local jobs = {}
    for i = 1, count do jobs[i] = crash.counted(s) end
    s:make(("/v1/simulations/%s/jobs"):format(run.simulation), { jobs = jobs }, { status = 207 })
    run.count = run.count + count
  end
  function run.sweep(count)
    s:make(("/v1/simulations/%s/sweeps"):format(run.simulation), { template = crash.counted_template(s, "exit $((@n * 0))"),
      parameters = { n = { from = 1, to = count, step = 1 } } })
    run.count = run.count + count
  end
  function run.recorded() return tonumber(s:sql "SELECT count(*) FROM jobs WHERE native_id IS NOT NULL") end
  -- Each ran once, of one native job.
  function run.audit()
    assert.equal(0, crash.audit(s, run.simulation, run.count))
    assert.equal(run.count, run.natives())
  end
  return s, guard, run
end

local function await_submission(s)
  process.eventually("a submission", function() return crash.submitting(s) > 0 end)
end

-- The instants at which the server is killed, each reached before it returns.
local instants = {
  function(s, run) -- attempts are on record, and little else
    run.add(CROWD)
    await_submission(s)
  end,
  function(s, run) -- there is a native job which the database does not have yet
    run.add(CROWD)
    process.eventually("a native job that is not on record", function()
      if crash.submitting(s) == 0 then run.add(1) end
      await_submission(s)
      crash.signal("STOP", s.pid)
      if run.natives() > run.recorded() then return true end
      crash.signal("CONT", s.pid)
    end)
  end,
  function(_, run) -- half of them are known
    local before = run.recorded()
    run.add(CROWD)
    process.eventually("half of them", function() return run.recorded() >= before + CROWD // 2 end)
  end,
}

-- The commands that the server submits with at this moment.
local function submitters(s, name)
  local _, pids = process.run(("pgrep --parent %d --exact %s"):format(s.pid, name))
  return pids:gmatch "%d+"
end

-- One of them that has reached its scheduler as far as it can, and waits for its answer.
local function await_submitter(s, name)
  return process.eventually("a command that submits", function()
    for pid in submitters(s, name) do
      local code = process.run(("ls -l /proc/%s/fd | grep -q socket:"):format(pid))
      if code == 0 and crash.state(tonumber(pid)) == "S" then return tonumber(pid) end
    end
  end)
end

for _, scheduler in ipairs { slurm, gridengine } do
  describe(scheduler.title, function()
    local rig
    setup(function() rig = scheduler.start() end)
    teardown(function() if rig then rig:stop() end end)

    -- Lets it stand still when nobody asks anything of it, so that a submission is what it is asked next; a guard that wakes it.
    local function frozen(s, run)
      if run.count > 0 then s:finished(run.simulation) end
      process.eventually("an answer", function() return s:read "/v1/resources/cluster".state ~= "down" end)
      rig:freeze(scheduler.master)
      return setmetatable({}, { __close = function() rig:thaw(scheduler.master) end })
    end

    local kills, commands = ALL and 10 or #instants, ALL and 10 or 2
    it(("runs each job once though the server is killed in %d submissions%s"):format(kills, ALL and "" or " (of 10)"), function()
      local s, _ <close>, run = start(rig, scheduler)
      for round = 1, kills do
        instants[(round - 1) % #instants + 1](s, run)
        crash.kill(s)
        s:restart()
      end
      run.audit()
      crash.stop(s)
    end)

    it(("runs each element of an array once though the server is killed in %d submissions%s"):format(commands,
      ALL and "" or " (of 10)"), function()
      local s, _ <close>, run = start(rig, scheduler)
      for round = 1, commands do
        local before, release = run.natives(), nil
        do
          local _ <close> = frozen(s, run)
          run.sweep(CROWD)
          await_submission(s)
          if round % 2 == 1 then crash.kill(s) else release = crash.lock(s) end
        end
        if release then -- it comes to the scheduler, but not on record
          process.eventually("a native array", function() return run.natives() > before end)
          crash.kill(s)
          release()
        end
        s:restart()
      end
      assert.equal(0, crash.audit(s, run.simulation, run.count))
      assert.equal(tostring(commands), s:sql "SELECT count(DISTINCT submission) FROM jobs WHERE element IS NOT NULL")
      crash.stop(s)
    end)

    it(("runs a job once whose submitting command is killed, %d times%s"):format(commands, ALL and "" or " (of 10)"), function()
      local s, _ <close>, run = start(rig, scheduler, "timeout_ms = 20000,")
      for round = 1, commands do
        local _ <close> = frozen(s, run)
        run.add(1)
        crash.signal("KILL", await_submitter(s, scheduler.submitter))
        if round % 2 == 0 then run.add(1) end
      end
      run.audit()
      crash.stop(s)
    end)

    local freezes = ALL and 5 or 1
    it(("runs a job once that was submitted while it stood still, and the server was killed, %d times%s")
      :format(freezes, ALL and "" or " (of 5)"), function()
      local s, _ <close>, run = start(rig, scheduler, "timeout_ms = 3000,")
      for _ = 1, freezes do
        do
          local _ <close> = frozen(s, run)
          run.add(3)
          await_submitter(s, scheduler.submitter)
          crash.kill(s)
          s:restart()
          behaviour.await(s, "down")
          crash.kill(s)
        end
        s:restart()
      end
      run.audit()
      crash.stop(s)
    end)
  end)
end

describe("A controller of Slurm that is killed, and forgets its last seconds,", function()
  local kills = ALL and 10 or 1
  it(("makes no job run twice, and none end as it did not, %d times%s"):format(kills, ALL and "" or " (of 10)"), function()
    local rig <close> = slurm.start()
    local s, _ <close>, run = start(rig, slurm, "lost_ms = 3000,")
    for round = 1, kills do
      instants[round % 2 == 1 and 3 or 1](s, run)
      rig:kill "slurmctld"
      rig:revive()
    end
    s:finished(run.simulation)
    local times = crash.read_runs(s)
    for _, job in ipairs(s:all(("/v1/simulations/%s/jobs?limit=1000"):format(run.simulation))) do
      local ran = times[job.id] or 0
      if job.state == "COMPLETED" then assert.equal(1, ran)
      else assert.same({ "FAILED", "LOST" }, { job.state, job.reason }, job.message) end
      assert.is_true(ran <= 1)
    end
    crash.stop(s)
  end)
end)
