-- Daemons of a real scheduler that end and come back while jobs run; and a scheduler that is set up anew, so that its ids
-- begin again: jobs end as they did, and nobody else's is taken for one of ours.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local endings = require "support.endings"
local process = require "support.process"
local slurm = require "support.slurm"

local function add(s, simulation, script)
  return s:make(("/v1/simulations/%s/jobs"):format(simulation), { script = script }).id
end

for _, scheduler in ipairs { slurm, (require "support.gridengine") } do
  describe(scheduler.title, function()
    local rig
    setup(function() rig = scheduler.start() end)
    teardown(function() if rig then rig:stop() end end)

    local function start(settings) return behaviour.server(rig, scheduler.plugin, scheduler.settings .. (settings or "")) end

    -- Jobs that end while something is down.
    local function interrupted(begin)
      local s, _ <close> = start "timeout_ms = 4000,"
      local jobs = endings.start(s, s:simulation(), 3)
      local before = scheduler.given(rig)
      begin()
      process.run "sleep 3"
      rig:revive()
      endings.check(s, jobs)
      assert.equal(before, scheduler.given(rig))
      crash.stop(s)
    end

    it("restarts its nodes' daemons while jobs run, which end as they did", function()
      interrupted(function() rig:kill(scheduler.node) end)
    end)

    it("restarts as a whole while jobs run, which end as they did", function()
      interrupted(function()
        scheduler.shut_down(rig)
        rig:kill(scheduler.node)
      end)
    end)

    it("is set up anew: jobs that went with it are lost, and the strangers that got their ids are left alone", function()
      local s, _ <close> = start "lost_ms = 3000,"
      local simulation = s:simulation()
      rig:renew()
      local lost, canceled = add(s, simulation, "sleep 300"), add(s, simulation, "sleep 300")
      local ids = { s:job_in(lost, "ACTIVE").native_id, s:job_in(canceled, "ACTIVE").native_id }
      rig:renew()
      local strangers = {}
      repeat strangers[#strangers + 1] = scheduler.give_stranger(rig)
      until tonumber(strangers[#strangers]) >= math.max(tonumber(ids[1]), tonumber(ids[2]))
      s:post(("/v1/jobs/%s/cancel"):format(canceled))
      assert.same({ "FAILED", "LOST" }, { s:job_in(lost).state, s:job_in(lost).reason })
      assert.equal("CANCELED", s:job_in(canceled).state)
      for _, id in ipairs(ids) do assert.matches("^[Rrt]", scheduler.state(rig, id)) end
      assert.equal("COMPLETED", s:job_in(add(s, simulation, "exit 0")).state)
      crash.stop(s)
    end)

    it("is set up anew, and gives a new job the id of one that is still missed: both are told apart", function()
      local s, _ <close> = start "lost_ms = 6000,"
      local simulation = s:simulation()
      rig:renew()
      local old = add(s, simulation, "sleep 300")
      local id = s:job_in(old, "ACTIVE").native_id
      rig:renew()
      local new = s:make(("/v1/simulations/%s/jobs"):format(simulation), crash.counted(s)).id
      assert.equal("LOST", s:job_in(old).reason)
      local ended = s:job_in(new)
      assert.same({ "COMPLETED", id, 1 }, { ended.state, ended.native_id, ended.attempt })
      assert.equal(1, crash.runs(s))
      crash.stop(s)
    end)
  end)
end
