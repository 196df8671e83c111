-- A sweep of 2,000 jobs during which the server is killed twenty times and the supervisor five times, at instants that
-- are chosen by how far the jobs are and by what the database knows of them, not by the clock.
local crash = require "support.crash"
local process = require "support.process"
local socket = require "socket"

local JOBS, CORES, STEP = 2000, 2, 30

-- Repeats `try` until an instant is hit.
local function hit(what, try)
  for _ = 1, 300 do
    local result = try()
    if result then return result end
    socket.sleep(0.002)
  end
  error("never hit: " .. what)
end

-- The instants: each function returns when the server is dead.

local function anywhere(it) crash.kill(it) end

-- A native job has started, and nothing of that is recorded.
local function start_not_recorded(it)
  hit("a start that is not recorded", function()
    local release = crash.lock(it)
    local jobs = crash.submitting(it)
    local ran = #jobs > 0 and process.eventually("the start", function() return crash.read_runs(it)[jobs[1]] end)
    if ran then
      crash.kill(it)
      assert.same(jobs, crash.submitting(it))
    end
    release()
    return ran
  end)
end

-- Jobs have ended, and nothing of that is recorded.
local function end_not_recorded(it)
  local release = crash.lock(it)
  local ended = "SELECT count(*) FROM jobs WHERE state IN ('COMPLETED', 'FAILED')"
  local recorded = tonumber(it:sql(ended))
  crash.await_runs(it, crash.count_runs(it) + 10)
  crash.kill(it)
  assert.equal(recorded, tonumber(it:sql(ended)))
  release()
end

-- The submission lies with a supervisor that has not read it. It reads it before, or after, the next server has come.
local function not_read(it, thaw_first)
  local supervisor = crash.supervisor(it)
  hit("a submission that is not read", function()
    crash.signal(supervisor, "STOP")
    local jobs
    for _ = 1, 20 do
      jobs = crash.submitting(it)
      if #jobs > 0 then break end
      socket.sleep(0.01)
    end
    if #jobs == 0 then return crash.signal(supervisor, "CONT") end
    socket.sleep(0.05) -- from the record of the attempt to the socket's buffer
    crash.kill(it)
    return true
  end)
  if thaw_first then return crash.signal(supervisor, "CONT") end
  it:restart()
  process.eventually("the new server's question", function()
    return it:read "/v1/resources/local".state ~= "starting"
  end)
  socket.sleep(0.1)
  crash.signal(supervisor, "CONT")
  crash.kill(it)
end

-- While it sets right what the one before left.
local function recovering(it)
  crash.kill(it)
  it:launch()
  process.eventually("the resource", function() return it:log():find("resource opened", 1, true) end)
  crash.kill(it)
end

local instants = {
  anywhere, start_not_recorded, end_not_recorded, start_not_recorded, recovering,
  start_not_recorded, anywhere, start_not_recorded, not_read, anywhere,
  end_not_recorded, start_not_recorded, recovering, start_not_recorded, anywhere,
  function(it) not_read(it, true) end, end_not_recorded, start_not_recorded, anywhere, anywhere,
}

local function run(it)
  local tried = 0
  for number, instant in ipairs(instants) do
    crash.await_runs(it, crash.count_runs(it) + STEP)
    if number % 4 == 0 then
      crash.signal(crash.supervisor(it), "KILL")
      crash.await_runs(it, crash.count_runs(it) + STEP)
    end
    instant(it)
    tried = tried + 1
    io.write("# ", number, " ", crash.count_runs(it), "\n")
    assert.is_true(crash.count_runs(it) < JOBS, "the sweep was over before the server was killed")
    it:restart()
  end
end

describe("a sweep of 2,000 jobs", function()
  it("runs every job once, though server and supervisor are killed", function()
    local it = crash.start("max_submitted = 32,", ("cores = %d"):format(CORES))
    local simulation = it:simulation "killed"
    it:make(("/v1/simulations/%s/sweeps"):format(simulation), {
      template = crash.counted(it, "sleep @nap@ # @i@", true),
      parameters = { i = { from = 1, to = JOBS // 4, step = 1 }, nap = { "0", "0", "0", "0.02" } },
    })
    run(it)
    local done = it:finished(simulation)
    local times, attempts = crash.read_runs(it)
    local lost = 0
    for _, job in ipairs(it:all(("/v1/simulations/%s/jobs?limit=1000"):format(simulation))) do
      assert.equal(1, times[job.id], job.id)
      assert.equal(job.attempt, attempts[job.id])
      if job.reason == "LOST" then lost = lost + 1 else assert.equal("COMPLETED", job.state) end
    end
    print("# lost", lost)
    print("# ", require "cjson".encode(done))
    crash.stop(it)
  end)
end)
