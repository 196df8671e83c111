-- What every real scheduler must do under the same REST calls, as tests for a spec: `behaviour.of(rig, how)` within its
-- `describe`. The rig is running then (support/rig.lua).
local assert = require "luassert"
local busted = require "busted"
local crash = require "support.crash"
local http = require "support.http"
local kit = require "support.kit"
local process = require "support.process"

local it = busted.it
local behaviour = {}

---A server with one resource, "cluster", on a rig, and its guard (crash.start).
---@param settings string|nil Lua text, beside the scheduler and what the rig's clients need
function behaviour.server(rig, scheduler, settings)
  local resource = 'resource "cluster" { scheduler = %q, poll_ms = 300, %s %s }'
  return crash.start { wrapper = rig:client(), open = rig.settings ~= nil, account = rig.account,
    resources = resource:format(scheduler, rig.settings or "", settings or "") }
end

local function await(s, state)
  return process.eventually("the resource to be " .. state, function()
    local cluster = s:read "/v1/resources/cluster"
    return cluster.state == state and cluster
  end)
end
behaviour.await = await

local function add(s, simulation, spec) return s:make(("/v1/simulations/%s/jobs"):format(simulation), spec).id end

local function merged(...)
  local all = {}
  for _, each in ipairs { ... } do
    for name, value in pairs(each) do all[name] = value end
  end
  return all
end

-- What a job wrote to its standard output.
local function output(s, job)
  return s:get("/v1/jobs/" .. job .. "/stdout").body
end

---@class behaviour.how what differs between schedulers
---@field scheduler string the plug-in
---@field settings string of the resource
---@field master string the daemon that is frozen and killed
---@field directives string a script's head with directives that would spoil the job
---@field queue string one of its queues
---@field open string|nil its word for a queue that takes jobs (default: up)
---@field refusal table what makes a specification one that is refused
---@field refused string a pattern of the words
---@field custom table attributes that are taken
---@field holds_elements boolean|nil false: the elements of an array cannot be held by themselves
---@field everything table what makes a job take all that there is, so that another of the kind waits
---@field alter table attributes that a job that waits is to have instead of its own
---@field altered fun(job:table):string what the scheduler says of the job
---@field alterations string[] patterns of it, once it is altered
---@field down fun() makes the master end
---@field duration integer the shortest limit worth waiting for
---@field hurry fun(job:table) shortens the time until a running job is ended at its limit
---@field given fun(rig:table):integer how many native jobs there ever were

---@param rig_of fun():table
---@param how behaviour.how
function behaviour.of(rig_of, how)
  local function start(settings) return behaviour.server(rig_of(), how.scheduler, how.settings .. (settings or "")) end

  it("runs jobs and tells how each ended", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local cases = {
      { { script = "exit 0" }, "COMPLETED", http.null, 0, http.null },
      { { script = "exit 3" }, "FAILED", "EXIT_CODE", 3, http.null },
      { { script = "exit 99" }, "FAILED", "EXIT_CODE", 99, http.null },
      { { script = "exit 100" }, "FAILED", "EXIT_CODE", 100, http.null },
      { { script = "kill -SEGV $$" }, "FAILED", "SIGNAL", http.null, 11 },
      { { script = "kill -KILL $$" }, "FAILED", "SIGNAL", http.null, 9 },
      { { executable = "/nowhere/program" }, "FAILED", "EXIT_CODE", 127, http.null },
      { { script = "true", directory = "/nowhere" }, "FAILED", "LAUNCH_FAILED", http.null, http.null },
      { { script = how.directives .. "exit 5" }, "FAILED", "EXIT_CODE", 5, http.null },
      { { script = "exit 0", attributes = { custom_attributes = how.custom } }, "COMPLETED", http.null, 0, http.null },
      { { script = "exit 0", resources = { process_count = 2, cpu_cores_per_process = 2, memory = 1 << 30 } }, "COMPLETED",
        http.null, 0, http.null },
    }
    for _, case in ipairs(cases) do case.id = add(s, simulation, case[1]) end
    for _, case in ipairs(cases) do
      local job = s:job_in(case.id)
      assert.same({ table.unpack(case, 2) }, { job.state, job.reason, job.exit_code, job.signal }, http.encode(case[1]))
      assert.is_true(job.submitted_at <= job.started_at and job.started_at <= job.ended_at)
    end
    crash.stop(s)
  end)

  it("keeps the contract, as far as the conformance kit can tell", function()
    local result = kit.check(how.scheduler, kit.extent, { before = rig_of():client() })
    assert.equal(0, result.code, result.out .. result.err)
  end)

  it("tells how it is, queue by queue", function()
    local s, _ <close> = start()
    await(s, "up")
    local status, main, cores
    process.eventually("a free core, when the jobs of the test before have ended", function()
      status = s:read "/v1/resources/cluster/status"
      for _, queue in ipairs(s:read "/v1/resources/cluster/queues".items) do
        if queue.name == how.queue then main = queue end
      end
      cores = main.cores_total == http.null and status or main -- queues need not have nodes of their own
      return cores.cores_free > 0
    end, 120)
    assert.same({ "up", 0, how.open or "up" }, { status.state, status.pending, main.state })
    assert.is_true(status.cores_total >= cores.cores_total and cores.cores_total >= cores.cores_free)
    assert.is_true(status.age_seconds >= 0 and status.age_seconds < 60)
    crash.stop(s)
  end)

  it("refuses in its own words", function()
    local s, _ <close> = start()
    local job = s:job_in(add(s, s:simulation(), merged({ script = "true" }, how.refusal)))
    assert.same({ "FAILED", "SUBMIT_REJECTED", http.null }, { job.state, job.reason, job.native_id })
    assert.matches(how.refused, job.problem.detail)
    local simulation = s:simulation()
    s:make(("/v1/simulations/%s/sweeps"):format(simulation), { template = merged({ script = "exit ${n}" }, how.refusal),
      parameters = { n = { 1, 2, 3 } } }) -- as an array at first, and then each by itself
    assert.same({ total = 3, FAILED = 3 }, s:finished(simulation).counts)
    for _, each in ipairs(s:all(("/v1/simulations/%s/jobs"):format(simulation))) do
      assert.same({ "SUBMIT_REJECTED", 2 }, { each.reason, crash.submissions(s, each.id) })
      assert.matches(how.refused, each.problem.detail)
    end
    crash.stop(s)
  end)

  it("brings arguments and variables to the program as they are", function()
    local s, _ <close> = start()
    local odd = { "a b", "'", '"', "$HOME", "`id`", "a,b", "x\ny\n", "", "-n", "*", "\\", "ü€", "#SBATCH -x", ("z"):rep(100000) }
    local variables, format = {}, { "printf '[%s]'" }
    for i, value in ipairs(odd) do variables["ODD_" .. i], format[i + 1] = value, ('"$ODD_%d"'):format(i) end
    local simulation = s:simulation()
    local jobs = {
      add(s, simulation, { executable = "printf", arguments = { "[%s]", table.unpack(odd) } }),
      add(s, simulation, { script = table.concat(format, " "), environment = variables }),
      add(s, simulation, { script = 'shift\nprintf "[%s]" "$@"', arguments = { "x", table.unpack(odd) } }),
    }
    for _, job in ipairs(jobs) do
      assert.equal("COMPLETED", s:job_in(job).state)
      assert.equal("[" .. table.concat(odd, "][") .. "]", output(s, job))
    end
    crash.stop(s)
  end)

  it("runs a sweep as an array, whose elements can be steered", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local first = add(s, simulation, merged({ script = "sleep 300" }, how.everything))
    s:job_in(first, "ACTIVE")
    local sweep = s:make(("/v1/simulations/%s/sweeps"):format(simulation), {
      template = { script = 'echo "$1"; exit "$2"', arguments = { "n ${n}", "${code}" } }, combine = "zip",
      parameters = { n = { from = 1, to = 6, step = 1 }, code = { 0, 3, 0, 0, 0, 99 } } }).id
    local jobs = s:all(("/v1/jobs?sweep=%s"):format(sweep))
    local natives = {}
    for i, job in ipairs(jobs) do natives[i] = s:job_in(job.id, "QUEUED").native_id end
    local before, after = natives[1]:match "^(%d+%D)1(.*)$"
    for i in ipairs(jobs) do assert.equal(before .. i .. after, natives[i]) end
    local holds = how.holds_elements ~= false
    if holds then
      s:post(("/v1/jobs/%s/hold"):format(jobs[4].id))
      s:job_in(jobs[4].id, "HELD")
    end
    s:post(("/v1/jobs/%s/cancel"):format(jobs[5].id))
    s:job_in(jobs[5].id, "CANCELED")
    s:post(("/v1/jobs/%s/cancel"):format(first))
    for i, ending in pairs { { "COMPLETED", 0 }, { "FAILED", 3 }, { "COMPLETED", 0 }, [6] = { "FAILED", 99 } } do
      local job = s:job_in(jobs[i].id)
      assert.same(ending, { job.state, job.exit_code })
      assert.equal(("n %d\n"):format(i), output(s, job.id))
    end
    if holds then
      assert.equal("HELD", s:read("/v1/jobs/" .. jobs[4].id).state)
      s:post(("/v1/jobs/%s/release"):format(jobs[4].id))
    end
    assert.equal("COMPLETED", s:job_in(jobs[4].id).state)
    crash.stop(s)
  end)

  it("holds and releases, suspends and resumes, cancels what waits and what runs", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local first = add(s, simulation, merged({ script = "sleep 300" }, how.everything))
    local function ask(job, verb, ...)
      s:post(("/v1/jobs/%s/%s"):format(job, verb))
      s:job_in(job, ...)
    end
    s:job_in(first, "ACTIVE")
    local second = add(s, simulation, merged({ script = "true" }, how.everything))
    local third = add(s, simulation, merged({ script = "true" }, how.everything))
    s:job_in(second, "QUEUED")
    ask(second, "hold", "HELD")
    s:job_in(third, "QUEUED")
    ask(third, "cancel", "CANCELED")
    ask(first, "suspend", "SUSPENDED")
    ask(first, "resume", "ACTIVE")
    ask(first, "cancel", "CANCELED")
    assert.equal("HELD", s:read("/v1/jobs/" .. second).state)
    ask(second, "release", "COMPLETED")
    crash.stop(s)
  end)

  it("alters a job that waits, or says why not", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local function alter(job, attributes)
      assert.equal(202, s:patch("/v1/jobs/" .. job, { attributes = attributes }).status)
      return process.eventually("an answer", function()
        local events = s:all("/v1/jobs/" .. job .. "/history")
        local last = events[#events]
        return (last.type == "job.altered" or last.type == "job.refused") and last
      end)
    end
    local first = add(s, simulation, merged({ script = "sleep 300" }, how.everything))
    s:job_in(first, "ACTIVE")
    local second = add(s, simulation, merged({ script = "true" }, how.everything))
    s:job_in(second, "QUEUED")
    local refused = alter(second, how.refusal.attributes)
    assert.same({ "job.refused", true }, { refused.type, refused.message:lower():find(how.refused) ~= nil }, refused.message)
    assert.equal("job.altered", alter(second, how.alter).type)
    for name, value in pairs(how.alter) do
      assert.equal(value, s:read("/v1/jobs/" .. second).spec.attributes[name])
    end
    local shown = how.altered(s:read("/v1/jobs/" .. second))
    for _, pattern in ipairs(how.alterations) do assert.matches(pattern, shown) end
    s:post(("/v1/jobs/%s/cancel"):format(first))
    assert.equal("COMPLETED", s:job_in(second).state)
    crash.stop(s)
  end)

  it("ends a job at its time limit", function()
    local s, _ <close> = start()
    local job = add(s, s:simulation(), { script = "sleep 300", attributes = { duration = how.duration } })
    how.hurry(s:job_in(job, "ACTIVE"))
    local ended = process.eventually("the limit", function()
      local now = s:read("/v1/jobs/" .. job)
      return now.state ~= "ACTIVE" and now
    end, 90)
    assert.same({ "FAILED", "TIMEOUT" }, { ended.state, ended.reason })
    crash.stop(s)
  end)

  it("makes one native job of a submission during which it stood still", function()
    local rig = rig_of()
    local s, _ <close> = start "timeout_ms = 3000,"
    await(s, "up")
    local simulation, before = s:simulation(), how.given(rig)
    rig:freeze(how.master)
    local _ <close> = setmetatable({}, { __close = function() rig:thaw(how.master) end })
    add(s, simulation, crash.counted(s))
    local down = await(s, "down")
    assert.is_string(down.observed_at) -- of the last good answer
    rig:thaw(how.master)
    assert.equal(0, crash.audit(s, simulation, 1))
    assert.equal(before + 1, how.given(rig))
    crash.stop(s)
  end)

  it("keeps jobs while it is down, those that ran as well", function()
    local rig = rig_of()
    local s, _ <close> = start "timeout_ms = 3000,"
    local simulation = s:simulation()
    local running = add(s, simulation, crash.counted(s, "sleep 3"))
    s:job_in(running, "ACTIVE")
    how.down()
    await(s, "down")
    local waiting = add(s, simulation, crash.counted(s))
    assert.equal("ACTIVE", s:read("/v1/jobs/" .. running).state)
    assert.is_true(s:read("/v1/jobs/" .. waiting).state ~= "FAILED")
    rig:revive()
    assert.equal(0, crash.audit(s, simulation, 2))
    crash.stop(s)
  end)

  it("runs each job once though the server is killed while it submits", function()
    local jobs, count = {}, 40
    local s, _ <close> = start()
    await(s, "up")
    local simulation = s:simulation()
    for i = 1, count do jobs[i] = crash.counted(s) end
    crash.kill_while_submitting(s, simulation, jobs)
    crash.stop(s)
  end)
end

return behaviour
