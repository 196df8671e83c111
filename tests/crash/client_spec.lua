-- The command that submits a job outlives its server, or the time it was given, and would submit it when the scheduler
-- has been asked in vain already: there must be one native job all the same.
local crash = require "support.crash"
local process = require "support.process"
local socket = require "socket"

local LATE = 6 -- seconds after which the first command submits; the scheduler is asked after two

-- The first command is late, `how` says in which way; others submit at once.
local function command(how)
  return ([[test -e "$2.first" || { touch "$2.first"; %s; }; echo "$1" >>"$2"]]):format(how)
end

local here = ("sleep %d"):format(LATE)
local elsewhere = ([[setsid sh -c 'sleep %d; echo "$1" >>"$2"' sh "$1" "$2" & exec sleep 1000]]):format(LATE)

local function start(how, options)
  local s, guard = crash.start { resources = ([[resource "client" { scheduler = "client", poll_ms = 200,
    options = { command = %q, %s } }]] .. "\n"):format(command(how), options or "") }
  s.native = s.data .. "/resources/client/native"
  return s, guard
end

-- A job whose submission is under way; since when.
local function submit(s)
  local simulation = s:simulation()
  s:make(("/v1/simulations/%s/jobs"):format(simulation), { executable = "/bin/true" })
  process.eventually("the first command", function() return process.read(s.native .. ".first") end)
  return simulation, socket.gettime()
end

local function audit(s, simulation, since)
  assert.same({ total = 1, COMPLETED = 1 }, s:finished(simulation).counts)
  socket.sleep(math.max(0, since + LATE + 1 - socket.gettime())) -- the first command would have submitted by now
  local _, lines = process.read(s.native):gsub("\n", "")
  assert.equal(1, lines)
end

describe("the command that submits", function()
  for name, how in pairs { ["outlives its server"] = here, ["leaves a process of another group to it"] = elsewhere } do
    it(name .. ": it is killed before the job is submitted again", function()
      local s, _ <close> = start(how)
      local simulation, since = submit(s)
      crash.kill(s)
      s:restart()
      audit(s, simulation, since)
      assert.is_truthy(s:log():find("an earlier submission left behind", 1, true))
      assert.equal(2, crash.submissions(s, s:all "/v1/jobs"[1].id))
      crash.stop(s)
    end)
  end

  it("has submitted when the next server comes: the job is found", function()
    local s, _ <close> = start([[sleep 0.5; exec >&- 2>&-; echo "$1" >>"$2"; exec sleep 1000]])
    local simulation, since = submit(s)
    crash.kill(s)
    process.eventually("the native job", function() return process.read(s.native) end)
    s:restart()
    audit(s, simulation, since)
    assert.equal("1", s:sql "SELECT attempt FROM jobs")
    crash.stop(s)
  end)

  it("leaves its group and exceeds its time: so does what it leaves behind", function()
    local s, _ <close> = start(elsewhere, "timeout = 1000")
    local simulation, since = submit(s)
    audit(s, simulation, since)
    assert.equal(2, crash.submissions(s, s:all "/v1/jobs"[1].id))
    crash.stop(s)
  end)
end)
