-- A real scheduler that stands still or is gone while many jobs arrive and run: nothing is lost and nothing is doubled, and
-- whoever does not need it notices nothing.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local socket = require "socket"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"
local SECONDS = ALL and 60 or 10
local JOBS = ALL and 400 or 40
local RESOURCES = [[
  resource "cluster" { scheduler = %q, poll_ms = 500, timeout_ms = 4000, %s }
  resource "local" { scheduler = "local", poll_ms = 500, options = { linger = 1, kill_grace = 1, cores = 2 } }
]]

local function add(s, simulation, count, resource)
  local jobs = {}
  for i = 1, count do
    jobs[i] = crash.counted(s)
    jobs[i].resource = resource
  end
  s:make(("/v1/simulations/%s/jobs"):format(simulation), { jobs = jobs }, { status = 207 })
end

-- How long something takes, in milliseconds: the median and the 99th percentile of what is told.
local function percentiles(times)
  table.sort(times)
  return ("p50 %.2f, p99 %.2f"):format(times[(#times + 1) // 2], times[math.ceil(#times * 0.99)])
end

local function milliseconds(run)
  local began = socket.gettime()
  run()
  return (socket.gettime() - began) * 1000
end

-- For so many seconds: reads, and runs jobs on this machine, one after the other → how long they took, in words; how many
-- jobs there were.
local function use(s, simulation, seconds)
  local over, reads, runs = socket.gettime() + seconds, {}, {}
  repeat
    for _ = 1, 20 do reads[#reads + 1] = milliseconds(function() s:read("/v1/simulations/" .. simulation) end) end
    runs[#runs + 1] = milliseconds(function()
      local job = s:make(("/v1/simulations/%s/jobs"):format(simulation), { executable = "/bin/true", resource = "local" }).id
      assert.equal("COMPLETED", s:read("/v1/jobs/" .. job .. "?wait=30").state)
    end)
  until socket.gettime() > over
  return ("GET %s ms; a local job %s ms"):format(percentiles(reads), percentiles(runs)), #runs
end

for _, scheduler in ipairs { (require "support.slurm"), (require "support.gridengine"), (require "support.pbs") } do
  (scheduler.describe or describe)(scheduler.title, function()
    local rig
    setup(function() rig = scheduler.start() end)
    teardown(function() if rig then rig:stop() end end)

    -- So many jobs go through it, of which a third arrives while it is out.
    local function outage(begin, finish)
      local resources = RESOURCES:format(scheduler.plugin, scheduler.settings)
      local s, _ <close> = crash.start { wrapper = rig:client(), account = rig.account, resources = resources }
      behaviour.await(s, "up")
      local before = scheduler.given(rig)
      local simulation, aside = s:simulation(), s:simulation "aside"
      local usual = use(s, aside, SECONDS / 4)
      add(s, simulation, JOBS - JOBS // 3, "cluster")
      crash.await_runs(s, JOBS // 3)
      local last_answer = s:read "/v1/resources/cluster".observed_at
      begin()
      local _ <close> = setmetatable({}, { __close = finish })
      add(s, simulation, JOBS // 3, "cluster")
      local down = behaviour.await(s, "down")
      assert.is_true(down.observed_at >= last_answer)
      local meanwhile, local_jobs = use(s, aside, SECONDS)
      local still = s:read "/v1/resources/cluster"
      assert.same({ "down", down.observed_at }, { still.state, still.observed_at })
      assert.equal("up", s:read "/v1/resources/local".state)
      assert.is_true(local_jobs >= SECONDS / 4)
      finish()
      assert.equal(0, crash.audit(s, simulation, JOBS))
      assert.equal(JOBS, scheduler.given(rig) - before)
      crash.stop(s)
      print(("# %s: before: %s\n# %s: meanwhile: %s"):format(scheduler.title, usual, scheduler.title, meanwhile))
    end

    local words = ("%d seconds, with %d jobs under way%s"):format(SECONDS, JOBS, ALL and "" or " (of a minute, with 400)")
    it("stands still for " .. words, function()
      outage(function() rig:freeze(scheduler.master) end, function() rig:thaw(scheduler.master) end)
    end)

    if ALL then
      it("is gone for " .. words, function()
        outage(function() scheduler.shut_down(rig) end, function() rig:revive() end)
      end)
    end
  end)
end
