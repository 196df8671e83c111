-- A supervisor that stands still (SIGSTOP), as on a machine that swaps or a file system that hangs: jobs wait, and
-- whatever it reads when it goes on makes none of them run twice.
local crash = require "support.crash"
local process = require "support.process"
local socket = require "socket"

local JOBS = 20
local LARGE = "# " .. ("x"):rep(60000) -- twenty of them are more than a socket holds, unless the machine is tuned
local HOLDS_ALL = tonumber(process.read "/proc/sys/net/core/wmem_default") > 1000000

-- A server whose supervisor is frozen, and a simulation.
local function frozen()
  local s, guard = crash.start { settings = "timeout_ms = 300," }
  local supervisor, simulation = crash.supervisor(s), s:simulation()
  -- The first look at the scheduler is over; the next is seconds away, and will not find it frozen before the jobs do.
  process.eventually("a first look", function() return type(s:read "/v1/resources/local".cores_total) == "number" end)
  crash.signal("STOP", supervisor)
  return s, guard, supervisor, simulation
end

local function add_jobs(s, simulation, more)
  local jobs = {}
  for i = 1, JOBS do jobs[i] = crash.counted(s, more) end
  s:make(("/v1/simulations/%s/jobs"):format(simulation), { jobs = jobs }, { status = 207 })
end

-- The attempts are on record, and the submission is in the supervisor's socket or lost on the way.
local function await_submission(s)
  process.eventually("the submission", function() return crash.submitting(s) == JOBS end)
  socket.sleep(0.05)
end

local function await_down(s)
  process.eventually("a resource that is down", function() return s:read "/v1/resources/local".state == "down" end)
end

describe("a frozen supervisor", function()
  it("lets jobs wait, and they run once when it goes on", function()
    local s, _ <close>, supervisor, simulation = frozen()
    add_jobs(s, simulation)
    await_submission(s)
    await_down(s)
    assert.equal(0, crash.runs(s))
    crash.signal("CONT", supervisor)
    assert.equal(0, crash.audit(s, simulation, JOBS))
    crash.stop(s)
  end)

  it("reads what a server sent that was killed since: its successor finds it", function()
    local s, _ <close>, supervisor, simulation = frozen()
    add_jobs(s, simulation)
    await_submission(s)
    for _ = 1, 3 do -- each asks for the jobs, in vain
      crash.kill(s)
      s:restart()
      await_down(s)
    end
    assert.equal(0, crash.runs(s))
    crash.signal("CONT", supervisor)
    assert.equal(0, crash.audit(s, simulation, JOBS))
    assert.equal(tostring(JOBS), s:sql "SELECT count(*) FROM jobs WHERE attempt = 1")
    assert.equal(tostring(JOBS), s:sql "SELECT count(*) FROM events WHERE type = 'job.found'")
    crash.stop(s)
  end)

  it("reads it before the next server has come", function()
    local s, _ <close>, supervisor, simulation = frozen()
    add_jobs(s, simulation)
    await_submission(s)
    crash.kill(s)
    crash.signal("CONT", supervisor)
    crash.await_runs(s, JOBS) -- with no server at all
    s:restart()
    assert.equal(0, crash.audit(s, simulation, JOBS))
    crash.stop(s)
  end)

  it("is sent half of a submission that is larger than its socket holds: that half runs nothing", function()
    local s, _ <close>, supervisor, simulation = frozen()
    add_jobs(s, simulation, LARGE)
    await_submission(s)
    await_down(s)
    crash.kill(s)
    s:restart()
    await_down(s)
    crash.signal("CONT", supervisor)
    assert.equal(0, crash.audit(s, simulation, JOBS))
    assert.equal(tostring(HOLDS_ALL and 0 or JOBS), s:sql "SELECT count(*) FROM jobs WHERE doubted IS NOT NULL")
    crash.stop(s)
  end)

  it("does not keep the server from ending", function()
    local s, _ <close>, supervisor, simulation = frozen()
    add_jobs(s, simulation, LARGE)
    await_submission(s)
    s:stop(true)
    s:restart()
    await_down(s)
    crash.signal("CONT", supervisor)
    assert.equal(0, crash.audit(s, simulation, JOBS))
    crash.stop(s)
  end)
end)
