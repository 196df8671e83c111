-- A sweep of 2,000 jobs during which the server is killed twenty times and the supervisor five times, at instants that
-- are chosen by how far the jobs are and by what the database knows of them, never by the clock.
local crash = require "support.crash"
local socket = require "socket"

local JOBS, CORES = 2000, 2
local STEP = 30 -- jobs that run between one kill and the next, at least

-- Repeats an attempt until it hits.
local function hit(what, attempt)
  for _ = 1, 300 do
    if attempt() then return end
    socket.sleep(0.002)
  end
  error("never hit: " .. what)
end

-- The instants. Each function returns when the server is dead.

local anywhere = crash.kill

-- Locks the database until something has happened that it cannot know of, and kills the server then. `known` is SQL for
-- what it does know, the same before and after; given that, `happened` tells whether there is more.
local function kill_with_unrecorded(s, what, known, happened)
  hit(what, function()
    local release = crash.lock(s)
    local before, is_hit = s:sql(known), false
    for _ = 1, before == "" and 0 or 50 do -- it may be that nothing is going to happen: then another lock is tried
      is_hit = happened(before)
      if is_hit then break end
      socket.sleep(0.01)
    end
    if is_hit then
      crash.kill(s)
      assert.equal(before, s:sql(known))
    end
    release()
    return is_hit
  end)
end

-- A native job has started, and the database does not know that there is one.
local function start_not_recorded(s)
  kill_with_unrecorded(s, "a start that is not recorded", crash.SUBMITTING, function(rows)
    local times = crash.read_runs(s)
    for id in crash.jobs_of(rows) do
      if times[id] then return true end
    end
  end)
end

-- Jobs have ended, and the database does not know it: more have run than it knows of and than can be running.
local function end_not_recorded(s)
  local ended = "SELECT count(*) FROM jobs WHERE state IN ('COMPLETED', 'FAILED')"
  kill_with_unrecorded(s, "an end that is not recorded", ended, function(count)
    return crash.runs(s) > tonumber(count) + CORES
  end)
end

-- A submission lies in the socket of a supervisor that stands still. Leaves it like that, and returns its pid.
local function kill_with_submission_unread(s)
  local supervisor = crash.supervisor(s)
  hit("a submission that is not read", function()
    crash.signal("STOP", supervisor)
    for _ = 1, 10 do
      if crash.submitting(s) > 0 then
        socket.sleep(0.05) -- from the attempt's record to the socket
        crash.kill(s)
        return true
      end
    end
    crash.signal("CONT", supervisor)
  end)
  return supervisor
end

local function submission_read_by_nobodys_server(s) crash.signal("CONT", kill_with_submission_unread(s)) end

-- The next server, too, is killed, after it has asked for what the submission was about.
local function submission_read_late(s)
  local supervisor = kill_with_submission_unread(s)
  s:restart()
  crash.await_log(s, "resource opened")
  crash.signal("CONT", supervisor)
  crash.kill(s)
end

-- The next server is killed while it sets right what this one leaves.
local function recovering(s)
  crash.kill(s)
  s:launch()
  crash.await_log(s, "resource opened")
  crash.kill(s)
end

local instants = {
  anywhere, start_not_recorded, end_not_recorded, start_not_recorded, recovering,
  start_not_recorded, anywhere, start_not_recorded, submission_read_late, anywhere,
  end_not_recorded, start_not_recorded, recovering, start_not_recorded, anywhere,
  submission_read_by_nobodys_server, end_not_recorded, start_not_recorded, anywhere, anywhere,
}

local function kill_all_along(s)
  for number, instant in ipairs(instants) do
    crash.await_runs(s, crash.runs(s) + STEP)
    if number % 4 == 0 then
      crash.signal("KILL", crash.supervisor(s))
      crash.await_runs(s, crash.runs(s) + STEP)
    end
    instant(s)
    assert.is_true(crash.runs(s) < JOBS, "the sweep was over before the server was killed")
    s:restart()
  end
end

describe("a sweep of 2,000 jobs", function()
  it("runs each of them once, though server and supervisor are killed over and over", function()
    local s, _ <close> = crash.start { settings = "max_submitted = 32,", options = "cores = " .. CORES }
    local simulation = s:simulation()
    s:make(("/v1/simulations/%s/sweeps"):format(simulation), {
      template = crash.counted_template(s, "sleep @nap # @i"),
      parameters = { i = { from = 1, to = JOBS // 4, step = 1 }, nap = { "0", "0", "0", "0.02" } },
    })
    kill_all_along(s)
    local lost = crash.audit(s, simulation, JOBS)
    io.write("# ", lost, " jobs were LOST: they ran when their supervisor was killed\n")
    assert.is_true(lost <= 5 * CORES)
    crash.stop(s)
  end)
end)
