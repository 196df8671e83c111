-- Cases: a job is known by its tag and its native id together, for as long as it may be asked for. That jobs are never
-- submitted twice rests on these.
local clock = require "house.clock"
local expect = require "orrery.kit.expect"
local ids = require "house.ids"
local room = require "orrery.kit.room"
local tag = require "orrery.core.submission.tag"

local cases, case = room.new()
local shell, ends = room.shell, room.ends

local function expect_found(subject, job, what)
  local report = subject:find(job)
  expect.equal("found", report.answer, "find of " .. what)
  expect.equal(job.native_id, report.native_id, "the native id that find tells of " .. what)
end

case("find tells what is there from what never was", {}, function(subject)
  local job = subject:submit_one(shell "sleep 600")
  local reports = subject:find_all({ { tag = job.tag }, { tag = tag.of(ids.new()) } })
  expect.equal("found", reports[1].answer, "find of a job that was just submitted")
  expect.equal(job.native_id, reports[1].native_id, "the native id that find tells")
  expect.equal("absent", reports[2].answer, "find of a tag that was never submitted")
  subject:in_state(job, "ACTIVE")
  expect_found(subject, job, "a job that runs")
end)

case("find knows a job that waits", {}, function(subject)
  expect_found(subject, subject:waiting(shell "true"), "a job that waits")
end)

case("find of a job that has just ended does not say absent", {}, function(subject)
  local job = ends(subject, shell "true", "COMPLETED")
  local report = subject:find(job)
  -- The house looks for it itself before it submits a job again.
  if report.answer == "absent" and subject:is_forgotten(job) then
    expect.moot "the scheduler forgets a job that has ended; its record tells of it"
  end
  expect.that(report.answer == "found" or report.answer == "unknown",
    ("find says %s: the job would be submitted a second time"):format(tostring(report.answer)))
end)

case("a job of an unknown id is absent", {}, function(subject)
  local stranger = subject:job(shell "true")
  stranger.row.native_id, stranger.row.submitted_at = "999999999", clock.now()
  expect.that(subject:look({ stranger })[1].absent, "monitor knows a job 999999999")
end)

case("a stranger's job is neither seen nor touched", {}, function(subject)
  local victim = subject:submit_one(shell "sleep 3; echo unharmed")
  local stranger = subject:job(shell "true")
  stranger.row.native_id, stranger.row.submitted_at = victim.native_id, clock.now() -- its id, another tag
  expect.that(subject:look({ stranger })[1].absent, "monitor takes a job of that id, but of another tag, for its own")
  subject:in_state(victim, "ACTIVE")
  for _, verb in ipairs { "suspend", "hold", "signal", "cancel" } do
    if subject.info.verbs[verb] then subject:steer(verb, { stranger }, { name = verb == "signal" and "KILL" or nil }) end
  end
  expect.equal("COMPLETED", subject:ending(victim).state, "state of a job that another one's ref was used on")
  expect.equal("unharmed\n", subject:read(victim, "stdout"), "its output")
end)

case("jobs are found again by a plug-in that is opened anew", {}, function(subject)
  local running, done = subject:submit_one(shell "sleep 3; exit 4"), ends(subject, shell "exit 5", "FAILED", { exit_code = 5 })
  expect.that(subject:close(), "close did not end within 5 seconds")
  local info, why = subject:open()
  expect.that(info, function() return "it does not open again: " .. tostring(why) end)
  expect_found(subject, running, "a job that was submitted before")
  expect.equal(5, subject:ending(done).exit_code, "exit code of a job that had ended before")
  expect.equal(4, subject:ending(running).exit_code, "exit code of a job that ran meanwhile")
end)

case("jobs are known to an instance that was opened beside the one before", {}, function(subject)
  local running = subject:submit_one(shell "sleep 3; exit 4")
  local info, why = subject:open()
  expect.that(info, function() return "it does not open a second time: " .. tostring(why) end)
  expect.that(subject:take(), "the one before did not close within 5 seconds")
  expect_found(subject, running, "a job that was submitted before")
  expect.equal(4, subject:ending(running).exit_code, "exit code of a job that ran meanwhile")
  ends(subject, shell "true", "COMPLETED")
end)

return cases
