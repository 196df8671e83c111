-- Cases: one submission of many jobs.
local expect = require "orrery.kit.expect"
local room = require "orrery.kit.room"

local cases, case = room.new()
local shell = room.shell

local ARRAYS = { needs = { "arrays" } }

case("an array's members run once each, as what they are", ARRAYS, function(subject)
  local specs, seen = {}, {}
  for m = 1, 5 do specs[m] = shell(("echo %d >>ran; exit %d"):format(m, m - 1)) end
  local jobs = subject:submit_array(specs)
  for _, job in ipairs(jobs) do
    expect.that(not seen[job.native_id], "two members have native id " .. job.native_id)
    seen[job.native_id] = true
  end
  for m, report in ipairs(subject:finished(jobs)) do
    expect.equal(m - 1, report.exit_code, ("exit code of member %d"):format(m))
    expect.equal(m .. "\n", subject:read(jobs[m], "ran"), ("what member %d left"):format(m))
  end
end)

case("find knows an array by its tag, and all its members", ARRAYS, function(subject)
  local jobs = subject:submit_array { shell "sleep 600", shell "true", shell "sleep 600" }
  local item = { tag = jobs[1].tag, size = #jobs }
  local function look(what)
    local report = subject:find_all({ item })[1]
    expect.equal("found", report.answer, "find of " .. what)
    for m, job in ipairs(jobs) do
      expect.equal(job.native_id, (report.native_ids or {})[m], ("the native id that find tells of member %d"):format(m))
    end
  end
  look "an array that was just submitted"
  subject:ending(jobs[2])
  look "an array one of whose members has ended"
end)

case("a member of an array is steered alone", ARRAYS, function(subject)
  local jobs = subject:submit_array { shell "sleep 600", shell "sleep 2; echo unharmed" }
  local report = subject:steer("cancel", { jobs[1] })[1]
  expect.that(not report.error, function() return "cancel: " .. report.error.message end)
  expect.that(subject:ending(jobs[1]).state ~= "COMPLETED", "a cancelled member was completed")
  expect.equal("COMPLETED", subject:ending(jobs[2]).state, "state of the member beside a cancelled one")
  expect.equal("unharmed\n", subject:read(jobs[2], "stdout"), "its output")
end)

return cases
