-- Cases: the control verbs. A scheduler may refuse to some accounts what it does for others (Slurm suspends for operators
-- alone): then a case cannot be tried, and says so.
local expect = require "orrery.kit.expect"
local room = require "orrery.kit.room"
local task = require "house.task"

local cases, case = room.new()
local shell, ends = room.shell, room.ends

local TICKING = "i=0; while [ $i -lt 6000 ]; do i=$((i+1)); echo $i >tick; sleep 0.1; done"

local function steer(subject, verb, job, more)
  local report = subject:steer(verb, { job }, more)[1]
  expect.that(not report.error, function() return ("%s: %s"):format(verb, report.error.message) end)
end

-- A verb that may be refused to this account, or for this job, or come too late.
local function try(subject, verb, job, more)
  local report = subject:steer(verb, { job }, more)[1]
  if report.error and report.error.class == "rejected" then
    expect.moot(("%s was refused: %s"):format(verb, report.error.message))
  end
  expect.that(not report.error, function() return ("%s: %s"):format(verb, report.error.message) end)
end

local function expect_stands_still(subject, job, what)
  task.sleep(300)
  local before = subject:read(job, "tick")
  task.sleep(1000)
  expect.equal(before, subject:read(job, "tick"), "how far a job got that was " .. what)
  return before
end

case("cancel ends a job that runs, and all that it started", {}, function(subject)
  local job = subject:submit_one(shell(("(%s) & wait"):format(TICKING)))
  subject:told(job, "tick", function(text) return text ~= "" end)
  steer(subject, "cancel", job)
  local report = subject:ending(job)
  expect.that(report.state == "CANCELED" or report.state == "FAILED" and report.reason == "SIGNAL",
    "a cancelled job ended " .. report.state .. " " .. tostring(report.reason))
  expect_stands_still(subject, job, "cancelled")
end)

case("cancel of a job that has ended changes nothing", {}, function(subject)
  local job = ends(subject, shell "exit 0", "COMPLETED")
  subject:steer("cancel", { job })
  expect.equal("COMPLETED", subject:ending(job).state, "its state afterwards")
end)

case("cancel of a job that waits keeps it from ever starting", {}, function(subject)
  local job, others = subject:waiting(shell "echo ran >ran")
  steer(subject, "cancel", job)
  expect.equal("CANCELED", subject:ending(job).state, "state of a job that was cancelled while it waited")
  subject:steer("cancel", others)
  subject:finished(others)
  task.sleep(1000)
  expect.equal(nil, subject:read(job, "ran"), "what it left")
end)

case("hold keeps a job from starting, release lets it", { needs = { "hold", "release" } }, function(subject)
  local job, others = subject:waiting(shell "echo ran >ran")
  try(subject, "hold", job)
  subject:in_state(job, "HELD")
  subject:steer("cancel", others)
  subject:finished(others)
  task.sleep(2000)
  expect.equal("HELD", subject:look({ job })[1].state, "state of a held job when it could start")
  expect.equal(nil, subject:read(job, "ran"), "what it left")
  steer(subject, "release", job)
  expect.equal("COMPLETED", subject:ending(job).state, "state of a released job")
end)

case("suspend stops a job, resume lets it go on", { needs = { "suspend", "resume" } }, function(subject)
  local job = subject:submit_one(shell(TICKING))
  subject:told(job, "tick", function(text) return text ~= "" end)
  try(subject, "suspend", job)
  subject:in_state(job, "SUSPENDED")
  local before = expect_stands_still(subject, job, "suspended")
  steer(subject, "resume", job)
  subject:in_state(job, "ACTIVE")
  subject:told(job, "tick", function(text) return text ~= "" and text ~= before end)
end)

case("signal reaches the program", { needs = { "signal" } }, function(subject)
  local job = subject:submit_one(shell "trap 'echo got >got; exit 0' USR1; echo ready >ready; while :; do sleep 0.1; done")
  subject:told(job, "ready", function(text) return text == "ready\n" end)
  try(subject, "signal", job, { name = "USR1" })
  subject:told(job, "got", function(text) return text == "got\n" end)
  expect.equal("COMPLETED", subject:ending(job).state, "state of a job that ends well at a signal")
end)

case("alter changes a job that waits, which stays the same", { needs = { "alter", "attributes.duration" } }, function(subject)
  local job, others = subject:waiting(shell("echo ran", { attributes = { duration = 3600 } }))
  local changes = { attributes = { duration = 1800 } }
  try(subject, "alter", job, { changes = changes })
  steer(subject, "alter", job, { changes = changes }) -- it may be asked for twice
  expect.equal("QUEUED", subject:look({ job })[1].state, "state of an altered job")
  subject:steer("cancel", others)
  expect.equal("COMPLETED", subject:ending(job).state, "state of an altered job that ran")
  expect.equal("ran\n", subject:read(job, "stdout"), "its output")
end)

case("alter refuses what the scheduler does not have", { needs = { "alter", "attributes.queue_name" } }, function(subject)
  local job = subject:waiting(shell "true")
  local changes = { attributes = { queue_name = "no_such_queue_here" } }
  local report = subject:steer("alter", { job }, { changes = changes })[1]
  expect.that(report.error, "a job was altered to a queue that does not exist")
  expect.equal("rejected", report.error.class, "class of the refusal")
  expect.equal("QUEUED", subject:look({ job })[1].state, "state of the job")
end)

case("a limit that alter sets holds", { needs = { "alter", "attributes.duration" }, slow = true }, function(subject)
  local job, others = subject:waiting(shell("sleep 600", { attributes = { duration = 3600 } }))
  try(subject, "alter", job, { changes = { attributes = { duration = 2 } } })
  subject:steer("cancel", others)
  room.times_out(subject, job, "a job whose limit was altered to 2 seconds")
end)

return cases
