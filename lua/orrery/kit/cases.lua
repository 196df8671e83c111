-- The cases of the conformance kit: each is one promise of the contract (schedulers/README.md), tried on a real resource.
--   name    a sentence that is true of a plug-in that conforms
--   needs   verbs and fields without which it does not apply
--   slow    left out by --quick
--   run     (subject) throws what is wrong (kit.expect)
local clock = require "house.clock"
local expect = require "orrery.kit.expect"
local ids = require "house.ids"
local json = require "house.json"
local tag = require "orrery.core.tag"
local task = require "house.task"

local cases = {}

local function case(name, options, run)
  cases[#cases + 1] = { name = name, needs = options.needs or {}, slow = options.slow, run = run }
end

local function shell(script, more)
  local spec = { executable = "/bin/sh", arguments = json.list { "-c", script } }
  for name, value in pairs(more or {}) do spec[name] = value end
  return spec
end

local function ends(subject, spec, state, members)
  local job = subject:submit_one(spec)
  local report = subject:ending(job)
  expect.equal(state, report.state, "state of a job that should be " .. state)
  for name, value in pairs(members or {}) do expect.equal(value, report[name], name) end
  return job, report
end

-- Running --------------------------------------------------------------------------------------------------------

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

local ODD = { "a b", "", "'", '"', "$HOME", "`id`", "a,b=c", "x\ny\n", "-n", "*", "\\", "\\n", "%j", "$(id)", "ü€𝄞", "#SBATCH --hold",
  ("z"):rep(100000) }

case("arguments arrive as they are", {}, function(subject)
  local job = ends(subject, { executable = "/usr/bin/printf", arguments = json.list { "[%s]", table.unpack(ODD) } }, "COMPLETED")
  expect.equal("[" .. table.concat(ODD, "][") .. "]", subject:read(job, "stdout"), "the arguments")
end)

case("variables arrive as they are, and nothing of the server's", { needs = { "environment" } }, function(subject)
  local environment, names = {}, {}
  for i, value in ipairs(ODD) do environment["ODD_" .. i], names[i] = value, ('"$ODD_%d"'):format(i) end
  local job = ends(subject, shell("printf '[%s]' " .. table.concat(names, " "), { environment = environment }), "COMPLETED")
  expect.equal("[" .. table.concat(ODD, "][") .. "]", subject:read(job, "stdout"), "the variables")
  job = ends(subject, shell "env", "COMPLETED")
  expect.that(not subject:read(job, "stdout"):find("ORRERY_TOKEN", 1, true), "a job sees ORRERY_TOKEN of the server")
end)

case("a script runs by its first line, and directives in it are text", { needs = { "script" } }, function(subject)
  local directives = "#SBATCH --job-name=stolen --array=1-3\n#$ -N stolen -t 1-3\n#PBS -N stolen -J 1-3\n# @ job_name = stolen\n"
  local job = ends(subject, { script = "#!/bin/sh\n" .. directives .. "echo ran >>ran; echo \"$1\"\n",
    arguments = json.list { "an argument" } }, "COMPLETED")
  expect.equal("an argument\n", subject:read(job, "stdout"), "stdout of the script")
  expect.equal("ran\n", subject:read(job, "ran"), "how often the script ran")
  job = ends(subject, { script = directives .. "echo plain\n" }, "COMPLETED")
  expect.equal("plain\n", subject:read(job, "stdout"), "stdout of a script without #!")
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

case("a directory that does not exist fails the job", { needs = { "directory" } }, function(subject)
  ends(subject, shell("true", { directory = "/nonexistent/directory" }), "FAILED")
end)

case("a job over its time limit ends with TIMEOUT", { needs = { "attributes.duration" }, slow = true }, function(subject)
  local patience = subject.seconds
  subject.seconds = math.max(patience, 240) -- schedulers look at limits when they please
  ends(subject, shell("sleep 600", { attributes = { duration = 2 } }), "FAILED", { reason = "TIMEOUT" })
  subject.seconds = patience
end)

-- Batches --------------------------------------------------------------------------------------------------------

local function run_many(subject, count)
  local specs = {}
  for i = 1, count do specs[i] = shell("echo " .. i) end
  local jobs, seen = subject:submit(specs), {}
  for i, job in ipairs(jobs) do
    expect.that(not job.error, function() return ("job %d of %d was refused: %s"):format(i, count, job.error.message) end)
    expect.that(not seen[job.native_id], "two jobs have native id " .. tostring(job.native_id))
    seen[job.native_id] = true
  end
  for i, report in ipairs(subject:finished(jobs)) do
    expect.equal("COMPLETED", report.state, ("state of job %d of %d"):format(i, count))
    expect.equal(i .. "\n", subject:read(jobs[i], "stdout"), ("stdout of job %d of %d"):format(i, count))
  end
end

case("ten jobs in one call all run", {}, function(subject) run_many(subject, 10) end)

case("a thousand jobs all run", { slow = true }, function(subject)
  local patience, most = subject.seconds, subject.settings.timeout_ms
  subject.seconds, subject.settings.timeout_ms = 600, math.max(most, 300000)
  run_many(subject, 1000)
  subject.seconds, subject.settings.timeout_ms = patience, most
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

-- Finding --------------------------------------------------------------------------------------------------------

case("find tells what is there from what never was", {}, function(subject)
  local job = subject:submit_one(shell "sleep 60")
  local reports = subject:call("find", { { tag = job.tag }, { tag = tag.of(ids.new()) } })
  expect.equal("found", reports[1].answer, "find of a job that was just submitted")
  expect.equal(job.native_id, reports[1].native_id, "the native id that find tells")
  expect.equal("absent", reports[2].answer, "find of a tag that was never submitted")
  subject:in_state(job, "ACTIVE")
  expect.equal("found", subject:call("find", { { tag = job.tag } })[1].answer, "find of a job that runs")
  subject:steer("cancel", { job })
  subject:ending(job)
end)

case("find of a job that has just ended does not say absent", {}, function(subject)
  local job = ends(subject, shell "true", "COMPLETED")
  expect.that(subject:call("find", { { tag = job.tag } })[1].answer ~= "absent", "it would be submitted a second time")
end)

case("a job of an unknown id is absent", {}, function(subject)
  local stranger = subject:job(shell "true")
  stranger.row.native_id, stranger.row.submitted_at = "999999999", clock.now()
  expect.that(subject:look({ stranger })[1].absent, "monitor knows a job 999999999")
end)

case("a stranger's job is neither seen nor touched", {}, function(subject)
  local victim = subject:submit_one(shell "sleep 4; echo unharmed")
  local stranger = subject:job(shell "true")
  stranger.row.native_id, stranger.row.submitted_at = victim.native_id, clock.now() -- its id, another tag
  expect.that(subject:look({ stranger })[1].absent, "monitor takes a job of that id, but of another tag, for its own")
  subject:in_state(victim, "ACTIVE")
  for _, verb in ipairs { "suspend", "hold", "cancel" } do
    if subject.info.verbs[verb] then subject:steer(verb, { stranger }) end
  end
  expect.equal("COMPLETED", subject:ending(victim).state, "state of a job that another one's ref was used on")
  expect.equal("unharmed\n", subject:read(victim, "stdout"), "its output")
end)

case("jobs are found again by a plug-in that is opened anew", {}, function(subject)
  local running, done = subject:submit_one(shell "sleep 3; exit 4"), ends(subject, shell "exit 5", "FAILED", { exit_code = 5 })
  expect.that(subject:close(), "close did not end within 5 seconds")
  local info, why = subject:open()
  expect.that(info, function() return "it does not open again: " .. tostring(why) end)
  expect.equal(5, subject:ending(done).exit_code, "exit code of a job that had ended before")
  expect.equal(4, subject:ending(running).exit_code, "exit code of a job that ran meanwhile")
end)

-- Steering -------------------------------------------------------------------------------------------------------

case("cancel ends a job that runs", {}, function(subject)
  local job = subject:submit_one(shell "sleep 600")
  subject:in_state(job, "ACTIVE")
  local report = subject:steer("cancel", { job })[1]
  expect.that(not report.error, function() return "cancel: " .. report.error.message end)
  local state = subject:ending(job)
  expect.that(state.state == "CANCELED" or state.state == "FAILED" and state.reason == "SIGNAL",
    "a cancelled job ended " .. state.state .. " " .. tostring(state.reason))
end)

case("cancel of a job that has ended changes nothing", {}, function(subject)
  local job = ends(subject, shell "exit 0", "COMPLETED")
  subject:steer("cancel", { job })
  expect.equal("COMPLETED", subject:ending(job).state, "its state afterwards")
end)

-- As many jobs as fill the resource's cores would take long; a job that is held at once shows the same.
case("hold keeps a job from starting, release lets it", { needs = { "hold", "release" } }, function(subject)
  local cores = math.tointeger(subject.info.honours.cores) or 1
  local jobs = {}
  if subject.info.honours.cores then -- fill them, so that the next one waits
    for i = 1, cores do jobs[i] = subject:submit_one(shell "sleep 600") end
    subject:await("all cores taken", jobs, function(report) return report.state == "ACTIVE" end)
  end
  local job = subject:submit_one(shell "echo ran")
  local report = subject:steer("hold", { job })[1]
  if report.error or subject:look({ job })[1].state == "ACTIVE" or subject.ended[subject:look({ job })[1].state] then
    return subject:clean() -- it was faster
  end
  subject:in_state(job, "HELD")
  if #jobs > 0 then subject:steer("cancel", jobs) end
  task.sleep(2000)
  expect.equal("HELD", subject:look({ job })[1].state, "state of a held job after two seconds")
  report = subject:steer("release", { job })[1]
  expect.that(not report.error, function() return "release: " .. report.error.message end)
  expect.equal("COMPLETED", subject:ending(job).state, "state of a released job")
end)

case("suspend stops a job, resume lets it go on", { needs = { "suspend", "resume" } }, function(subject)
  local job = subject:submit_one(shell "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo $i >tick; sleep 0.1; done")
  subject:told(job, "tick", function(text) return text ~= "" end)
  local report = subject:steer("suspend", { job })[1]
  if report.error and report.error.class == "rejected" then return subject:clean() end -- the account may not
  subject:in_state(job, "SUSPENDED")
  task.sleep(500)
  local before = subject:read(job, "tick")
  task.sleep(1500)
  expect.equal(before, subject:read(job, "tick"), "how far a suspended job got")
  report = subject:steer("resume", { job })[1]
  expect.that(not report.error, function() return "resume: " .. report.error.message end)
  subject:in_state(job, "ACTIVE")
  subject:told(job, "tick", function(text) return text ~= "" and text ~= before end)
  subject:steer("cancel", { job })
  subject:ending(job)
end)

case("signal reaches the program", { needs = { "signal" } }, function(subject)
  local job = subject:submit_one(shell "trap 'echo got >got; exit 0' USR1; echo ready >ready; while :; do sleep 0.1; done")
  subject:told(job, "ready", function(text) return text == "ready\n" end)
  local report = subject:steer("signal", { job }, { name = "USR1" })[1]
  expect.that(not report.error, function() return "signal: " .. report.error.message end)
  subject:told(job, "got", function(text) return text == "got\n" end)
  subject:ending(job)
end)

-- The scheduler itself -------------------------------------------------------------------------------------------

case("status tells how the scheduler is", { needs = { "status" } }, function(subject)
  local status = require "orrery.core.status"
  local report = subject:call("status", { {} })[1]
  local wrong = report.error and report.error.message or status.nonsense_of_resource(report)
  expect.that(not wrong, function() return "status: " .. wrong end)
  expect.equal("up", report.state, "state of a scheduler that has just run jobs")
end)

return cases
