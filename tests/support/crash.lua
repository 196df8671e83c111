-- For tests that end a server or a supervisor without warning: finding, freezing and killing processes, keeping the
-- database locked so that nothing can be recorded, and counting afterwards what ran how often. A test's jobs each add
-- a line "job attempt" to one file, which is opened for appending, so no two lines mix.
local process = require "support.process"
local server = require "support.server"

local crash = {}

local eventually, quote = process.eventually, process.quote

-- Servers --------------------------------------------------------------------------------------------------------

---A resource of the local scheduler; `settings` and `options` are Lua text for orrery.lua.
function crash.local_resource(settings, options)
  return ('resource "local" { scheduler = "local", poll_ms = 500, %s options = { linger = 1, kill_grace = 1, %s } }\n')
    :format(settings or "", options or "cores = 2")
end

---A server with the local scheduler, and nothing in its directory yet.
function crash.start(settings, options)
  local it = server.start { resources = crash.local_resource(settings, options) }
  it.runs = it.directory .. "/runs"
  return it
end

---kill -9; whatever its log complains of until then is an error.
function crash.kill(it)
  it:kill()
  assert(it:complaints() == "", it:complaints())
end

---Ends the server well, and sees that nothing of it is left: a supervisor without jobs goes by itself.
function crash.stop(it)
  it:stop(true)
  eventually("the end of all processes in " .. it.directory, function() return #crash.processes(it.directory) == 0 end)
  it:remove()
end

-- What ran -------------------------------------------------------------------------------------------------------

---A job's command: adds its line, then does `more`. In a sweep's template a literal ${ is written $${.
function crash.counted(it, more, in_template)
  local line = ('echo "$ORRERY_JOB_ID ${ORRERY_DIRECTORY##*/}" >>%s'):format(it.runs)
  local script = more and line .. "; " .. more or line
  if in_template then script = script:gsub("%${", "$${"):gsub("@(%w+)@", "${%1}") end
  return { executable = "/bin/sh", arguments = { "-c", script } }
end

---How many lines there are.
function crash.count_runs(it)
  local _, lines = (process.read(it.runs) or ""):gsub("\n", "")
  return lines
end

---How often each job ran, and the attempt it ran in last.
function crash.read_runs(it)
  local times, attempts = {}, {}
  for job, attempt in (process.read(it.runs) or ""):gmatch "(%S+) (%S+)\n" do
    times[job] = (times[job] or 0) + 1
    attempts[job] = tonumber(attempt)
  end
  return times, attempts
end

function crash.await_runs(it, count)
  eventually(count .. " runs", function() return crash.count_runs(it) >= count end, 120)
end

---Jobs of which the database knows that they were to be handed over, but not that they were → a list of ids.
function crash.submitting(it)
  local jobs = {}
  local rows = it:sql "SELECT directory FROM jobs WHERE state = 'SUBMITTING' AND native_id IS NULL"
  for line in rows:gmatch "[^\n]+" do jobs[#jobs + 1] = line:match "([^/]+)/%d+$" end
  return jobs
end

-- The database ---------------------------------------------------------------------------------------------------

---Locks the database against writing, as another program may: what the server wants to record has to wait (it does so
---for five seconds) → a function that lets it go.
function crash.lock(it)
  local held, pid = it.directory .. "/locked", it.directory .. "/locker"
  os.remove(held)
  local pipe = assert(io.popen(("echo $$ >%s; exec sqlite3 -batch -bail %s/orrery.db"):format(quote(pid), quote(it.data)), "w"))
  pipe:write((".timeout 20000\nBEGIN IMMEDIATE;\n.once %s\nSELECT 'held';\n"):format(held))
  pipe:flush()
  eventually("the lock", function() return process.read(held) == "held\n" end)
  return function()
    os.execute("kill -KILL " .. process.read(pid)) -- had it an orderly end, it would tidy the log up for the next server
    pipe:close()
  end
end

-- Processes ------------------------------------------------------------------------------------------------------

---A process's state letter and its group | nil when it is gone, reaped or not.
function crash.state(pid)
  local stat = process.read("/proc/" .. pid .. "/stat")
  local state, group = (stat or ""):match "%) (%S) %d+ (%d+)"
  if state and state ~= "Z" and state ~= "X" then return state, tonumber(group) end
end

local function each_process(visit)
  local listing = assert(io.popen "ls /proc")
  local pids = listing:read "a"
  listing:close()
  for pid in pids:gmatch "%d+" do visit(tonumber(pid)) end
end

---The processes whose command line or environment tells of a directory.
function crash.processes(directory)
  local found = {}
  each_process(function(pid)
    local told = (process.read(("/proc/%d/cmdline"):format(pid)) or "") .. (process.read(("/proc/%d/environ"):format(pid)) or "")
    if told:find(directory, 1, true) and crash.state(pid) then found[#found + 1] = pid end
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

---The pid of a resource's supervisor, once there is one.
function crash.supervisor(it, resource)
  local tail = ("orrery-supervisor\0%s/resources/%s\0"):format(it.data, resource or "local")
  local found
  return eventually("a supervisor", function()
    each_process(function(pid)
      local command = process.read(("/proc/%d/cmdline"):format(pid)) or ""
      if command:sub(-#tail) == tail and crash.state(pid) then found = pid end
    end)
    return found
  end)
end

---Sends a signal and waits until the process is gone, stopped or going on, as the signal implies.
function crash.signal(pid, name)
  os.execute(("kill -%s %d"):format(name, pid))
  eventually(("process %d after SIG%s"):format(pid, name), function()
    local state = crash.state(pid)
    if name == "KILL" then return not state end
    return (state == "T") == (name == "STOP")
  end)
end

return crash
