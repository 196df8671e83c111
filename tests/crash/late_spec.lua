-- A submission that comes true after the scheduler has twice said that it does not have it, when the job was submitted again:
-- whichever begins first has the attempt, the other runs nothing, and the job is the one that ran.
local crash = require "support.crash"
local process = require "support.process"

local function start(first, second)
  local s, guard = crash.start { resources = ([[resource "late" { scheduler = "late", poll_ms = 200,
    options = { delays = { %d, %d } } }]] .. "\n"):format(first, second) }
  return s, guard, s:simulation()
end

describe("a submission that comes late", function()
  for name, case in pairs { ["begins first, and is the job"] = { 12, 20, "1" }, ["begins second, and runs nothing"] = { 15, 0, "2" } } do
    it(name, function()
      local s, _ <close>, simulation = start(case[1], case[2])
      local id = s:make(("/v1/simulations/%s/jobs"):format(simulation), crash.counted(s, "sleep 2")).id
      assert.equal(0, crash.audit(s, simulation, 1))
      local job = s:read("/v1/jobs/" .. id)
      assert.same({ "COMPLETED", case[3], 1, 2 }, { job.state, job.native_id, job.attempt, crash.submissions(s, id) })
      process.eventually("the other to end", function()
        return process.read(s.data .. ("/resources/late/%d.code"):format(3 - case[3])) == "75\n"
      end)
      assert.equal(1, crash.runs(s))
      crash.stop(s)
    end)
  end

  it("is not believed to be the job because a record says so that names no submission of it", function()
    local s, _ <close>, simulation = start(0, 0)
    local path = ("/v1/simulations/%s/jobs"):format(simulation)
    local victim = s:make(path, { script = "sleep 3" })
    s:job_in(victim.id, "ACTIVE", "QUEUED")
    local tag = process.read(s.data .. "/resources/late/1.tag")
    local job = s:make(path, { script = ([[printf 'native 1\ntag %s\n' >.orrery/record; exit 75]]):format(tag) })
    local ended = s:job_in(job.id)
    assert.same({ "FAILED", 75 }, { ended.state, ended.exit_code })
    assert.equal("COMPLETED", s:job_in(victim.id).state)
    crash.stop(s)
  end)

  it("is not looked for by what can be no native id", function()
    local s, _ <close>, simulation = start(0, 0)
    local job = s:make(("/v1/simulations/%s/jobs"):format(simulation),
      { script = [[printf 'native \001x\ntag %s\n' "$ORRERY_TAG" >.orrery/record; exit 75]] })
    local ended = s:job_in(job.id)
    assert.same({ "FAILED", 75, "1" }, { ended.state, ended.exit_code, ended.native_id })
    crash.stop(s)
  end)

  -- A job whose first submission is taken for lost.
  local function given_back(s, simulation)
    local id = s:make(("/v1/simulations/%s/jobs"):format(simulation), crash.counted(s, "sleep 2")).id
    process.eventually("the doubt", function()
      local job = s:read("/v1/jobs/" .. id)
      return job.state == "PENDING" and job.attempt == 1
    end)
    return id
  end

  it("runs nothing when the job was canceled meanwhile, be the server killed or not", function()
    local s, _ <close>, simulation = start(14, 60)
    local id = given_back(s, simulation)
    s:post(("/v1/jobs/%s/cancel"):format(id))
    crash.kill(s)
    s:restart()
    assert.equal("CANCELED", s:job_in(id).state)
    process.eventually("the late one", function() return process.read(s.data .. "/resources/late/1.code") == "75\n" end)
    assert.equal(0, crash.runs(s))
    crash.stop(s)
  end)

  it("is canceled as any other when it has begun before its job is", function()
    local s, _ <close>, simulation = start(6, 15)
    local id = given_back(s, simulation)
    crash.await_runs(s, 1)
    s:post(("/v1/jobs/%s/cancel"):format(id))
    local job = s:job_in(id)
    assert.same({ "COMPLETED", "1" }, { job.state, job.native_id }) -- this scheduler cannot cancel
    assert.equal(1, crash.runs(s))
    crash.stop(s)
  end)
end)
