-- The plug-in `loadleveler` and a fake LoadLeveler (tests/fakes/loadleveler): the whole contract, as far as the conformance kit
-- can tell, and what the kit cannot bring about.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local kit = require "support.kit"
local loadleveler = require "support.loadleveler"
local process = require "support.process"

-- What the kit says of the plug-in: its verdict, and that nothing was left out but what LoadLeveler does not have.
local function expect_conforms(rig, arguments, left_out)
  local result = kit.check("loadleveler", arguments, { before = rig:client() })
  assert.equal(0, result.code, result.out .. result.err)
  for case, verdict in pairs(kit.verdicts(result.out)) do
    local why = result.out:match("skip  " .. case:gsub("%p", "%%%0") .. " (%b())")
    assert.is_true(verdict == "pass" or left_out[why] == true, case .. " " .. tostring(why))
  end
end

local LACKS = { ["(it has no arrays)"] = true, ["(it has no signal)"] = true, ["(it has no alter)"] = true,
  ["(it has no estimate)"] = true, ["(--quick)"] = kit.extent ~= "" }

describe("a LoadLeveler", function()
  local rig
  before_each(function() rig = loadleveler.start() end)
  after_each(function() rig:stop() end)

  local function start(settings) return behaviour.server(rig, "loadleveler", "timeout_ms = 3000, " .. (settings or "")) end

  local function add(s, simulation, spec) return s:make(("/v1/simulations/%s/jobs"):format(simulation), spec).id end

  it("keeps the contract", function()
    expect_conforms(rig, kit.extent, LACKS)
    expect_conforms(rig, "--case 'a job over its time limit'", {}) -- which is quick here
  end)

  it("keeps it where steps that have ended are not seen again", function()
    local hasty <close> = loadleveler.start "--linger 0"
    local lacks = { ["(--quick)"] = true }
    for why in pairs(LACKS) do lacks[why] = true end
    expect_conforms(hasty, "--quick", lacks)
  end)

  it("refuses to suspend where that is for others to do, and everything to root", function()
    local strict <close> = loadleveler.start "--no-administrators"
    expect_conforms(strict, "--case 'suspend stops a job'", {
      ["(suspend was refused: llpreempt: You must be an administrator)"] = true })
    if strict:run "id -u" ~= "0" then return end
    local rootless <close> = loadleveler.start "--no-root"
    local s, _ <close> = behaviour.server(rootless, "loadleveler")
    local job = s:job_in(add(s, s:simulation(), { script = "true" }))
    assert.same({ "FAILED", "SUBMIT_REJECTED" }, { job.state, job.reason })
    assert.matches("root is not allowed to submit jobs", job.problem.detail)
    crash.stop(s)
  end)

  it("has nothing in it that nobody has seen of LoadLeveler", function()
    local good = "# @ job_name = a\n# @ wall_clock_limit = 60\n"
    local function submit(text) return "llsubmit - <<'END'\n" .. text .. "\nEND" end
    for _, command in ipairs { "llq -r %id %xx", "llq -w", "llq -r", "llsubmit file", "llhold -x 1", "llclass", "llcancel --all",
      submit(good), submit(good .. "# @ mail = x\n# @ queue"), submit(good .. "# @ job_type = fast\n# @ queue"),
      submit(good .. "# @ queue\n#@ queue"), submit(good .. "# @ class = nowhere\n# @ queue") } do
      local code, said = process.run((". %s/env.sh; %s"):format(rig.directory, command))
      assert.equal(1, code, command)
      assert.equal(command:find "llsubmit" ~= nil, said:find "has not been submitted" ~= nil, said)
    end
    assert.equal(0, loadleveler.given(rig))
    rig:run(submit(good .. "# @ queue\ntrue"))
    assert.equal(1, loadleveler.given(rig))
  end)

  it("makes one step of a submission during which it stood still", function()
    local s, _ <close> = start()
    behaviour.await(s, "up")
    local simulation = s:simulation()
    loadleveler.befall(rig, "frozen")
    local job = add(s, simulation, crash.counted(s))
    behaviour.await(s, "down")
    loadleveler.relieve(rig, "frozen")
    assert.equal(0, crash.audit(s, simulation, 1))
    assert.same({ 1, 1 }, { loadleveler.given(rig), crash.submissions(s, job) })
    crash.stop(s)
  end)

  it("makes one step of a submission of which nobody was told", function()
    local s, _ <close> = start()
    behaviour.await(s, "up")
    local simulation = s:simulation()
    loadleveler.befall(rig, "mute")
    local job = add(s, simulation, crash.counted(s, "sleep 5"))
    process.eventually("a step", function() return loadleveler.given(rig) == 1 end)
    loadleveler.relieve(rig, "mute")
    assert.equal(0, crash.audit(s, simulation, 1))
    assert.same({ 1, 1 }, { loadleveler.given(rig), crash.submissions(s, job) })
    crash.stop(s)
  end)

  it("keeps jobs while its central manager is away, those that ran as well", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    local running = add(s, simulation, crash.counted(s, "sleep 3"))
    s:job_in(running, "ACTIVE")
    loadleveler.befall(rig, "away")
    local waiting = add(s, simulation, crash.counted(s))
    behaviour.await(s, "down")
    assert.equal("ACTIVE", s:read("/v1/jobs/" .. running).state)
    assert.is_true(s:read("/v1/jobs/" .. waiting).state ~= "FAILED")
    loadleveler.relieve(rig, "away")
    assert.equal(0, crash.audit(s, simulation, 2))
    crash.stop(s)
  end)

  it("cancels again what it said it had cancelled", function()
    local s, _ <close> = start()
    local job = add(s, s:simulation(), { script = "sleep 300" })
    s:job_in(job, "ACTIVE")
    loadleveler.befall(rig, "deaf")
    s:post(("/v1/jobs/%s/cancel"):format(job))
    process.eventually("a cancel", function() return process.read(rig.directory .. "/calls"):find "llcancel" end)
    loadleveler.relieve(rig, "deaf")
    assert.equal("CANCELED", s:job_in(job).state)
    crash.stop(s)
  end)

  it("runs each job once though the server is killed while it submits", function()
    local jobs, count = {}, 20
    local s, _ <close> = start()
    behaviour.await(s, "up")
    local simulation = s:simulation()
    for i = 1, count do jobs[i] = crash.counted(s) end
    crash.kill_while_submitting(s, simulation, jobs)
    crash.stop(s)
  end)
end)
