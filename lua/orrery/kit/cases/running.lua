-- Cases: a job runs, where and as it should, once; and how it ended is told.
local clock = require "house.clock"
local expect = require "orrery.kit.expect"
local room = require "orrery.kit.room"
local task = require "house.task"

local cases, case = room.new()
local shell, ends = room.shell, room.ends

case("a job runs, and its output is where it should be", {}, function(subject)
  local before = clock.now() // 1000 * 1000
  local job, report = ends(subject, shell "echo out; echo err >&2", "COMPLETED", { exit_code = 0 })
  expect.equal("out\n", subject:read(job, "stdout"), "stdout")
  expect.equal("err\n", subject:read(job, "stderr"), "stderr")
  if report.started_at then
    expect.that(report.started_at >= before - 5000 and report.started_at <= (report.ended_at or clock.now()) + 1000,
      ("started_at %s is not between the submission and the end"):format(report.started_at))
  end
end)

case("an exit code is reported", {}, function(subject)
  local _, report = ends(subject, shell "exit 3", "FAILED", { exit_code = 3 })
  expect.that(report.reason == nil or report.reason == "EXIT_CODE", "the reason of exit code 3 is " .. tostring(report.reason))
end)

case("a signal is reported", {}, function(subject)
  ends(subject, shell "kill -KILL $$", "FAILED", { signal = 9 })
end)

case("a program that does not exist is a job that failed", {}, function(subject)
  ends(subject, { executable = "/nonexistent/program" }, "FAILED")
end)

-- 99 and 100 are what some schedulers take for "start it again" and "keep it". The jobs run side by side.
case("a job that failed is not started again", {}, function(subject)
  local lines = { "exit 1", "exit 99", "exit 100", "kill -TERM $$", "kill -KILL $$" }
  local specs = {}
  for i, line in ipairs(lines) do specs[i] = shell("echo started >>starts; " .. line) end
  local jobs = subject:submit_all(specs)
  subject:finished(jobs)
  task.sleep(2000)
  for i, report in ipairs(subject:look(jobs)) do
    expect.equal("FAILED", report.state, ("state, two seconds later, of a job that ended with %q"):format(lines[i]))
    expect.equal("started\n", subject:read(jobs[i], "starts"), ("what a job left that ended with %q"):format(lines[i]))
  end
end)

case("directory, stdin, stdout and stderr are those asked for",
  { needs = { "directory", "stdin_path", "stdout_path", "stderr_path" } }, function(subject)
  local first = ends(subject, shell "echo input >in; mkdir sub", "COMPLETED")
  local folder = first.directory .. "/sub"
  ends(subject, shell("pwd; cat; echo e >&2", { directory = folder, stdin_path = "../in", stdout_path = "o",
    stderr_path = "e" }), "COMPLETED")
  expect.equal(folder .. "\ninput\n", subject:read(first, "sub/o"), "stdout_path in the directory")
  expect.equal("e\n", subject:read(first, "sub/e"), "stderr_path in the directory")
end)

case("a job begins with a copy of its inputs", { needs = { "inputs" } }, function(subject)
  local inputs = subject:input("it's a/file", "input\n")
  local job = subject:submit_all({ shell [[cat "it's a/file"; echo changed >"it's a/file"]], inputs = inputs })[1]
  expect.equal("COMPLETED", subject:ending(job).state, "state of a job with inputs")
  expect.equal("input\n", subject:read(job, "stdout"), "what it found in its inputs")
  expect.equal("changed\n", subject:read(job, "it's a/file"), "its copy")
  job = subject:submit_all({ shell [[cat "it's a/file"]], inputs = inputs })[1]
  expect.equal("COMPLETED", subject:ending(job).state, "state of another job with the same inputs")
  expect.equal("input\n", subject:read(job, "stdout"), "what that found, after the first has changed its copy")
end)

case("a directory that does not exist fails the job", { needs = { "directory" } }, function(subject)
  ends(subject, shell("true", { directory = "/nonexistent/directory" }), "FAILED")
end)

case("a job over its time limit ends with TIMEOUT", { needs = { "attributes.duration" }, slow = true }, function(subject)
  local job = subject:submit_one(shell("sleep 600", { attributes = { duration = 2 } }))
  room.times_out(subject, job, "a job over its limit")
end)

return cases
