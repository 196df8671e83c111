-- The server, or the commands that it submits with, killed at the worst instants of submissions to real schedulers, which
-- may stand still at that time: each job has one native job, and runs once.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local crowd = require "support.crowd"
local gridengine = require "support.gridengine"
local pbs = require "support.pbs"
local process = require "support.process"
local slurm = require "support.slurm"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"

-- Whether the server runs any command at this moment.
local function has_commands(s) return (process.run("pgrep --parent " .. s.pid)) == 0 end

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

for _, scheduler in ipairs { slurm, gridengine, pbs } do
  (scheduler.describe or describe)(scheduler.title, function()
    local rig
    setup(function() rig = scheduler.start() end)
    teardown(function() if rig then rig:stop() end end)

    -- Lets it stand still when nobody asks anything of it, so that a submission is what it is asked next; a guard that wakes it.
    local function frozen(s, run)
      if run.count > 0 then s:finished(run.simulation) end
      process.eventually("a moment at which it is up, and nobody asks", function()
        if s:read "/v1/resources/cluster".state == "down" or has_commands(s) then return false end
        rig:freeze(scheduler.master)
        if not has_commands(s) then return true end
        rig:thaw(scheduler.master)
      end)
      return setmetatable({}, { __close = function() rig:thaw(scheduler.master) end })
    end

    local kills, commands = ALL and 10 or #crowd.instants, ALL and 10 or 2
    it(("runs each job once though the server is killed in %d submissions%s"):format(kills, ALL and "" or " (of 10)"), function()
      local s, _ <close>, run = crowd.start(rig, scheduler)
      for round = 1, kills do
        crowd.instants[(round - 1) % #crowd.instants + 1](s, run)
        crash.kill(s)
        s:restart()
      end
      run.audit()
      crash.stop(s)
    end)

    it(("runs each element of an array once though the server is killed in %d submissions%s"):format(commands,
      ALL and "" or " (of 10)"), function()
      local s, _ <close>, run = crowd.start(rig, scheduler)
      for round = 1, commands do
        local before, release = run.natives(), nil
        do
          local _ <close> = frozen(s, run)
          run.sweep(crowd.SIZE)
          crowd.await_submission(s)
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
      local s, _ <close>, run = crowd.start(rig, scheduler, "timeout_ms = 20000,")
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
      local s, _ <close>, run = crowd.start(rig, scheduler, "timeout_ms = 3000,")
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
    local s, _ <close>, run = crowd.start(rig, slurm, "lost_ms = 3000,")
    for round = 1, kills do
      crowd.instants[round % 2 == 1 and 3 or 1](s, run)
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
