-- Many counted jobs at once on a real scheduler, and the instants of their submission at which something may be killed: each
-- job has one native job, and runs once.
local assert = require "luassert"
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local process = require "support.process"

local crowd = {}

crowd.SIZE = 12 -- jobs that are added at once

---Jobs on a server, of which each is counted when it runs; and how many native jobs there are.
function crowd.start(rig, scheduler, settings)
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

---Waits until one is on its way.
function crowd.await_submission(s)
  process.eventually("a submission", function() return crash.submitting(s) > 0 end)
end

---The instants at which the server is killed, each reached before it returns.
crowd.instants = {
  function(s, run) -- attempts are on record, and little else
    run.add(crowd.SIZE)
    crowd.await_submission(s)
  end,
  function(s, run) -- there is a native job which the database does not have yet
    run.add(crowd.SIZE)
    process.eventually("a native job that is not on record", function()
      if crash.submitting(s) == 0 then run.add(1) end
      crowd.await_submission(s)
      crash.signal("STOP", s.pid)
      if run.natives() > run.recorded() then return true end
      crash.signal("CONT", s.pid)
    end)
  end,
  function(_, run) -- half of them are known
    local before = run.recorded()
    run.add(crowd.SIZE)
    process.eventually("half of them", function() return run.recorded() >= before + crowd.SIZE // 2 end)
  end,
}

return crowd
