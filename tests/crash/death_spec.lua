-- Deaths of everything at once: server and supervisor together, the whole machine; and a database that another program
-- keeps locked for longer than the server waits.
local crash = require "support.crash"
local process = require "support.process"
local socket = require "socket"

local CORES = 2

-- As many jobs as that, each a line and a moment.
local function sweep(s, simulation, jobs)
  s:make(("/v1/simulations/%s/sweeps"):format(simulation), { template = crash.counted_template(s, "sleep 0.005 # @i"),
    parameters = { i = { from = 1, to = jobs, step = 1 } } })
end

-- A job that runs until a file is there → its id.
local function add_waiting(s, simulation, file)
  local job = crash.counted(s, ("while [ ! -e %s/%s ]; do sleep 0.02; done"):format(s.directory, file))
  return s:make(("/v1/simulations/%s/jobs"):format(simulation), job).id
end

-- The supervisor stands still until its turn comes: had it died first, the server would have started another.
local function kill_both(s)
  local supervisor = crash.supervisor(s)
  crash.signal("STOP", supervisor)
  crash.kill(s)
  crash.signal("KILL", supervisor)
end

describe("server and supervisor killed at once", function()
  it("in a sweep: every job runs once", function()
    local s, _ <close> = crash.start { settings = "max_submitted = 20,", options = "cores = " .. CORES }
    local simulation = s:simulation()
    sweep(s, simulation, 400)
    for i = 1, 5 do
      crash.await_runs(s, i * 50)
      kill_both(s)
      s:restart()
    end
    assert.is_true(crash.audit(s, simulation, 400) <= 5 * CORES)
    crash.stop(s)
  end)

  it("while jobs run: they are not disturbed, but how they end is LOST; the queue goes on", function()
    local s, _ <close> = crash.start { options = "cores = " .. CORES }
    local simulation = s:simulation()
    local ends, goes_on = add_waiting(s, simulation, "first"), add_waiting(s, simulation, "second")
    crash.await_runs(s, 2)
    sweep(s, simulation, 10)
    s:job_in(goes_on, "ACTIVE")
    kill_both(s)
    process.write(s.directory .. "/first", "") -- one of them ends when nobody is there to see it
    socket.sleep(0.2)
    s:restart()
    local job = s:job_in(ends)
    assert.same({ "FAILED", "LOST" }, { job.state, job.reason })
    assert.equal("ACTIVE", s:read("/v1/jobs/" .. goes_on).state)
    crash.await_runs(s, 12)
    process.write(s.directory .. "/second", "")
    assert.equal(2, crash.audit(s, simulation, 12))
    crash.stop(s)
  end)
end)

-- The supervisor's journal as a machine would find it that has been started anew: another boot wrote it. Record and
-- check are those of schedulers/local/supervisor/record.h and src/base/hash.h.
local function age_by_a_boot(s)
  local path = s.data .. "/resources/local/journal"
  local text = process.read(path)
  local function hash(bytes)
    local sum, at = 0x9e3779b97f4a7c15 ~ #bytes, 1
    for _ = 1, #bytes // 8 do
      sum = (sum ~ ("<i8"):unpack(bytes, at)) * 0xff51afd7ed558ccd
      sum, at = sum ~ sum >> 32, at + 8
    end
    sum = (sum ~ ("<i8"):unpack(bytes:sub(at) .. ("\0"):rep(8))) * 0xc4ceb9fe1a85ec53
    return (sum ~ sum >> 29) & 0xffffffff
  end
  local boot = process.read "/proc/sys/kernel/random/boot_id":gsub("\n", "")
  local from = text:find(boot, 1, true) - 32
  local body = text:sub(from + 8, from + 31) .. ("0"):rep(#boot) .. "\0"
  assert.equal(("<I4"):unpack(text, from + 4), hash(text:sub(from + 8, from + 7 + #body)))
  process.write(path, text:sub(1, from + 3) .. ("<I4"):pack(hash(body)) .. body .. text:sub(from + 8 + #body))
end

describe("a machine that restarts", function()
  it("ends what ran LOST, runs what waited once, and keeps what had ended", function()
    local s, _ <close> = crash.start { options = "cores = " .. CORES }
    local simulation = s:simulation()
    sweep(s, simulation, 40)
    local running = { [add_waiting(s, simulation, "never")] = true, [add_waiting(s, simulation, "never")] = true }
    sweep(s, simulation, 40)
    crash.await_runs(s, 42)
    for id in pairs(running) do s:job_in(id, "ACTIVE") end
    kill_both(s)
    crash.kill_all(s)
    age_by_a_boot(s)
    s:restart()

    local done = s:finished(simulation)
    local times, lost = crash.read_runs(s), 0
    for _, job in ipairs(s:all(("/v1/simulations/%s/jobs"):format(simulation))) do
      if job.state == "COMPLETED" then
        assert.equal(1, times[job.id])
      else -- it ran when the machine stopped, or it was just about to
        assert.same({ "FAILED", "LOST", running[job.id] and 1 }, { job.state, job.reason, times[job.id] })
        assert.matches(running[job.id] and "restarted while it ran" or "may have run", job.message)
        lost, running[job.id] = lost + 1, nil
      end
    end
    assert.same({}, running)
    assert.equal(82 - lost, done.counts.COMPLETED)
    crash.stop(s)
  end)
end)

describe("a database that is locked for longer than the server waits", function()
  it("costs time, but no job", function()
    local s, _ <close> = crash.start { settings = "max_submitted = 20,", options = "cores = " .. CORES }
    local simulation = s:simulation()
    sweep(s, simulation, 200)
    crash.await_runs(s, 50)
    local release = crash.lock(s)
    crash.await_log(s, "transitions not committed")
    release()
    assert.equal(0, crash.audit(s, simulation, 200))
    crash.stop(s)
  end)
end)
