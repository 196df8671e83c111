-- For tests that end a server or a supervisor without warning: freezing and killing processes, keeping the database
-- locked so that nothing can be recorded, and counting afterwards what ran how often. The jobs of such a test each add
-- a line "job attempt" to one file, which is opened for appending, so that no two lines mix.
local assert = require "luassert"
local process = require "support.process"
local server = require "support.server"

local crash = {}

local eventually, quote = process.eventually, process.quote

-- Processes ------------------------------------------------------------------------------------------------------

---A process's state letter, its group and its parent; nil when it is gone, reaped or not.
function crash.state(pid)
  local stat = process.read(("/proc/%d/stat"):format(pid)) or ""
  local state, parent, group = stat:match ".*%) (%S) (%d+) (%d+)"
  if state and state ~= "Z" and state ~= "X" then return state, tonumber(group), tonumber(parent) end
end

local function each_process(visit)
  local listing <close> = assert(io.popen "ls /proc")
  for pid in listing:read("a"):gmatch "%d+" do
    if crash.state(pid) then visit(tonumber(pid)) end
  end
end

-- The processes whose command line or environment tells of a directory.
local function processes_of(directory)
  local found = {}
  each_process(function(pid)
    for _, file in ipairs { "cmdline", "environ" } do
      local text = process.read(("/proc/%d/%s"):format(pid, file)) or ""
      if text:find(directory, 1, true) then
        found[#found + 1] = pid
        return
      end
    end
  end)
  return found
end

---The members of a process group.
function crash.group(leader)
  local members = {}
  each_process(function(pid)
    local _, group = crash.state(pid)
    if group == leader then members[#members + 1] = pid end
  end)
  return members
end

---The pid of the local resource's supervisor, once there is one. Told by their parents, others look as it does for a
---moment: what the server started and it forked from, and a child of it that is about to become a job.
function crash.supervisor(s)
  local tail = ("orrery-supervisor\0%s/resources/local\0"):format(s.data)
  return eventually("a supervisor", function()
    local parents = {}
    each_process(function(pid)
      local command = process.read(("/proc/%d/cmdline"):format(pid)) or ""
      if command:sub(-#tail) == tail then parents[pid] = select(3, crash.state(pid)) end
    end)
    for pid, parent in pairs(parents) do
      if not parents[parent] and parent ~= s.process.pid then return pid end
    end
  end)
end

---Sends a signal to a process (to a group, if the number is negative), without waiting for what comes of it.
function crash.send(name, pid) os.execute(("kill -s %s -- %d 2>/dev/null"):format(name, pid)) end

---Sends KILL, STOP or CONT to a process, and waits until it is dead, stands still, goes on.
function crash.signal(name, pid)
  crash.send(name, pid)
  eventually(("process %d after SIG%s"):format(pid, name), function()
    local state = crash.state(pid)
    if name == "KILL" then return not state end
    return (state == "T") == (name == "STOP")
  end)
end

-- Servers --------------------------------------------------------------------------------------------------------

---Ends the server well, and sees that nothing of it stays: a supervisor without jobs goes by itself.
function crash.stop(s)
  s:stop(true)
  eventually("the end of all processes in " .. s.directory, function() return #processes_of(s.directory) == 0 end)
  s:remove()
  s.is_gone = true
end

---Kills supervisor and jobs, frozen or not.
function crash.kill_all(s)
  for _, pid in ipairs(processes_of(s.directory)) do crash.signal("KILL", pid) end
end

-- After a failed test. The directory stays to be looked at.
local function clear(s)
  if s.is_gone then return end
  if s.process.pipe then s:kill() end
  crash.kill_all(s)
end

---A running server, to be ended by crash.stop, and a guard for when the test fails before:
---`local s, _ <close> = crash.start { … }`. Options are server.start's, and `settings` and `options` (Lua text) for the
---local scheduler; `open`: jobs of other accounts are counted as well.
function crash.start(options)
  options.resources = options.resources or ([[resource "local" { scheduler = "local", poll_ms = 500, %s
    options = { linger = 1, kill_grace = 1, %s } }]] .. "\n"):format(options.settings or "", options.options or "cores = 2")
  local s = server.start(options)
  s.runs = s.directory .. "/runs"
  if options.open then process.run(("chmod 711 %s; touch %s; chmod 666 %s"):format(quote(s.directory), s.runs, s.runs)) end
  return s, setmetatable({}, { __close = function() clear(s) end })
end

---kill -9; what it has complained of until then counts.
function crash.kill(s)
  s:kill()
  assert.equal("", s:complaints())
end

---Waits until the server has said something.
function crash.await_log(s, what)
  return eventually("in the log: " .. what, function() return s:log():find(what, 1, true) end)
end

---Locks the database against writing, as another program may; what the server would record waits up to five seconds
---→ a function that lets it go.
function crash.lock(s)
  local held, pid = s.directory .. "/locked", s.directory .. "/locker"
  os.remove(held)
  local shell = ("echo $$ >%s; exec sqlite3 -batch -bail %s"):format(quote(pid), quote(s.data .. "/orrery.db"))
  local pipe = assert(io.popen(shell, "w"))
  pipe:write((".timeout 20000\nBEGIN IMMEDIATE;\n.once %s\nSELECT 'held';\n"):format(held))
  pipe:flush()
  eventually("the lock", function() return process.read(held) == "held\n" end)
  return function()
    crash.send("KILL", tonumber(process.read(pid))) -- its orderly end would tidy the log up for the next server
    pipe:close()
  end
end

-- What ran -------------------------------------------------------------------------------------------------------

---A job that adds its line, then does `more`.
function crash.counted(s, more)
  local line = ('echo "$ORRERY_JOB_ID ${ORRERY_DIRECTORY##*/}" >>%s'):format(s.runs)
  return { executable = "/bin/sh", arguments = { "-c", more and line .. "\n" .. more or line } }
end

---The same as a sweep's template, whose parameters are named with @ in `more`: ${ is written $${ there.
function crash.counted_template(s, more)
  local job = crash.counted(s, more)
  job.arguments[2] = job.arguments[2]:gsub("%${", "$${"):gsub("@(%a+)", "${%1}")
  return job
end

---How many lines there are.
function crash.runs(s)
  local _, lines = (process.read(s.runs) or ""):gsub("\n", "")
  return lines
end

function crash.await_runs(s, count)
  eventually(count .. " runs", function() return crash.runs(s) >= count end, 120)
end

---How often each job ran, and which attempt of it last.
function crash.read_runs(s)
  local times, attempts = {}, {}
  for job, attempt in (process.read(s.runs) or ""):gmatch "(%S+) (%S+)\n" do
    times[job] = (times[job] or 0) + 1
    attempts[job] = tonumber(attempt)
  end
  return times, attempts
end

---The attempts of which the database says that they were to be handed over, but not that they were.
crash.SUBMITTING = "SELECT directory FROM jobs WHERE state = 'SUBMITTING' AND native_id IS NULL"

---Iterates over the ids of the jobs whose directories these are, a line each.
function crash.jobs_of(directories) return directories:gmatch "([^/\n]+)/%d+%f[\n\0]" end

---How many such attempts there are.
function crash.submitting(s) return tonumber(s:sql("SELECT count(*) FROM (" .. crash.SUBMITTING .. ")")) end

-- Jobs whose history has not exactly one end, or a step that does not begin where the one before ended.
local odd_histories = [[
  WITH steps AS (
    SELECT job, json_extract(data, '$.from') AS at_first, json_extract(data, '$.to') AS at_last,
      lag(json_extract(data, '$.to')) OVER (PARTITION BY job ORDER BY number) AS before
    FROM events WHERE type = 'job.state'),
  good AS (
    SELECT job FROM steps GROUP BY job
    HAVING sum(at_last IN ('COMPLETED', 'FAILED', 'CANCELED')) = 1 AND sum(before <> at_first) IS NOT 1)
  SELECT count(*) FROM jobs WHERE key NOT IN (SELECT job FROM good)]]

---Waits for the end of a simulation of `count` jobs and checks that each ran once, in the attempt that is told of, and
---ended once, and that everything told of them agrees.
---@return integer lost how many are FAILED / LOST: their supervisor was killed while they ran
function crash.audit(s, simulation, count)
  local done = s:finished(simulation)
  local times, attempts = crash.read_runs(s)
  local jobs = s:all(("/v1/simulations/%s/jobs?limit=1000"):format(simulation))
  local lost = 0
  assert.equal(count, #jobs)
  for _, job in ipairs(jobs) do
    assert.equal(1, times[job.id], "how often job " .. job.id .. " ran")
    assert.equal(job.attempt, attempts[job.id])
    times[job.id] = nil
    if job.state == "FAILED" then
      assert.equal("LOST", job.reason)
      lost = lost + 1
    else
      assert.same({ "COMPLETED", 0 }, { job.state, job.exit_code })
    end
  end
  assert.same({}, times)
  assert.equal("0", s:sql(odd_histories))
  assert.same({ total = count, COMPLETED = lost < count and count - lost or nil, FAILED = lost > 0 and lost or nil },
    done.counts)
  assert.equal(lost > 0 and "FAILED" or "COMPLETED", done.state)
  return lost
end

---How often a job was submitted, by its history.
function crash.submissions(s, job)
  local count = 0
  for _, event in ipairs(s:all(("/v1/jobs/%s/history"):format(job))) do count = count + (event.to == "SUBMITTING" and 1 or 0) end
  return count
end

---Adds jobs to a simulation and kills the server, twice, while they are submitted; then each has run once.
---@param jobs table[] made of crash.counted
function crash.kill_while_submitting(s, simulation, jobs)
  s:make(("/v1/simulations/%s/jobs"):format(simulation), { jobs = jobs }, { status = 207 })
  for part = 1, 2 do
    process.eventually("some submissions", function()
      return tonumber(s:sql "SELECT count(*) FROM jobs WHERE native_id IS NOT NULL") >= part * #jobs // 4
    end)
    crash.kill(s)
    s:restart()
  end
  assert.equal(0, crash.audit(s, simulation, #jobs))
end

return crash
