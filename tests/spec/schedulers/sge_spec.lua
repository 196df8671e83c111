-- What the plug-in `sge` makes of what Grid Engine said: recorded accounting with an end of each kind, a recorded queue, and
-- recorded failures.
local recording = require "support.recording"
local sge = require "sge"

local CONFIG = "global:\nmax_aj_tasks                 75000\nmax_u_jobs                   0\n"
local COMPLEXES = "#name  shortcut  type  relop requestable consumable default  urgency\nh_vmem h_vmem MEMORY <= YES NO 0 0\n"

-- An instance whose commands are answered by functions of their names.
local function open(answers, more)
  local config = { timeout_ms = 1000 }
  for name, value in pairs(more or {}) do config[name] = value end
  return sge.open(config, recording.host(function(argv)
    local name = argv[1]:match "[^/]+$"
    if name == "qconf" then return recording.said(argv[2] == "-sconf" and CONFIG or COMPLEXES) end
    return assert(answers[name], name)(argv)
  end))
end

local EMPTY = "<?xml version='1.0'?>\n<job_info>\n</job_info>\n"

local function monitor(self, refs) return recording.call(sge, "monitor", self, refs) end

local function statuses(self, refs)
  local seen = {}
  for i, r in pairs(monitor(self, refs)) do
    seen[refs[i].native_id] = r.absent and "absent" or ("%s %s %s %s"):format(r.state, r.reason, r.exit_code, r.signal)
  end
  return seen
end

describe("sge", function()
  it("understands each end in accounting", function()
    local self = open {
      qstat = function() return recording.said(EMPTY) end,
      qacct = function() return recording.said(recording.text "gridengine/qacct.txt") end,
    }
    local refs = {}
    for id, tag in pairs { ["1"] = "ok.sh", ["2"] = "plain", ["11"] = "kill9.sh", ["10"] = "seg.sh", ["19"] = "hrt",
      ["66"] = "execddown", ["13"] = "fail100.sh", ["12"] = "fail99.sh", ["22.2"] = "arrdel", ["20"] = "another's" } do
      refs[#refs + 1] = { native_id = id, tag = tag, submitted_at = 0 }
    end
    assert.same({
      ["1"] = "COMPLETED nil 0 nil",
      ["2"] = "FAILED nil 3 nil",
      ["11"] = "FAILED SIGNAL nil 9",
      ["10"] = "FAILED SIGNAL nil 11",
      ["19"] = "FAILED TIMEOUT nil nil",
      ["66"] = "absent",               -- deleted by force: its record says success
      ["13"] = "FAILED nil 100 nil",
      ["12"] = "absent",               -- it is to be started again
      ["22.2"] = "FAILED SIGNAL nil 9",
      ["20"] = "absent",               -- of another name
    }, statuses(self, refs))
  end)

  it("understands the letters of a queue", function()
    local self = open { qstat = function(argv)
      return recording.said(recording.text(argv[3] == "-j" and "gridengine/qstat-j.xml" or "gridengine/qstat.xml"))
    end }
    local refs = {}
    for id, tag in pairs { ["15"] = "bin", ["9"] = "depfail", ["18"] = "pe500", ["5"] = "held", ["12"] = "fail99.sh",
      ["13"] = "fail100.sh" } do
      refs[#refs + 1] = { native_id = id, tag = tag, submitted_at = 0 }
    end
    local seen = statuses(self, refs)
    for id, state in pairs { ["15"] = "ACTIVE", ["9"] = "ACTIVE", ["18"] = "QUEUED", ["5"] = "HELD", ["12"] = "QUEUED",
      ["13"] = "QUEUED" } do
      assert.equal(state .. " nil nil nil", seen[id])
    end
    for i, report in pairs(monitor(self, refs)) do
      assert.equal(refs[i].native_id == "13", report.stuck ~= nil) -- Eqw
    end
  end)

  it("says why a job is in error", function()
    local queue = recording.text("gridengine/qstat.xml"):gsub("<JB_job_number>13<", "<JB_job_number>39<")
    local self = open { qstat = function(argv)
      return recording.said(argv[3] == "-j" and recording.text "gridengine/qstat-j.xml" or queue)
    end }
    assert.equal("error: can't chdir to /nonexistent: No such file or directory",
      monitor(self, { { native_id = "39", tag = "fail100.sh" } })[1].stuck)
  end)

  it("knows what kind of failure is meant", function()
    local queue_unknown = 'Unable to run job: Job was rejected because job requests unknown queue "nowhere".\nExiting.\n'
    for text, class in pairs { [recording.text "gridengine/down-qsub.txt"] = "unavailable",
      [recording.text "gridengine/frozen-qsub.txt"] = "unknown", [queue_unknown] = "rejected" } do
      local self = open { qsub = function() return recording.failed(text) end }
      assert.equal(class, recording.call(sge, "submit", self, { recording.submission() })[1].error.class, text)
    end
  end)

  it("never says that a job is absent when it could not look", function()
    local down = recording.failed(recording.text "gridengine/down-qstat-xml.txt")
    local self = open { qstat = function() return down end }
    assert.equal("unavailable", monitor(self, { { native_id = "7", tag = "tag" } })[1].error.class)
    assert.equal("unknown", recording.call(sge, "find", self, { { tag = "tag" } })[1].answer)
  end)

  it("gives qsub no options but those that a job may set, and each no more words than it takes", function()
    local argv
    local self = open { qsub = function(given)
      argv = table.concat(given, " ")
      return recording.said "7\n"
    end }
    local function submit(custom)
      local item = recording.submission()
      item.attributes.custom_attributes, argv = custom, nil
      return recording.call(sge, "submit", self, { item })[1]
    end
    for option, values in pairs {
      l = { "gpu=1 -N another", "gpu=1 /bin/evil", true, "", "-N" }, m = { "n -t 1-1000" }, pe = { "mpi", "mpi 4 /bin/evil" },
      notify = { "-N x" }, binding = { "linear:1 /bin/evil", "set" }, w = { "v", "p" }, N = { "another" }, t = { "1-9" },
      A = { "two\nlines", ("x"):rep(200000), false, {} },
    } do
      for _, value in ipairs(values) do
        local report = submit { [option] = value }
        assert.equal("rejected", report.error and report.error.class, option .. " " .. tostring(value):sub(1, 80))
        assert.is_nil(argv)
      end
    end
    for option, value in pairs { l = "gpu=1,arch=lx-amd64", pe = "mpi 4-8", p = -5, binding = "set linear:1", notify = true } do
      assert.equal("7", submit({ [option] = value }).native_id)
      assert.matches(("-%s %s"):format(option, value == true and "" or value), argv .. " ", 1, true)
    end
  end)

  it("submits several slots in a parallel environment, or not at all", function()
    local argv
    local function submit(resources, options)
      argv = nil
      local self = open({ qsub = function(given)
        argv = table.concat(given, " ")
        return recording.said "7\n"
      end }, options)
      local item = recording.submission()
      item.resources = resources
      return recording.call(sge, "submit", self, { item })[1]
    end
    local by_node = { node_environment = "mpi-%d" }
    assert.equal("7", submit({ process_count = 4 }, { parallel_environment = "smp" }).native_id)
    assert.matches("-pe smp 4", argv, 1, true)
    assert.equal("7", submit({ node_count = 2, processes_per_node = 3 }, by_node).native_id)
    assert.matches("-pe mpi-3 6", argv, 1, true)
    assert.equal("rejected", submit({ process_count = 4 }, by_node).error.class) -- 4 would be what qsub runs
    assert.is_nil(argv)
  end)
end)
