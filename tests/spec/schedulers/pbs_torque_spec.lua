-- What the plug-in `pbs` makes of a Torque, whose commands say and end as they did when they were recorded with the very same
-- words (tests/recordings/torque): jobs in every state, each refusal, and each way to be down.
local recording = require "support.recording"
local replay = require "support.replay"
local pbs = require "pbs"

local FIRST = 119 -- the number of the first job

describe("pbs, of Torque,", function()
  local rig, self
  setup(function() rig = replay.start "torque" end)
  teardown(function() rig:stop() end)
  after_each(function() assert.same({}, rig:unanswered()) end)

  local function open(timeout_ms)
    rig:play("version", "id", "open_server")
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

  -- The jobs of this many numbers after the first, whose tags count as they were submitted.
  local function ref(number, tag) return { native_id = ("%s.vm"):format(number), tag = "orrery-" .. tag } end

  local function call(verb, job, more)
    local report
    pbs[verb](self, { job }, function(_, r) report = r end, more)
    return report
  end

  local function find(tag, size) return recording.call(pbs, "find", self, { { tag = tag, size = size } })[1] end

  local function statuses(refs)
    local seen = {}
    for i, r in ipairs(recording.call(pbs, "monitor", self, refs)) do
      seen[i] = r.absent and "absent" or ("%s %s %s %s %s"):format(r.state, r.reason, r.exit_code, r.signal, r.final)
    end
    return seen
  end

  local function elements()
    local refs = {}
    for i = 1, 3 do refs[i] = ref(("%d[%d]"):format(FIRST + 5, i), 106) end
    return refs
  end

  it("submits, and finds what it submitted", function()
    rig:play "qsub"
    assert.same({ native_id = FIRST .. ".vm" }, submit "orrery-101")
    rig:play "qsub_array"
    local ids = submit("orrery-106", { size = 3 }).native_ids
    assert.equal(elements()[3].native_id, ids[3])
    rig:play("find", "find_absent", "find_array")
    assert.same({ answer = "found", native_id = "99.vm" }, find "orrery-101") -- there were two: the first
    assert.equal("absent", find("orrery-0").answer)
    assert.same({ "104[1].vm", "104[2].vm", "104[3].vm" }, find("orrery-106", 3).native_ids)
  end)

  it("understands each state", function()
    rig:play "states"
    local refs = {}
    for i = 0, 4 do refs[i + 1] = ref(FIRST + i, 101 + i) end
    for i = 6, 11 do refs[i] = ref(FIRST + i, 101 + i) end
    refs[12] = ref(99999, "none")
    assert.same({
      "COMPLETED nil 0 nil true",
      "FAILED EXIT_CODE 3 nil true",
      "FAILED SIGNAL nil 11 true",
      "FAILED TIMEOUT nil nil true",
      "FAILED SIGNAL nil 15 true", -- deleted, as by a signal
      "SUSPENDED nil nil nil nil",
      "ACTIVE nil nil nil nil",
      "ACTIVE nil nil nil nil",
      "QUEUED nil nil nil nil",
      "HELD nil nil nil nil",
      "absent", -- deleted before it ran
      "absent",
    }, statuses(refs))
    rig:play("cancel", "cancel_qdel")
    assert.same({}, call("cancel", refs[11]))
    rig:play "states"
    assert.equal("CANCELED nil nil nil true", statuses(refs)[11])
  end)

  it("understands an array's elements", function()
    rig:play "array_running"
    assert.same({ "ACTIVE nil nil nil nil", "ACTIVE nil nil nil nil", "ACTIVE nil nil nil nil" }, statuses(elements()))
    rig:play "array_ended"
    assert.same({ "COMPLETED nil 0 nil true", "FAILED EXIT_CODE 5 nil true", "COMPLETED nil 0 nil true" }, statuses(elements()))
  end)

  it("knows what kind of refusal is meant", function()
    for name, case in pairs {
      qsub_unknown_queue = { 1, { attributes = { queue_name = "nosuch" } }, "rejected", "Unknown queue" },
      qsub_unknown_resource = { 2, { attributes = { custom_attributes = { nosuchres = 3 } } }, "rejected", "Unknown resource type" },
      qsub_bad_value = { 3, { attributes = { custom_attributes = { mem = "xx" } } }, "rejected", "Illegal attribute" },
      qsub_over_limit = { 4, { attributes = { queue_name = "limited", duration = 3600 } }, "rejected", "max walltime requirement" },
      qsub_queue_full = { 6, { attributes = { queue_name = "limited" } }, "busy", "exceeds the queue limit" },
      qsub_queue_off = { 7, { attributes = { queue_name = "off" } }, "busy", "queue is disabled" },
      qsub_infeasible = { 8, { resources = { node_count = 99 } }, "rejected", "cannot locate feasible nodes" },
      qsub_root = { 9, {}, "rejected", "can not be run as root" },
    } do
      rig:play(name)
      local failure = submit("orrery-" .. case[1], case[2]).error
      assert.equal(case[3], failure.class, name)
      assert.matches(case[4], failure.message)
    end
    rig:play()
    local failure = submit("orrery-1", { batch = ("#"):rep(65537) }).error -- Torque would say no, and run a piece of it
    assert.same({ "rejected", "Torque takes no script of more than 65536 bytes, and this is one of 65537" },
      { failure.class, failure.message })
  end)

  it("never says that a job is absent, nor that one may be, when it was not asked", function()
    for _, name in ipairs { "killed", "unauthorized" } do
      rig:play(name .. "_qsub", name .. "_look", name .. "_find")
      assert.equal("unavailable", submit("orrery-400").error.class, name)
      assert.equal("unavailable", call("monitor", ref(1, 101)).error.class, name)
      assert.equal("unavailable", call("cancel", ref(1, 101)).error.class, name)
      assert.equal("unknown", find("orrery-400").answer, name)
    end
    rig:play "killed_server"
    assert.equal("unavailable", recording.call(pbs, "status", self, { {} })[1].error.class)
  end)

  it("waits no longer for a server that hangs than it may", function()
    open(4000)
    rig:play("hung_qsub", "hung_look", "hung_find")
    assert.equal("unknown", submit("orrery-400").error.class)
    assert.equal("unavailable", call("monitor", ref(1, 101)).error.class)
    assert.equal("unknown", find("orrery-400").answer)
  end)

  it("steers jobs, and calls absent what is somebody else's", function()
    rig:play("hold", "hold_qhold")
    assert.same({}, call("hold", ref(FIRST + 10, 111)))
    rig:play("release", "release_qrls")
    assert.same({}, call("release", ref(FIRST + 10, 111)))
    rig:play("suspend", "suspend_qsig")
    assert.same({}, call("suspend", ref(FIRST + 6, 107)))
    rig:play("resume", "resume_qsig")
    assert.same({}, call("resume", ref(FIRST + 6, 107)))
    rig:play("suspend_user", "suspend_user_qsig")
    assert.same({ class = "rejected", message = ("Unauthorized Request  %d.vm"):format(FIRST + 6) },
      call("suspend", ref(FIRST + 6, 107)).error)
    rig:play "look_hidden"
    assert.same({ "absent" }, statuses { ref(FIRST + 9, 110) })
  end)

  it("alters all or nothing", function()
    rig:play("alter", "alter_qalter")
    assert.same({}, call("alter", ref(FIRST + 9, 110), { changes = { attributes = { duration = 30 } } }))
    rig:play("alter_undo", "alter_undo_qalter", "alter_undo_qmove", "alter_undo_qalter2")
    local changes = { attributes = { duration = 10, queue_name = "nosuch" } }
    assert.matches("^Unknown queue", call("alter", ref(FIRST + 9, 110), { changes = changes }).error.message)
    assert.matches("walltime=00:00:30", rig:called()) -- as it was
  end)

  it("tells how Torque is", function()
    rig:play("status_server", "status_queues", "status_nodes")
    assert.same({ state = "up", pending = 3, nodes_total = 1, nodes_free = 0, cores_total = 4, cores_free = 0, queues = {
      { name = "limited", state = "stopped", pending = 1, max_duration = 60 }, { name = "off", state = "disabled", pending = 0 },
      { name = "batch", state = "started", pending = 2 },
    } }, recording.call(pbs, "status", self, { {} })[1])
  end)
end)
