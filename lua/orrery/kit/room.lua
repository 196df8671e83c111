-- What the rooms of cases (kit/cases) are built with. A case is one promise of the contract (schedulers/README.md), tried
-- on a real resource:
--   name    a sentence that is true of a plug-in that conforms
--   needs   verbs and fields without which it does not apply
--   slow    left out by --quick
--   run     (subject) throws what is wrong, or why it cannot be tried here (kit.expect)
local expect = require "orrery.kit.expect"
local json = require "house.json"

local room = {}

---An empty room, and the function that puts a case into it.
---@return table cases
---@return fun(name:string, options:table, run:function) case
function room.new()
  local cases = {}
  return cases, function(name, options, run)
    cases[#cases + 1] = { name = name, needs = options.needs or {}, slow = options.slow, run = run }
  end
end

---The specification of a job that runs a line of shell.
function room.shell(line, more)
  local spec = { executable = "/bin/sh", arguments = json.list { "-c", line } }
  for name, value in pairs(more or {}) do spec[name] = value end
  return spec
end

---Runs a job to its end, which is to be this one → the job, its last report.
function room.ends(subject, spec, state, members)
  local job = subject:submit_one(spec)
  local report = subject:ending(job)
  expect.equal(state, report.state, "state of a job that should be " .. state)
  for name, value in pairs(members or {}) do expect.equal(value, report[name], name) end
  return job, report
end

---Tries something with more patience: jobs may take so many seconds, and verbs too.
function room.patiently(subject, seconds, try)
  local patience, most = subject.seconds, subject.settings.timeout_ms
  subject.seconds, subject.settings.timeout_ms = math.max(patience, seconds), math.max(most, seconds * 1000)
  local ok, thrown = pcall(try)
  subject.seconds, subject.settings.timeout_ms = patience, most
  if not ok then error(thrown, 0) end
end

---Waits until a job is ended for its limit, which schedulers look at when they please. One that forgets the job leaves no more
---than the signal in its record.
function room.times_out(subject, job, what)
  room.patiently(subject, 240, function()
    local reason = subject:ending(job).reason
    if reason == "SIGNAL" and subject:is_forgotten(job) then
      expect.moot "the scheduler forgets a job that has ended; its record tells of the signal alone"
    end
    expect.equal("TIMEOUT", reason, "reason of the end of " .. what)
  end)
end

return room
