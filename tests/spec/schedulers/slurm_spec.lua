-- What the plug-in `slurm` makes of what Slurm said: a recorded queue with jobs in most states there are, recorded accounting,
-- and recorded failures.
local recording = require "support.recording"
local slurm = require "slurm"

-- The rows of a recording, each a map of its columns.
local function rows(text, columns)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    local row, c = {}, 0
    for value in (line .. "|"):gmatch "([^|]*)|" do
      c = c + 1
      if columns[c] then row[columns[c]] = value end
    end
    list[#list + 1] = row
  end
  return list
end

local SQUEUE = { "JobArrayID", "id", "array", "task", "short", "State", "Reason", "Name", "user", "partition", "submit",
  "StartTime", "EndTime" }
local SACCT = { "JobID", "JobName", "State", "ExitCode", "Start", "End" }

-- Prints rows as squeue does when it is asked for a format: fields, each with what follows it. Slurm tells times as seconds.
local function squeue(argv, list)
  local format, lines = table.concat(argv, " "):match "%-%-Format=(%S+)", {}
  for _, row in ipairs(list) do
    lines[#lines + 1] = format:gsub("(%a[%w_]*):([^,]*),?", function(name, after)
      if name == "exit_code" then return row.exit_code .. after end
      return (row[name]:find "^%d+%-" and "1700000000" or row[name]) .. after
    end)
  end
  return table.concat(lines)
end

-- And as sacct does, with its delimiter.
local function sacct(argv, list)
  local words = table.concat(argv, " ")
  local delimiter, format, lines = words:match "%-%-delimiter=(%S+)", words:match "%-%-format=(%S+)", {}
  for _, row in ipairs(list) do
    local values = {}
    for name in format:gmatch "[^,]+" do values[#values + 1] = row[name]:find "^%d+%-" and "1700000000" or row[name] end
    lines[#lines + 1] = table.concat(values, delimiter) .. "\n"
  end
  return table.concat(lines)
end

local CONFIG = "AccountingStorageType   = accounting_storage/slurmdbd\nMaxArraySize            = 1001\n"

-- An instance whose commands are answered by functions of their names.
local function open(answers)
  return slurm.open({ timeout_ms = 1000 }, recording.host(function(argv, options)
    if argv[1] == "scontrol" and argv[3] == "config" then return recording.said(CONFIG) end
    return assert(answers[argv[1]], argv[1])(argv, options)
  end))
end

local function monitor(self, refs) return recording.call(slurm, "monitor", self, refs) end

describe("slurm", function()
  -- exit_code is the status of wait(2), recorded of the same jobs.
  local STATUS = { FAILED = { NonZeroExitCode = 3 << 8, JobLaunchFailure = 11 } }

  it("understands each state of a queue", function()
    local list, refs = rows(recording.text "slurm/squeue.txt", SQUEUE), {}
    for i, row in ipairs(list) do
      row.exit_code = STATUS[row.State] and STATUS[row.State][row.Reason] or 0
      if row.Name == "z-badcwd" then row.exit_code = 1 << 8 end
      refs[i] = { native_id = row.JobArrayID, tag = row.Name }
    end
    local reports = monitor(open { squeue = function(argv) return recording.said(squeue(argv, list)) end }, refs)
    local seen = {}
    for i, row in ipairs(list) do
      local r = reports[i]
      seen[row.Name] = table.concat({ r.state, tostring(r.reason), tostring(r.exit_code), tostring(r.signal), tostring(r.stuck),
        tostring(r.final) }, " ")
    end
    seen["z-array"] = nil -- one name, many states
    assert.same({
      ["z-timeout"] = "FAILED TIMEOUT nil nil nil true",
      ["z-nodefail"] = "FAILED NODE_FAIL nil nil nil true",
      ["z-completed"] = "COMPLETED nil 0 nil nil true",
      ["z-failed3"] = "FAILED EXIT_CODE 3 nil nil true",
      ["z-sigsegv"] = "FAILED SIGNAL nil 11 nil true",
      ["z-badcwd"] = "FAILED LAUNCH_FAILED nil nil nil true",
      ["z-depnever"] = "QUEUED nil nil nil DependencyNeverSatisfied nil",
      ["z-depkill"] = "CANCELED nil nil nil nil true",
      ["z-cancelled"] = "CANCELED nil nil nil nil true",
      ["z-cancelled-held"] = "CANCELED nil nil nil nil true",
      ["z-completing"] = "CANCELED nil nil nil nil true",
      ["z-begin"] = "QUEUED nil nil nil nil nil",
      ["z-resources"] = "QUEUED nil nil nil nil nil",
      ["z-dep"] = "QUEUED nil nil nil nil nil",
      ["z-held"] = "HELD nil nil nil nil nil",
      ["z-running"] = "ACTIVE nil nil nil nil nil",
      ["z-suspended"] = "SUSPENDED nil nil nil nil nil",
    }, seen)
    for i, row in ipairs(list) do
      if row.JobArrayID == "1014_4" then assert.equal("QUEUED", reports[i].state) end
      if row.JobArrayID == "1014_2" then assert.equal("ACTIVE", reports[i].state) end
    end
  end)

  it("understands words that no test can bring about", function()
    local function status_of(state, reason)
      local row = { JobArrayID = "7", State = state, Reason = reason or "None", Name = "tag", StartTime = "2026-",
        EndTime = "2026-", exit_code = 0 }
      local self = open { squeue = function(argv) return recording.said(squeue(argv, { row })) end }
      local report = monitor(self, { { native_id = "7", tag = "tag" } })[1]
      return report.state, report.reason or report.stuck
    end
    for state, wanted in pairs {
      OUT_OF_MEMORY = { "FAILED", "OUT_OF_MEMORY" }, PREEMPTED = { "FAILED", "PREEMPTED" }, BOOT_FAIL = { "FAILED", "NODE_FAIL" },
      DEADLINE = { "FAILED", "TIMEOUT" }, REVOKED = { "FAILED", "LOST" }, CONFIGURING = { "QUEUED" }, REQUEUED = { "QUEUED" },
      COMPLETING = { "ACTIVE" }, STOPPED = { "SUSPENDED" }, REQUEUE_HOLD = { "HELD" }, SPECIAL_EXIT = { "HELD" },
      A_WORD_OF_THE_FUTURE = { "ACTIVE" },
    } do
      assert.same(wanted, { status_of(state) }, state)
    end
    assert.same({ "QUEUED", "PartitionTimeLimit" }, { status_of("PENDING", "PartitionTimeLimit") })
    assert.same({ "HELD" }, { status_of("PENDING", "JobHeldAdmin") })
  end)

  it("understands accounting, of jobs that have left the queue", function()
    local list, refs, seen = rows(recording.text "slurm/sacct.txt", SACCT), {}, {}
    table.remove(list, 1) -- the columns' names
    for i, row in ipairs(list) do refs[i] = { native_id = row.JobID, tag = row.JobName } end
    local self = open {
      squeue = function() return recording.said "" end,
      sacct = function(argv) return recording.said(sacct(argv, list)) end,
    }
    for i, report in pairs(monitor(self, refs)) do
      seen[list[i].JobName] = ("%s %s %s %s"):format(report.state, report.reason, report.exit_code, report.signal)
    end
    assert.equal("COMPLETED nil 0 nil", seen.ok)
    assert.equal("FAILED EXIT_CODE 3 nil", seen.fail3)
    assert.equal("FAILED SIGNAL nil 11", seen.sigsegv)
    assert.equal("CANCELED nil nil nil", seen.runcancel) -- "CANCELLED by 0"
    assert.equal("FAILED TIMEOUT nil nil", seen.timeout)
    assert.equal("FAILED NODE_FAIL nil nil", seen.nodefail)
    refs[1].tag = "another's"
    assert.is_true(monitor(self, refs)[1].absent)
  end)

  it("knows what kind of failure is meant", function()
    for name, class in pairs { ["down-sbatch"] = "unavailable", ["frozen-sbatch"] = "unknown", ["munge-down-sbatch"] = "unknown",
      ["sbatch-bad-partition"] = "rejected", ["sbatch-maxjobcount-reached"] = "busy" } do
      local self = open { sbatch = function() return recording.failed(recording.text(("slurm/%s.txt"):format(name))) end }
      assert.equal(class, recording.call(slurm, "submit", self, { recording.submission() })[1].error.class, name)
    end
  end)

  -- What sbatch said when its controller was killed under it: it may have the job.
  it("doubts a submission whose connection broke, in whatever words", function()
    for words, class in pairs {
      ["Connection reset by peer"] = "unknown", ["Transport endpoint is not connected"] = "unknown",
      ["Unexpected missing socket error"] = "unknown", ["Unable to contact slurm controller (receive failure)"] = "unknown",
      ["Unable to contact slurm controller (connect failure)"] = "unavailable",
      ["I/O error writing script/environment to file"] = "unavailable", ["Invalid qos specification"] = "rejected",
    } do
      local self = open { sbatch = function() return recording.failed("sbatch: error: Batch job submission failed: " .. words .. "\n") end }
      assert.equal(class, recording.call(slurm, "submit", self, { recording.submission() })[1].error.class, words)
    end
  end)

  it("never says that a job is absent when it could not look", function()
    local frozen = recording.failed(recording.text "slurm/frozen-squeue-messagetimeout2.txt")
    local no_accounting = recording.failed(recording.text "slurm/dbd-down-sacct.txt")
    for class, answers in pairs {
      unavailable = { squeue = function() return frozen end },
      unknown = { squeue = function() return recording.said "" end, sacct = function() return no_accounting end },
    } do
      local self = open(answers)
      assert.equal(class, monitor(self, { { native_id = "7", tag = "tag" } })[1].error.class)
      assert.equal("unknown", recording.call(slurm, "find", self, { { tag = "tag" } })[1].answer)
    end
  end)

  it("asks about any number of jobs, with arguments that a command can take", function()
    local refs, longest, asked = {}, 0, 0
    for i = 1, 10000 do refs[i] = { native_id = ("1234567_%d"):format(i), tag = "tag" } end
    local function answer(argv)
      for _, argument in ipairs(argv) do longest = math.max(longest, #argument) end
      for id in table.concat(argv, " "):gmatch "1234567_" do asked = asked + #id // 8 end
      return recording.said ""
    end
    local self = open { squeue = answer, sacct = answer }
    assert.is_true(monitor(self, refs)[10000].absent)
    assert.equal(10000, asked)
    recording.call(slurm, "cancel", self, refs)
    assert.is_true(longest < 128 * 1024, longest) -- what Linux gives an argument
  end)

  it("has arrays up to the largest index", function()
    assert.equal(1000, open({}).honours.array_size)
  end)

  it("gives sbatch no options that would take the job out of our hands, however short", function()
    local argv
    local self = open { sbatch = function(given)
      argv = table.concat(given, " ")
      return recording.said "7\n"
    end }
    local function submit(custom)
      local item = recording.submission()
      item.attributes.custom_attributes, argv = custom, nil
      return recording.call(slurm, "submit", self, { item })[1]
    end
    for option, value in pairs { array = "1-9", arra = "1-9", ["job-n"] = "another", wra = "evil", help = true, hel = true,
      usage = true, version = true, ["test-o"] = true, nodefile = "/dev/zero", ["a b"] = 1, qos = ("x"):rep(200000),
      constraint = "two\nlines", nice = {}, gres = false } do
      local report = submit { [option] = value }
      assert.equal("rejected", report.error and report.error.class, option)
      assert.is_nil(argv)
    end
    for option, value in pairs { nice = 5, constraint = "fast&big", nodelist = "n[1-2]", ["wait-all-nodes"] = 1,
      exclusive = true } do
      assert.equal("7", submit({ [option] = value }).native_id)
      assert.matches("--" .. option .. (value == true and "" or "=" .. value), argv, 1, true)
    end
  end)

  it("asks about no native id that Slurm cannot have given", function()
    local refs, asked = {}, nil
    for i, id in ipairs { "--me,x", "7_1", "_7" } do refs[i] = { native_id = id, tag = "tag" } end
    local function answer(argv)
      asked = table.concat(argv, " "):match "%-%-jobs=(%S*)"
      return recording.said ""
    end
    local self = open { squeue = answer, sacct = answer }
    assert.same({ { absent = true }, { absent = true }, { absent = true } }, monitor(self, refs))
    assert.equal("7_1", asked)
    recording.call(slurm, "cancel", self, refs)
    assert.equal("7_1", asked)
  end)

  it("tells an array's elements that were cancelled before they began from those that ran", function()
    local list, refs, seen = {}, {}, {}
    local function line(id, state)
      list[#list + 1] = { JobID = id, State = state, ExitCode = "0:0", Start = "2026-", End = "2026-", JobName = "tag" }
    end
    for i = 1, 9, 2 do line("6_" .. i, "COMPLETED") end
    line("6_[2-8:2,10,12-13]", "CANCELLED by 0")
    line("7_[1-2]", "CANCELLED by 0") -- as it was before one of them began
    line("7_2", "COMPLETED")
    for i = 1, 13 do refs[i] = { native_id = "6_" .. i, tag = "tag" } end
    for i = 1, 2 do refs[#refs + 1] = { native_id = "7_" .. i, tag = "tag" } end
    local self = open { squeue = function() return recording.said "" end, sacct = function(argv, options)
      assert.equal("0", options.environment.SLURM_BITSTR_LEN) -- else sacct cuts lists of elements to 64 bytes
      return recording.said(sacct(argv, list))
    end }
    for i, report in ipairs(monitor(self, refs)) do seen[i] = report.absent and "-" or report.state:sub(1, 2) end
    assert.equal("CO CA CO CA CO CA CO CA CO CA - CA CA CA CO", table.concat(seen, " "))
  end)
end)
