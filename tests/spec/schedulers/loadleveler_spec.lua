-- What the plug-in `loadleveler` makes of what LoadLeveler is known to say, and what it says to it. There is no LoadLeveler to be
-- had: the forms are those that programs which drove it were written for.
local recording = require "support.recording"
local loadleveler = require "loadleveler"
local queue = require "loadleveler.queue"

local NOTHING = "llq: There is currently no job status to report.\n"

-- An instance whose commands are answered by functions of their names, and the commands it ran. Time passes while it sleeps.
local function open(answers, config)
  local options, calls, time = { timeout_ms = 1000 }, {}, 0
  for name, value in pairs(config or {}) do options[name] = value end
  local host = recording.host(function(argv, more)
    local line = table.concat(argv, " ")
    calls[#calls + 1] = line
    if line == "id -un" then return recording.said "alice\n" end
    if line:find "llq %-v$" then return recording.said "llq 5.1.0.17 2013/07/12\n" end
    return assert(answers[argv[1]], line)(argv, more)
  end)
  function host.sleep(ms) time = time + ms end
  function host.monotonic() return time end
  local self, problem = loadleveler.open(options, host)
  if self then self.log = calls end
  return self, problem
end

local function always(text) return function() return recording.said(text) end end

local function line(id, state, tag, owner)
  return ("%s!%s!%s!%s!node7\n"):format(id, state, owner or "alice", queue.name_of(tag))
end

local function monitor(self, refs) return recording.call(loadleveler, "monitor", self, refs) end
local function find(self, tag) return recording.call(loadleveler, "find", self, { { tag = tag } })[1] end
local function submit(self, item) return recording.call(loadleveler, "submit", self, { item or recording.submission() })[1] end

local ONE = { { native_id = "fe1.bgl.example.162.0", tag = "tag" } }

-- An instance that is told of one job, in one state after the other; "" is a queue without it.
local function told(states, config, details)
  local at = 0
  return open({ llq = function(argv)
    if argv[2] == "-l" then return recording.said(details or "") end
    at = at + 1
    local state = states[math.min(at, #states)]
    return recording.said(state == "" and NOTHING or line(ONE[1].native_id, state, "tag"))
  end }, config)
end

local function detail(began, ended, limit)
  return ([[
===== Job Step fe1.bgl.example.162.0 =====
        Job Step Id: fe1.bgl.example.162.0
              Owner: alice
             Status: Removed
      Dispatch Time: %s
    Completion Date: %s
                Env:
                     Completion Date: never
Wall Clk Hard Limit: %s
            Comment: tag its_name
--------------------------------------------------------------------------------
]]):format(began, ended, limit)
end

describe("loadleveler", function()
  it("knows each state", function()
    local seen = {}
    for code in ("I NQ D P ST XP H S HS R CK CP VP RP MP E EP C CA TX NR SX X V"):gmatch "%u+" do
      local r = monitor(told { code }, ONE)[1]
      seen[code] = r.absent and "absent" or ("%s %s %s"):format(r.state, r.reason, r.final)
    end
    assert.same({
      I = "QUEUED nil nil", NQ = "QUEUED nil nil", D = "QUEUED nil nil", P = "QUEUED nil nil", ST = "QUEUED nil nil",
      XP = "QUEUED nil nil", H = "HELD nil nil", S = "HELD nil nil", HS = "HELD nil nil", R = "ACTIVE nil nil",
      CK = "ACTIVE nil nil", CP = "ACTIVE nil nil", VP = "ACTIVE nil nil", RP = "ACTIVE nil nil", MP = "ACTIVE nil nil",
      E = "SUSPENDED nil nil", EP = "SUSPENDED nil nil",
      C = "absent", -- however it ended: its record tells
      CA = "CANCELED nil true", TX = "FAILED SIGNAL true", NR = "FAILED LAUNCH_FAILED true", SX = "FAILED LAUNCH_FAILED true",
      X = "FAILED LAUNCH_FAILED false", V = "FAILED PREEMPTED false", -- they may come back
    }, seen)
  end)

  it("takes a state that it does not know for unknown, until it is told", function()
    for _, code in ipairs { "?", "ZZ", "" } do
      assert.equal("unknown", monitor(told { code == "" and " " or code }, ONE)[1].error.class)
    end
    assert.equal("HELD", monitor(told({ "ZZ" }, { states = { "ZZ=HELD" } }), ONE)[1].state)
    assert.is_true(monitor(told({ "R" }, { states = { "R=ENDED" } }), ONE)[1].absent)
  end)

  it("takes a step that was thrown off for ended when it has gone, unless it came back", function()
    local self = told { "R", "V", "" }
    for _, state in ipairs { "ACTIVE", "FAILED" } do assert.equal(state, monitor(self, ONE)[1].state) end
    local last = monitor(self, ONE)[1]
    assert.same({ "FAILED", "PREEMPTED", true }, { last.state, last.reason, last.final })
    self = told { "V", "I", "" }
    for _, state in ipairs { "FAILED", "QUEUED" } do assert.equal(state, monitor(self, ONE)[1].state) end
    assert.is_true(monitor(self, ONE)[1].absent)
  end)

  it("tells a step whose time was up from one that was cancelled", function()
    local began = "Thu Sep  8 00:09:02 2016"
    for wanted, details in pairs {
      ["FAILED TIMEOUT"] = detail(began, "Thu Sep  8 08:08:02 2016", "07:59:00 (28740 seconds)"),
      ["CANCELED nil"] = detail(began, "Thu Sep  8 08:08:01 2016", "07:59:00 (28740 seconds)"),
      ["FAILED SIGNAL"] = detail(began, "", "undefined"),
    } do
      local self = told({ "RM", "RM", "" }, nil, details)
      for _ = 1, 3 do
        local r = monitor(self, ONE)[1]
        assert.equal(wanted .. " true", ("%s %s %s"):format(r.state, r.reason, r.final))
      end
      assert.equal(1, select(2, table.concat(self.log, "\n"):gsub("llq %-l", ""))) -- asked about once
    end
  end)

  it("reads ids from their ends, with or without a domain", function()
    assert.equal("node1c1.281506.0", queue.key "node1c1.a.b-c.example.281506.0")
    assert.equal("h.162.10", queue.key "h.162.10")
    for _, id in ipairs { "162.0", "999999999", "--me.1.0", "host.1", "a b.1.0", "host.1.0\n" } do
      assert.is_nil(queue.key(id))
    end
    local self = open { llq = always(line("fe1.162.0", "R", "tag")) }
    assert.equal("ACTIVE", monitor(self, ONE)[1].state)
    assert.is_true(monitor(self, { { native_id = "fe2.bgl.example.162.0", tag = "tag" } })[1].absent)
    assert.is_true(monitor(self, { { native_id = ONE[1].native_id, tag = "another" } })[1].absent)
    assert.is_true(monitor(self, { { native_id = "--help", tag = "tag" } })[1].absent)
  end)

  it("is not fooled by what others call their jobs", function()
    local mine = line(ONE[1].native_id, "R", "tag")
    for _, name in ipairs { "a!b", "!!!!", "x!CA!alice!" .. queue.name_of "tag", "" } do
      local theirs = ("fe1.bgl.example.162.0!C!mallory!%s!node1\n"):format(name)
      if name ~= "" then assert.equal("ACTIVE", monitor(open { llq = always(mine .. theirs) }, ONE)[1].state, name) end
      assert.is_true(monitor(open { llq = always(theirs) }, ONE)[1].absent, name)
    end
    local copy = open { llq = always(line("fe1.bgl.example.7.0", "R", "tag", "mallory")) }
    assert.equal("absent", find(copy, "tag").answer)
  end)

  it("finds a submission by its name and its comment", function()
    local listed = line("fe1.bgl.example.162.0", "I", "tag")
    local function instance(details)
      return open { llq = function(argv) return argv[2] == "-l" and details or recording.said(listed) end }
    end
    local found = find(instance(recording.said(detail("", "", ""))), "tag")
    assert.same({ "found", "fe1.bgl.example.162.0" }, { found.answer, found.native_id })
    assert.equal("absent", find(instance(), "another").answer)
    local others = detail("", "", ""):gsub("Comment: tag", "Comment: gat")
    assert.equal("unknown", find(instance(recording.said(others)), "tag").answer)
    assert.equal("unknown", find(instance(recording.said(NOTHING)), "tag").answer) -- it has ended meanwhile
    assert.equal("unknown", find(instance(recording.failed "llq: no answer"), "tag").answer)
  end)

  it("still knows what it submitted when it has left the queue", function()
    local self = open { llq = always(NOTHING), llsubmit = always 'llsubmit: The job "h.e.7" has been submitted.\n' }
    assert.equal("h.e.7.0", submit(self).native_id)
    assert.same({ answer = "found", native_id = "h.e.7.0" }, find(self, "orrery-1"))
  end)

  it("never says that a job is absent when it could not look", function()
    for _, answer in ipairs { recording.failed "llq: 2512-301 no answer\n", recording.said "Usage: llq [-?]\n",
      { exit_code = 0, signal = 0, stdout = "", stderr = "", timed_out = true } } do
      local self = open { llq = function() return answer end }
      assert.equal("unavailable", monitor(self, ONE)[1].error.class)
      assert.equal("unknown", find(self, "tag").answer)
      assert.equal("unavailable", recording.call(loadleveler, "cancel", self, ONE)[1].error.class)
    end
    for _, answer in ipairs { recording.said "", recording.said(NOTHING), recording.failed(NOTHING) } do
      local self = open { llq = function() return answer end }
      assert.is_true(monitor(self, ONE)[1].absent)
      assert.equal("absent", find(self, "tag").answer)
    end
  end)

  it("takes an id from among what others say, or says that it does not know", function()
    for text, id in pairs {
      ['llsubmit: The job "a.b-c.d.7" has been submitted.\n'] = "a.b-c.d.7.0",
      ['llsubmit: Processed command file through Submit Filter: "/f".\nKBGT60003-I budget\n'
        .. 'llsubmit: The job "h.7" with 1 job step has been submitted.\n'] = "h.7.0",
      ["llsubmit: thank you\n"] = false, ['x llsubmit: The job "h.7" has been submitted.\n'] = false,
      ['llsubmit: The job "-x.7" has been submitted.\n'] = false,
    } do
      local report = submit(open { llsubmit = always(text) })
      assert.same({ id or nil, not id and "unknown" or nil }, { report.native_id, report.error and report.error.class }, text)
    end
  end)

  it("knows what kind of failure is meant", function()
    local NOT = "llsubmit: 2512-051 This job has not been submitted to LoadLeveler.\n"
    local function class_of(failed, llq, config)
      return submit(open({ llsubmit = function() return failed end, llq = function() return llq end }, config)).error.class
    end
    local here, away = recording.said(NOTHING), recording.failed "llq: no answer"
    assert.equal("rejected", class_of(recording.failed("llsubmit: the class x is not known.\n" .. NOT), here))
    assert.equal("unavailable", class_of(recording.failed("llsubmit: no answer.\n" .. NOT), away))
    assert.equal("unknown", class_of(recording.failed "llsubmit: Broken pipe\n", here))
    assert.equal("unknown", class_of({ timed_out = true, exit_code = 0, signal = 0, stdout = "", stderr = "" }, here))
    assert.equal("busy", class_of(recording.failed("too many jobs\n" .. NOT), here, { busy = { "too many" } }))
  end)

  it("writes a command file whose keywords stand before everything of the user's", function()
    local text
    local self = open({ llsubmit = function(argv, more)
      assert.same({ "llsubmit", "-" }, argv)
      text = more.stdin
      return recording.said 'llsubmit: The job "h.7" has been submitted.\n'
    end }, { class = "serial", keywords = { "network.MPI = sn_all,shared,US" } })
    local item = recording.submission()
    item.name, item.batch = "it's\\", "#!/bin/sh\n:\n"
    item.resources = { process_count = 8, processes_per_node = 4, cpu_cores_per_process = 2, memory = 6 << 30,
      exclusive_node_use = true }
    item.attributes.account, item.attributes.custom_attributes = "acc", { requirements = "(Memory > 512)", user_priority = 70 }
    submit(self, item)
    local head = [[
#!/bin/sh
# @ job_name = NAME
# @ comment = orrery-1 it_s_
# @ class = serial
# @ account_no = acc
# @ wall_clock_limit = 60
# @ job_type = parallel
# @ node = 2
# @ tasks_per_node = 4
# @ node_usage = not_shared
# @ network.MPI = sn_all,shared,US
]]
    local tail = [[
# @ resources = ConsumableCpus(2) ConsumableMemory(1536mb)
# @ input = /dev/null
# @ output = /dev/null
# @ error = /dev/null
# @ initialdir = /
# @ shell = /bin/sh
# @ notification = never
# @ restart = no
# @ queue
:
]]
    head = head:gsub("NAME", queue.name_of "orrery-1")
    assert.equal(head, text:sub(1, #head))
    assert.equal(tail, text:sub(-#tail))
    local custom = {}
    for each in text:sub(#head + 1, -#tail - 1):gmatch "[^\n]+" do custom[each] = true end
    assert.same({ ["# @ requirements = (Memory > 512)"] = true, ["# @ user_priority = 70"] = true }, custom)
  end)

  it("asks for tasks where they may lie", function()
    local function shape(resources, custom)
      local text
      local self = open { llsubmit = function(_, more)
        text = more.stdin
        return recording.said ""
      end }
      local item = recording.submission()
      item.resources, item.attributes.custom_attributes = resources, custom or {}
      submit(self, item)
      local words = {}
      for key, value in text:gmatch "# @ ([%a_]+) = ([^\n]*)" do
        if ("job_type node total_tasks tasks_per_node blocking"):find(key, 1, true) then
          words[#words + 1] = key .. "=" .. value
        end
      end
      return table.concat(words, " ")
    end
    assert.equal("job_type=serial", shape {})
    assert.equal("job_type=serial", shape { process_count = 1, cpu_cores_per_process = 8 })
    assert.equal("job_type=parallel total_tasks=6 blocking=unlimited", shape { process_count = 6 })
    assert.equal("job_type=parallel node=2 total_tasks=6", shape { node_count = 2, process_count = 6 })
    assert.equal("job_type=parallel node=3 tasks_per_node=2", shape { node_count = 3, processes_per_node = 2 })
    assert.equal("job_type=parallel", shape({ process_count = 6 }, { task_geometry = "{(0,1)(2)}" }))
    assert.equal("job_type=MPICH total_tasks=6 blocking=4", shape({ process_count = 6 }, { job_type = "MPICH", blocking = 4 }))
  end)

  it("gives llsubmit no keywords but those that a job may set, each one line", function()
    local ran
    local answers = { llsubmit = function()
      ran = true
      return recording.said 'llsubmit: The job "h.7" has been submitted.\n'
    end }
    local self = open(answers, { allowed = { "bg_shape", "job_name", "Queue" } })
    local function report_of(attributes)
      local item = recording.submission()
      for name, value in pairs(attributes) do item.attributes[name] = value end
      ran = false
      return submit(self, item)
    end
    for keyword, value in pairs { job_name = "x", comment = "x", queue = "x", executable = "/bin/evil", restart = "yes",
      hold = "user", notification = "always", environment = "COPY_ALL", dependency = "(a == 0)", ["network.a b"] = "x",
      startdate = "x", Queue = "", Rset = "x",
      requirements = "two\nlines", preferences = "goes on \\", rset = true, smt = {}, resources = ("x"):rep(5000) } do
      local report = report_of { custom_attributes = { [keyword] = value } }
      assert.equal("rejected", report.error and report.error.class, keyword)
      assert.is_false(ran)
    end
    for _, name in ipairs { "queue_name", "account", "reservation_id" } do
      assert.equal("rejected", report_of({ [name] = "x\\" }).error.class)
      assert.equal("rejected", report_of({ [name] = "x\n# @ queue" }).error.class)
      assert.is_false(ran)
    end
    local custom = { bg_shape = "1x1x2x1", ["network.MPI_LAPI"] = "sn_all,shared,US" }
    assert.equal("h.7.0", report_of({ custom_attributes = custom }).native_id)
  end)

  it("takes no option that means nothing", function()
    for words, config in pairs {
      ["loadleveler has no option partition"] = { partition = "x" },
      ["option categories of loadleveler lacks %st"] = { categories = { "%id", "%o", "%jn" } },
      ['option programs of loadleveler: "llq" is not NAME=VALUE'] = { programs = { "llq" } },
      ["option states of loadleveler: ZZ=FINE"] = { states = { "ZZ=FINE" } },
      ['option keywords of loadleveler: "rset" is not KEY = VALUE'] = { keywords = { "rset" } },
      ["option keywords of loadleveler cannot set Job_Name"] = { keywords = { "Job_Name = x" } },
    } do
      local _, problem = open({}, config)
      assert.matches(words, problem, 1, true)
    end
  end)

  it("calls commands as the resource says", function()
    local self = open({
      ["/opt/bin/llq"] = function(argv)
        assert.equal("-r %st %id %jn %dq %o", table.concat(argv, " ", 2))
        return recording.said(("R!%s!%s!x!alice\n"):format(ONE[1].native_id, queue.name_of "tag"))
      end,
      ["/site/preempt"] = always "sent\n",
    }, { folder = "/opt/bin", categories = { "%st", "%id", "%jn", "%dq", "%o" }, programs = { "llpreempt=/site/preempt" },
      suspend = { "llpreempt", "-s" } })
    assert.same({ state = "ACTIVE", native_state = "R" }, monitor(self, ONE)[1])
    recording.call(loadleveler, "suspend", self, ONE)
    assert.truthy(table.concat(self.log, "\n"):find("/site/preempt -s fe1.bgl.example.162.0", 1, true))
  end)

  -- What each verb reports when the queue says these states, one after the other.
  local function steered(verb, states, failed)
    local at, ran = 0, nil
    local function command(argv)
      ran = table.concat(argv, " ")
      return failed or recording.said "has been sent to the central manager.\n"
    end
    local self = open { llcancel = command, llhold = command, llpreempt = command, llq = function()
      at = at + 1
      local state = states[math.min(at, #states)]
      return state == "away" and recording.failed "no answer"
        or recording.said(state == "" and NOTHING or line(ONE[1].native_id, state, "tag"))
    end }
    local report = recording.call(loadleveler, verb, self, ONE)[1]
    return report.error and report.error.class or "done", ran, self
  end

  it("sees for itself whether a verb has done anything", function()
    local id = ONE[1].native_id
    for _, case in ipairs {
      { "cancel", { "R", "R", "RP" }, "done", "llcancel " .. id }, { "cancel", { "I", "" }, "done", "llcancel " .. id },
      { "cancel", { "R" }, "unknown", "llcancel " .. id }, { "cancel", { "C" }, "done" }, { "cancel", { "" }, "rejected" },
      { "cancel", { "R", "away" }, "unavailable", "llcancel " .. id },
      { "hold", { "I", "I", "H" }, "done", "llhold " .. id }, { "hold", { "S", "HS" }, "done", "llhold " .. id },
      { "hold", { "I" }, "unknown", "llhold " .. id }, { "hold", { "I", "R" }, "rejected", "llhold " .. id },
      { "hold", { "R" }, "rejected" }, { "hold", { "H" }, "done" }, { "hold", { "I", "" }, "rejected", "llhold " .. id },
      { "release", { "H", "I" }, "done", "llhold -r " .. id }, { "release", { "HS", "S" }, "rejected", "llhold -r " .. id },
      { "release", { "S" }, "rejected" }, { "release", { "R" }, "done" },
      { "suspend", { "R", "EP" }, "done", "llpreempt -m su " .. id }, { "suspend", { "E" }, "done" },
      { "suspend", { "I" }, "rejected" },
      { "resume", { "E", "MP" }, "done", "llpreempt -r " .. id }, { "resume", { "R" }, "done" },
    } do
      local verb, states, wanted, command = table.unpack(case)
      local said = verb .. " " .. table.concat(states, " ")
      local class, ran = steered(verb, states)
      assert.same({ wanted, command }, { class, ran }, said)
    end
    assert.equal("rejected", (steered("suspend", { "R" }, recording.failed "You must be an administrator")))
    assert.equal("done", (steered("cancel", { "R", "RP" }, recording.failed "another one could not be cancelled")))
  end)

  it("remembers what it has cancelled when that has gone, but not what may have ended by itself", function()
    for _, case in ipairs { { { "I", "", "" }, true }, { { "H", "CA", "" }, true }, { { "R", "RP", "RP", "" }, true },
      { { "R", "", "" }, false } } do
      local _, _, self = steered("cancel", case[1])
      local report
      for _ = 1, 2 do report = monitor(self, ONE)[1] end
      assert.same({ case[2] and "CANCELED" or nil, not case[2] or nil }, { report.state, report.absent },
        table.concat(case[1], " "))
      assert.is_true(monitor(self, { { native_id = ONE[1].native_id, tag = "another" } })[1].absent)
    end
  end)

  it("tells how it is, class by class", function()
    local classes = [[
=============== Class normal ===============
                      Name: normal
          Wall_clock_limit: 100+00:00:10, 100+00:00:00 (8640010 seconds, 8640000 seconds)
                Free_slots: 3
             Maximum_slots: 8
                   Maxjobs: 20
--------------------------------------------------------------------------------
=============== Class free ===============
          Wall_clock_limit: undefined, undefined (-1 seconds, -1 seconds)
                Free_slots: 1
             Maximum_slots: 2
                   Maxjobs: -1
--------------------------------------------------------------------------------
]]
    local function status(machines)
      local self = open { llclass = always(classes), llstatus = function() return machines end,
        llq = always(line("h.1.0", "I", "a", "bob") .. line("h.2.0", "R", "b")) }
      return recording.call(loadleveler, "status", self, { {} })[1]
    end
    assert.same({ state = "up", pending = 1, cores_total = 8, cores_free = 3, queues = {
      { name = "normal", max_duration = 8640010, max_jobs = 20, cores_total = 8, cores_free = 3 },
      { name = "free", cores_total = 2, cores_free = 1 },
    } }, status(recording.failed "not here"))
    local seen = status(recording.said("n1 ConsumableCpus(4,16)\nn2 ConsumableCpus(16,16) Memory(1,2)\n"
      .. "n3# ConsumableCpus(16,16)\n"))
    assert.same({ 48, 20, 3, 1 }, { seen.cores_total, seen.cores_free, seen.nodes_total, seen.nodes_free })
    local self = open { llclass = function() return recording.failed "no answer" end, llq = always "" }
    assert.equal("unavailable", recording.call(loadleveler, "status", self, { {} })[1].error.class)
  end)
end)
