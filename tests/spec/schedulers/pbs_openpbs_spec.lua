-- What the plug-in `pbs` makes of an OpenPBS, whose commands say and end as they did when they were recorded with the very same
-- words (tests/recordings/openpbs): jobs in every state, each refusal, and each way to be down.
local recording = require "support.recording"
local replay = require "support.replay"
local pbs = require "pbs"

describe("pbs, of OpenPBS,", function()
  local rig, self
  setup(function() rig = replay.start "openpbs" end)
  teardown(function() rig:stop() end)
  after_each(function() assert.same({}, rig:unanswered()) end)

  local function open(server, timeout_ms)
    rig:play("version", "id", server or "open_server")
    self = assert(pbs.open({ timeout_ms = timeout_ms or 120000 }, rig:host()))
  end
  before_each(function() open() end)

  local function submit(tag, change)
    local item = recording.submission()
    item.tag = tag
    for name, value in pairs(change or {}) do item[name] = value end
    item.attributes.duration = item.attributes.duration or 60
    item.attributes.custom_attributes = item.attributes.custom_attributes or {}
    return recording.call(pbs, "submit", self, { item })[1]
  end

  local function call(verb, id, tag, more)
    local report
    pbs[verb](self, { { native_id = id .. ".localhost", tag = tag } }, function(_, r) report = r end, more)
    return report
  end

  local function find(tag, size) return recording.call(pbs, "find", self, { { tag = tag, size = size } })[1] end

  local function monitor(jobs)
    local refs = {}
    for i, job in ipairs(jobs) do refs[i] = { native_id = job[1] .. ".localhost", tag = job[2] } end
    return recording.call(pbs, "monitor", self, refs)
  end

  -- What monitor says of jobs, in short.
  local function statuses(jobs)
    local seen = {}
    for i, r in ipairs(monitor(jobs)) do
      seen[i] = r.absent and "absent" or ("%s %s %s %s %s"):format(r.state, r.reason, r.exit_code, r.signal, r.final)
    end
    return seen
  end

  it("submits, and finds what it submitted", function()
    rig:play "qsub"
    assert.same({ native_id = "8814.localhost" }, submit "orrery-101")
    assert.equal("true\n", rig:given()) -- the script
    rig:play "qsub_array"
    assert.same({ "8828[1].localhost", "8828[2].localhost", "8828[3].localhost" }, submit("orrery-201", { size = 3 }).native_ids)
    rig:play("find", "find_absent", "find_array")
    assert.same({ answer = "found", native_id = "8814.localhost" }, find "orrery-101")
    assert.equal("absent", find("orrery-0").answer)
    assert.equal("8828[3].localhost", find("orrery-201", 3).native_ids[3])
  end)

  -- One of each kind, by the order in which they were submitted.
  local function jobs_in_all_states()
    local jobs = {}
    for i, n in ipairs { 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 } do jobs[i] = { 8813 + n, "orrery-" .. 100 + n } end
    return jobs
  end

  it("understands each state", function()
    rig:play "states"
    assert.same({
      "COMPLETED nil 0 nil true",
      "FAILED EXIT_CODE 3 nil true",
      "FAILED SIGNAL nil 11 true",
      "CANCELED nil nil nil true", -- while it ran
      "FAILED SIGNAL nil 9 true",
      "FAILED TIMEOUT nil nil true",
      "SUSPENDED nil nil nil nil",
      "ACTIVE nil nil nil nil",
      "QUEUED nil nil nil nil",
      "ACTIVE nil nil nil nil",
      "QUEUED nil nil nil nil",
      "HELD nil nil nil nil",
      "CANCELED nil nil nil true", -- before it ran
    }, statuses(jobs_in_all_states()))
  end)

  it("tells of a run, and of a job that will never start", function()
    rig:play "states"
    local reports = monitor(jobs_in_all_states())
    local late = reports[6]
    assert.same({ 1795372747000, 1795372770000, 1, "localhost" }, { late.started_at, late.ended_at, late.runs, late.hosts[1] })
    assert.same({ wall_seconds = 22, cpu_seconds = 0, memory = 4812800 }, late.usage)
    assert.matches("^Can Never Run: Insufficient amount of resource: ncpus", reports[9].stuck)
    assert.same({ "Not Running: Not enough free nodes available" }, { reports[11].message, reports[11].stuck })
  end)

  it("understands an array's elements", function()
    rig:play "array_states"
    local jobs = {}
    for i = 1, 3 do jobs[i] = { ("8828[%d]"):format(i), "orrery-201" } end
    for i = 1, 6 do jobs[3 + i] = { ("8829[%d]"):format(i), "orrery-202" } end
    assert.same({ "COMPLETED nil 0 nil true", "FAILED EXIT_CODE 5 nil true", "COMPLETED nil 0 nil true",
      "ACTIVE nil nil nil nil", "ACTIVE nil nil nil nil", "QUEUED nil nil nil nil", "QUEUED nil nil nil nil",
      "QUEUED nil nil nil nil", "absent" }, statuses(jobs)) -- the last was deleted before it ran, and by whom it is not told
    rig:play("array_cancel", "array_cancel_qdel")
    assert.same({}, call("cancel", "8829[5]", "orrery-202"))
    rig:play "array_states"
    assert.equal("absent", statuses(jobs)[9])
  end)

  it("knows what kind of refusal is meant", function()
    for name, case in pairs {
      qsub_unknown_queue = { "orrery-1", { attributes = { queue_name = "nosuch" } }, "rejected", "Unknown queue" },
      qsub_unknown_resource = { "orrery-2", { attributes = { custom_attributes = { nosuchres = 3 } } }, "rejected",
        "Unknown resource Resource_List.nosuchres" },
      qsub_bad_value = { "orrery-3", { attributes = { custom_attributes = { mem = "xx" } } }, "rejected",
        "Illegal attribute or resource value Resource_List.mem" },
      qsub_over_limit = { "orrery-4", { attributes = { queue_name = "limited", duration = 3600 } }, "rejected",
        "Job violates queue and/or server resource limits" },
      qsub_queue_full = { "orrery-6", { attributes = { queue_name = "limited" } }, "busy",
        "would exceed queue generic's per-user limit" },
      qsub_queue_off = { "orrery-7", { attributes = { queue_name = "off" } }, "busy", "Queue is not enabled" },
      qsub_queue_private = { "orrery-8", { attributes = { queue_name = "private" } }, "rejected", "Unauthorized Request" },
      qsub_array_too_big = { "orrery-9", { size = 20000 }, "rejected", "Array job exceeds server or queue size limit" },
      qsub_server_full = { "orrery-10", {}, "busy", "Maximum number of jobs already in complex" },
      qsub_user_denied = { "orrery-11", {}, "rejected", "Unauthorized Request" },
      qsub_root = { "orrery-12", {}, "rejected", "Bad UID for job execution" },
    } do
      rig:play(name)
      assert.same({ class = case[3], message = case[4] }, submit(case[1], case[2]).error)
    end
  end)

  it("doubts a submission whose connection broke, and none that was not begun", function()
    for name, case in pairs { killed_qsub = { "orrery-400", "unavailable" }, no_conf_qsub = { "orrery-400", "unavailable" },
      broken_qsub1 = { "orrery-402", "unknown" }, broken_qsub2 = { "orrery-402", "unknown" } } do
      rig:play(name)
      assert.equal(case[2], submit(case[1]).error.class, name)
    end
  end)

  it("never says that a job is absent when it could not look", function()
    for _, name in ipairs { "killed", "no_conf" } do
      rig:play(name .. "_look", name .. "_find")
      assert.equal("unavailable", call("monitor", "93", "orrery-101").error.class, name)
      assert.equal("unavailable", call("cancel", "93", "orrery-101").error.class, name)
      assert.equal("unknown", find("orrery-400").answer, name) -- without a configuration qselect ends with 0, and says nothing
    end
    rig:play "look_user_denied"
    assert.equal("rejected", call("monitor", "0", "orrery-1").error.class)
    rig:play "killed_status"
    assert.equal("unavailable", recording.call(pbs, "status", self, { {} })[1].error.class)
  end)

  it("waits no longer for a server that hangs than it may", function()
    open(nil, 4000)
    rig:play("hung_qsub", "hung_look", "hung_find")
    assert.equal("unknown", submit("orrery-400").error.class)
    assert.equal("unavailable", call("monitor", "93", "orrery-101").error.class)
    assert.equal("unknown", find("orrery-400").answer)
  end)

  it("calls absent what is gone, somebody else's, or hidden", function()
    rig:play "look_some_unknown"
    assert.same({ "COMPLETED nil 0 nil true", "absent" }, statuses { { 8814, "orrery-101" }, { 99999, "orrery-1" } })
    assert.same({ "absent", "absent" }, statuses { { 8814, "orrery-another" }, { 99999, "orrery-1" } })
    rig:play "look_hidden"
    assert.same({ "absent" }, statuses { { 8825, "orrery-112" } })
  end)

  it("asks for no history where there is none, even if it is switched on and off", function()
    open "forgets_server"
    rig:play("forgets_running", "forgets_find")
    assert.same({ "ACTIVE nil nil nil nil" }, statuses { { 9000, "orrery-403" } })
    assert.equal("9000.localhost", find("orrery-403").native_id)
    rig:play("forgets_ended", "forgets_server")
    assert.same({ "absent", "absent", "COMPLETED nil 0 nil true", "ACTIVE nil nil nil nil" },
      statuses { { 7000, "orrery-403" }, { "7001[1]", "orrery-404" }, { "7002[1]", "orrery-405" }, { "7002[2]", "orrery-405" } })
    rig:play("remembers_changed", "remembers_changed2")
    assert.same({ "FAILED EXIT_CODE 3 nil true" }, statuses { { 9003, "orrery-406" } })
    open "forgets_server" -- asked for several, it says nothing of one that ended
    rig:play("remembers_changed_some", "open_server", "remembers_changed_some2")
    assert.same({ "HELD nil nil nil nil", "COMPLETED nil 0 nil true" },
      statuses { { 9004, "orrery-407" }, { 9005, "orrery-408" } })
    open()
    rig:play("forgets_changed", "forgets_changed2")
    assert.same({ "ACTIVE nil nil nil nil" }, statuses { { 9000, "orrery-403" } })
    open()
    rig:play("forgets_changed_find", "forgets_changed_find2")
    assert.equal("9000.localhost", find("orrery-403").native_id)
  end)

  it("calls a job canceled that was deleted when it ran, and left no trace, as far as its own record does not tell", function()
    local now = 0
    open "forgets_server"
    self.now = function() return now end
    rig:play("forgets_running", "forgets_cancel_qdel")
    assert.same({}, call("cancel", 9000, "orrery-403"))
    assert.same({ "ACTIVE nil nil nil nil" }, statuses { { 9000, "orrery-403" } })
    rig:play("forgets_gone", "forgets_server")
    for _, at in ipairs { 60000, 89999 } do
      now = at
      assert.same({ "absent" }, statuses { { 9000, "orrery-403" } })
    end
    now = 90000
    assert.same({ "CANCELED nil nil nil true" }, statuses { { 9000, "orrery-403" } })
  end)

  it("steers jobs", function()
    for verb, case in pairs { cancel = { 8827, "qdel" }, hold = { 8826, "qhold" }, release = { 8826, "qrls" },
      suspend = { 8821, "qsig" }, resume = { 8821, "qsig" }, signal = { 8822, "qsig" } } do
      rig:play(verb, verb .. "_" .. case[2])
      assert.same({}, call(verb, case[1], "orrery-" .. case[1] - 8713, { name = "CONT" }), verb)
    end
    assert.same({ "suspend", "resume" }, self.honours.operator)
    rig:play "signal"
    assert.matches("end the job's own shell", call("signal", 8822, "orrery-109", { name = "USR1" }).error.message)
  end)

  it("says why a job is not steered", function()
    for _, case in ipairs {
      { "suspend", 8821, "rejected", "Unauthorized Request  8821.localhost", "qsig_suspend_user", "qsig_suspend_user_qsig" },
      { "cancel", 8825, "rejected", "Unauthorized Request  8825.localhost", "other_cancel", "other_cancel_qdel" },
      { "hold", 8825, "rejected", "Unauthorized Request  8825.localhost", "other_hold", "other_hold_qhold" },
      { "release", 8825, "rejected", "Unauthorized Request  8825.localhost", "other_release", "other_release_qrls" },
      { "hold", 8822, "rejected", "PBS holds only jobs that wait", "signal" },
    } do
      rig:play(table.unpack(case, 5))
      assert.same({ class = case[3], message = case[4] }, call(case[1], case[2], "orrery-" .. case[2] - 8713).error)
    end
    rig:play "remembers_changed2"
    assert.equal("the scheduler has no such job any more", call("cancel", 9003, "orrery-406").error.message)
    rig:play("mom_down", "mom_down_qdel") -- it goes on running: it is asked again later
    assert.equal("busy", call("cancel", 8831, "orrery-401").error.class)
  end)

  it("alters all or nothing", function()
    rig:play("alter", "alter_qalter")
    assert.same({}, call("alter", 8825, "orrery-112", { changes = { attributes = { duration = 30 } } }))
    rig:play("alter_both", "alter_both_qalter", "alter_both_qmove")
    local changes = { attributes = { duration = 20, account = "a", queue_name = "limited" } }
    assert.equal("busy", call("alter", 8825, "orrery-112", { changes = changes }).error.class)
    rig:play("alter_queue", "alter_queue_qmove") -- its words are those of the refusal before
    changes = { attributes = { duration = 40, queue_name = "nosuch" } }
    assert.equal("rejected", call("alter", 8825, "orrery-112", { changes = changes }).error.class)
    rig:play("alter_undo", "alter_undo_qalter", "alter_undo_qalter2", "alter_undo_qmove")
    changes = { attributes = { duration = 10, queue_name = "nosuch" } }
    assert.equal("Unknown queue 8825.localhost", call("alter", 8825, "orrery-112", { changes = changes }).error.message)
    assert.matches("walltime=00:00:20", rig:called()) -- as it was
  end)

  it("tells how OpenPBS is", function()
    rig:play("status_server", "status_queues", "status_nodes")
    assert.same({ state = "up", pending = 4, nodes_total = 1, nodes_free = 0, cores_total = 4, cores_free = 0, queues = {
      { name = "workq", state = "started", pending = 3 }, { name = "limited", state = "stopped", pending = 1, max_duration = 60 },
      { name = "off", state = "disabled", pending = 0 }, { name = "private", state = "started", pending = 0 },
    } }, recording.call(pbs, "status", self, { {} })[1])
  end)
end)
