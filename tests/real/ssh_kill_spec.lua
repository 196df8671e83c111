-- The server, the connection that it submits over, or both, killed at the worst instants of submissions to schedulers that are
-- reached over ssh, and a network that stands still just then: each job has one native job, and runs once.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local crowd = require "support.crowd"
local far = require "support.far"
local process = require "support.process"
local sshd = require "support.sshd"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"
local ROUNDS = ALL and 10 or 2
local WORDS = ("%d submissions%s"):format(ROUNDS, ALL and "" or " (of 10)")

for _, scheduler in ipairs { far.of((require "support.slurm")), far.of((require "support.gridengine")) } do
  describe(scheduler.title, function()
    local rig
    setup(function() rig = scheduler.start() end)
    teardown(function() if rig then rig:stop() end end)

    -- Submits a crowd in each round, and does something at one of the instants of it.
    local function rounds(strike)
      local s, _ <close>, run = crowd.start(rig, scheduler)
      for round = 1, ROUNDS do
        crowd.instants[(round - 1) % #crowd.instants + 1](s, run)
        strike(s)
        crash.send("CONT", s.pid) -- one of the instants has it stand still
      end
      run.audit()
      crash.stop(s)
    end

    local function revive(s)
      crash.kill(s)
      s:restart()
    end

    it("runs each job once though the server is killed in " .. WORDS, function() rounds(revive) end)

    it("leaves no connection behind that had yet to come about when the server was killed", function()
      local s, _ <close> = behaviour.server(rig, scheduler.plugin, scheduler.settings)
      behaviour.await(s, "up")
      crash.kill(s)
      do
        local _ <close> = sshd.freeze(rig.host)
        for _ = 1, 2 do
          s:launch():ready()
          process.eventually("an ssh that waits", function() return #sshd.connected(rig.host) > 0 end)
          crash.kill(s)
        end
      end
      s:restart()
      behaviour.await(s, "up")
      crash.stop(s)
      process.eventually("the end of all connections", function() return #sshd.connected(rig.host) == 0 end)
    end)

    it("runs each job once though the connection is killed in " .. WORDS, function()
      rounds(function() sshd.kill_connected(rig.host) end)
    end)

    it("runs each job once though server and connection are killed in " .. WORDS, function()
      rounds(function(s)
        sshd.kill_connected(rig.host)
        revive(s)
      end)
    end)

    it("runs each job once though the network stands still in " .. WORDS .. ", and the server is killed then", function()
      local s, _ <close>, run = crowd.start(rig, scheduler, "timeout_ms = 3000,")
      for round = 1, ROUNDS do
        run.add(1)
        s:finished(run.simulation) -- it knows its way now
        do
          local _ <close> = sshd.freeze(rig.host)
          run.add(crowd.SIZE)
          crowd.await_submission(s)
          if round % 2 == 0 then process.run "sleep 1" end -- ssh has it, and waits
          revive(s)
          behaviour.await(s, "down")
        end
        behaviour.await(s, "up")
      end
      run.audit()
      crash.stop(s)
    end)
  end)
end
