-- Cases: many jobs in one call.
local expect = require "orrery.kit.expect"
local room = require "orrery.kit.room"

local cases, case = room.new()
local shell = room.shell

local function run_many(subject, count)
  local specs = {}
  for i = 1, count do specs[i] = shell("echo " .. i) end
  local jobs, seen = subject:submit_all(specs), {}
  for _, job in ipairs(jobs) do
    expect.that(not seen[job.native_id], "two jobs have native id " .. job.native_id)
    seen[job.native_id] = true
  end
  for i, report in ipairs(subject:finished(jobs)) do
    expect.equal("COMPLETED", report.state, ("state of job %d of %d"):format(i, count))
    expect.equal(i .. "\n", subject:read(jobs[i], "stdout"), ("stdout of job %d of %d"):format(i, count))
  end
end

case("ten jobs in one call all run", {}, function(subject) run_many(subject, 10) end)

case("a thousand jobs all run", { slow = true }, function(subject)
  room.patiently(subject, 600, function() run_many(subject, 1000) end)
end)

case("a bad job in a batch is refused alone, in the scheduler's words", { needs = { "attributes.queue_name" } }, function(subject)
  local bad = shell("true", { attributes = { queue_name = "no_such_queue_here" } })
  local jobs = subject:submit { shell "echo first", bad, shell "echo last" }
  expect.that(jobs[2].error, "a job for a queue that does not exist was accepted")
  expect.equal("rejected", jobs[2].error.class, "class of the refusal")
  expect.that(#(jobs[2].error.message or "") > 0, "the refusal has no message")
  for _, i in ipairs { 1, 3 } do
    expect.that(not jobs[i].error, "the good jobs beside it were refused as well")
    expect.equal("COMPLETED", subject:ending(jobs[i]).state, "state of a good job beside it")
  end
end)

return cases
