-- Lives of jobs on a scheduler that fails in every way it can, and of the resource itself.
local crash = require "support.crash"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

-- How often the fake has started a job natively, by tag; read from its state.
local function starts(s)
  local count, total = {}, 0
  for tag in (process.read(s.data .. "/resources/fake/starts") or ""):gmatch "[^\n]+" do
    count[tag], total = (count[tag] or 0) + 1, total + 1
  end
  return count, total
end

local function events_of(s, job, type)
  local found = {}
  for _, event in ipairs(s:all("/v1/jobs/" .. job .. "/history")) do
    if event.type == type then found[#found + 1] = event end
  end
  return found
end

-- Waits until a job was offered again, and turned away again → the job.
local function offered_twice(s, id)
  return process.eventually("another submission", function()
    local job = s:read("/v1/jobs/" .. id)
    return crash.submissions(s, id) >= 2 and job.state == "PENDING" and job
  end)
end

describe("a job", function()
  local s, simulation, jobs

  setup(function()
    s = server.start { resources = [[
      resource "fake" { scheduler = "fake", poll_ms = 100, lost_ms = 300, timeout_ms = 400 }
      resource "other" { scheduler = "fake", poll_ms = 100 }
      resource "busy" { scheduler = "fake", poll_ms = 100 }]] }
    simulation, jobs = s:simulation(), {}
    -- What takes seconds takes them together.
    for name, custom in pairs { rejected = { submit_error = "rejected" }, busy = { submit_error = "busy" },
      unavailable = { submit_error = "unavailable" }, landed = { submit_error = "unknown", submit_lands = true, run_ms = 50 },
      unknown = { submit_error = "unknown" }, vanished = { vanish = 1 } } do
      local resource = name == "unavailable" and "other" or name == "busy" and "busy" or "fake"
      jobs[name] = s:job(simulation, custom, { resource = resource }).id
    end
  end)
  teardown(function()
    s:post("/v1/simulations/" .. simulation .. "/cancel")
    s:finished(simulation)
    s:stop()
  end)

  it("that is rejected fails, with the scheduler's own words", function()
    local job = s:job_in(jobs.rejected)
    assert.same({ "FAILED", "SUBMIT_REJECTED", "scripted rejected", 1 }, { job.state, job.reason, job.message, job.attempt })
    assert.same({ "/problems/scheduler-rejected", 422, "scripted rejected" },
      { job.problem.type, job.problem.status, job.problem.detail })
    assert.equal(http.null, job.native_id)
  end)

  it("that is turned away because the scheduler is busy is offered again", function()
    local job = offered_twice(s, jobs.busy)
    assert.same({ "BACKOFF", "scripted busy", 1 }, { job.reason, job.message, job.attempt })
    assert.equal("up", s:read("/v1/resources/busy").state)
  end)

  it("whose scheduler is unavailable is kept, and the resource is tried again", function()
    local job = offered_twice(s, jobs.unavailable)
    assert.same({ "BACKOFF", "scripted unavailable", 1 }, { job.reason, job.message, job.attempt })
    assert.is_table(s:logged { message = "^resource down$", resource = "other", error = "scripted unavailable" })
    s:post("/v1/jobs/" .. jobs.unavailable .. "/cancel")
    s:job_in(jobs.unavailable, "CANCELED")
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "other" }).id).state)
  end)

  it("of unknown fate that had landed is found by its tag, and runs once", function()
    local job = s:job_in(jobs.landed)
    assert.same({ "COMPLETED", 1 }, { job.state, job.attempt })
    assert.equal(1, #events_of(s, job.id, "job.found"))
    local count = starts(s)
    local tag = s:sql("SELECT submission FROM jobs WHERE native_id = '" .. job.native_id .. "' AND resource = 'fake'")
    assert.is_truthy(tonumber(tag))
    for _, times in pairs(count) do assert.equal(1, times) end
  end)

  it("of unknown fate that had not landed is submitted again, under another tag", function()
    local directory = offered_twice(s, jobs.unknown).directory
    assert.matches("/1$", directory) -- the attempt goes on, so that whichever comes first has the claim
    local moves = {}
    for i, event in ipairs(events_of(s, jobs.unknown, "job.state")) do moves[i] = event.from .. ">" .. event.to end
    assert.equal("PENDING>SUBMITTING SUBMITTING>PENDING PENDING>SUBMITTING", table.concat(moves, " ", 1, 3))
  end)

  it("that vanishes is LOST when it has been missing for long", function()
    local job = s:job_in(jobs.vanished)
    assert.same({ "FAILED", "LOST", http.null }, { job.state, job.reason, job.exit_code })
    assert.matches("does not know the job any more", job.message)
  end)

  it("that vanishes while it is to be cancelled is CANCELED", function()
    local job = s:job(simulation, { vanish = 1 }, { resource = "fake" }).id
    s:job_in(job, "QUEUED")
    s:post("/v1/jobs/" .. job .. "/cancel")
    local ended = s:job_in(job)
    assert.same({ "CANCELED", http.null }, { ended.state, ended.reason })
  end)

  it("ends as its program did", function()
    local cases = { { {}, "COMPLETED", http.null, 0, http.null }, { { exit_code = 1 }, "FAILED", "EXIT_CODE", 1, http.null },
      { { exit_code = 255 }, "FAILED", "EXIT_CODE", 255, http.null }, { { signal = 9 }, "FAILED", "SIGNAL", http.null, 9 },
      { { signal = 15 }, "FAILED", "SIGNAL", http.null, 15 } }
    for _, case in ipairs(cases) do
      local job = s:job_in(s:job(simulation, case[1], { resource = "other" }).id)
      assert.same({ table.unpack(case, 2) }, { job.state, job.reason, job.exit_code, job.signal })
      assert.is_string(job.started_at)
      assert.is_string(job.ended_at)
    end
  end)

  it("that was killed because it was to be cancelled is CANCELED", function()
    local job = s:job(simulation, { run_ms = 400, signal = 15 }, { resource = "other" }).id
    s:job_in(job, "ACTIVE")
    s:post("/v1/jobs/" .. job .. "/cancel")
    assert.equal("CANCELED", s:job_in(job).state)
  end)

  it("whose submission takes longer than it may is found when it is there, and runs once", function()
    local job = s:job(simulation, { submit_delay_ms = 1800, run_ms = 10 }, { resource = "fake" }).id
    process.eventually("the resource to be down, for the reason that its plug-in hangs", function()
      local resource = s:read "/v1/resources/fake"
      return resource.state == "down" and resource.message:find "hangs in"
    end)
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "other" }).id).state)
    local ended = s:job_in(job)
    assert.same({ "COMPLETED", 1 }, { ended.state, ended.attempt })
    for _, times in pairs((starts(s))) do assert.equal(1, times) end
    process.eventually("the resource to be up", function() return s:read("/v1/resources/fake").state == "up" end)
  end)
end)

describe("a resource", function()
  it("is handed no more than it may hold, and every owner has a turn", function()
    local s = server.start { resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 4 }' }
    local alice, bob = s:token_of "alice", s:token_of "bob"
    local first, second = s:simulation("a", { token = alice }), s:simulation("b", { token = bob })
    s:make("/v1/simulations/" .. first .. "/sweeps", { template = server.spec { run_ms = 150 },
      parameters = { n = { from = 1, to = 40, step = 1 } } }, { token = alice })
    for _ = 1, 4 do s:job(second, { run_ms = 150 }, nil, { token = bob }) end
    local most = 0
    repeat
      local counts = s:read("/v1/simulations/" .. first).counts
      local others = s:read("/v1/simulations/" .. second).counts
      local held = 0
      for _, state in ipairs { "SUBMITTING", "QUEUED", "ACTIVE" } do held = held + (counts[state] or 0) + (others[state] or 0) end
      most = math.max(most, held)
    until (others.COMPLETED or 0) == 4
    local before = s:read("/v1/simulations/" .. first).counts.COMPLETED or 0
    assert.is_true(before < 30, "the sweep went first: " .. before)
    assert.is_true(most >= 2 and most <= 6, most) -- two readings are not of one moment
    s:post("/v1/simulations/" .. first .. "/cancel")
    s:finished(first)
    s:stop()
  end)

  it("with room for one gives it to one owner after the other", function()
    local s = server.start { resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 1 }' }
    local simulations = {}
    for n, owner in ipairs { "anna", "bert", "zoe" } do
      local token = s:token_of(owner)
      simulations[n] = s:simulation("turns", { token = token })
      s:make("/v1/simulations/" .. simulations[n] .. "/sweeps", { template = server.spec { run_ms = 20 },
        parameters = { n = { from = 1, to = n == 1 and 40 or 3, step = 1 } } }, { token = token })
    end
    s:finished(simulations[2])
    s:finished(simulations[3])
    assert.is_true((s:read("/v1/simulations/" .. simulations[1]).counts.COMPLETED or 0) < 20)
    s:post("/v1/simulations/" .. simulations[1] .. "/cancel")
    s:finished(simulations[1])
    s:stop()
  end)

  it("takes no more of one owner than it may, and leaves the rest of its room to others", function()
    local s = server.start { resources = [[
      resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 6, max_submitted_per_owner = 4 }]] }
    local simulations = {}
    for n, owner in ipairs { "anna", "bert" } do
      local token = s:token_of(owner)
      simulations[n] = s:simulation("capped", { token = token })
      s:make("/v1/simulations/" .. simulations[n] .. "/sweeps", { template = server.spec { run_ms = 60000 },
        parameters = { n = { from = 1, to = 20, step = 1 } } }, { token = token })
      process.eventually("its share", function()
        return s:read("/v1/simulations/" .. simulations[n]).counts.ACTIVE == (n == 1 and 4 or 2)
      end)
    end
    assert.same({ 4, 16 }, { s:read("/v1/simulations/" .. simulations[1]).counts.ACTIVE,
      s:read("/v1/simulations/" .. simulations[1]).counts.PENDING })
    for _, id in ipairs(simulations) do
      s:post("/v1/simulations/" .. id .. "/cancel")
      s:finished(id)
    end
    s:stop()
  end)

  it("is given no more submissions in a minute than it may be", function()
    local s = server.start { resources = [[
      resource "fake" { scheduler = "fake", poll_ms = 100, submissions_per_minute = 120 }]] }
    local id = s:simulation()
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec { run_ms = 10 },
      parameters = { n = { from = 1, to = 16, step = 1 } } })
    s:finished(id)
    local took = s:sql [[SELECT (max(at) - min(at)) / 1000.0 FROM events WHERE type = 'job.state'
      AND json_extract(data, '$.to') = 'SUBMITTING']]
    assert.is_true(tonumber(took) >= 1.9, took) -- twelve at once, then two a second
    s:stop()
  end)

  it("is not kept from what it can run by what it cannot", function()
    local s = server.start { resources = [[
      resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 1 }
      resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }]] }
    process.eventually("both open", function()
      return s:read("/v1/resources/fake").state == "up" and s:read("/v1/resources/stubborn").state == "up"
    end)
    local id = s:simulation()
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { executable = "/bin/sleep", priority = 5,
      attributes = { custom_attributes = { ["fake.run_ms"] = 60000 } } }), parameters = { n = { from = 1, to = 400, step = 1 } } })
    local scripts = {}
    for i = 1, 3 do scripts[i] = s:make("/v1/simulations/" .. id .. "/jobs", { script = "true", priority = -i }).id end
    for _, job in ipairs(scripts) do assert.equal("stubborn", s:job_in(job, "HELD").resource) end
    s:post("/v1/simulations/" .. id .. "/cancel")
    s:finished(id)
    s:stop()
  end)

  it("that is down keeps its jobs until it is up", function()
    local s = server.start { resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, options = { down = true } }' }
    local id = s:simulation()
    local job = s:job(id).id
    process.eventually("down", function() return s:read("/v1/resources/fake").state == "down" end)
    assert.equal("PENDING", s:read("/v1/jobs/" .. job).state)
    s:stop(true)
    s:restart { resources = server.FAKE }
    assert.equal("COMPLETED", s:job_in(job).state)
    assert.equal("up", s:read("/v1/resources/fake").state)
    s:stop()
  end)

  it("that comes back by itself goes on by itself", function()
    local s = server.start { resources = 'resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }' }
    local id, switch = s:simulation(), s.data .. "/resources/stubborn/down"
    process.eventually("up", function() return s:read("/v1/resources/stubborn").state == "up" end)
    process.write(switch, "")
    local job = s:make("/v1/simulations/" .. id .. "/jobs", { script = "true" }).id
    process.eventually("down", function() return s:read("/v1/resources/stubborn").state == "down" end)
    assert.equal("there is a file down", s:read("/v1/resources/stubborn").message)
    os.remove(switch)
    s:job_in(job, "HELD")
    assert.equal("up", s:read("/v1/resources/stubborn").state)
    assert.equal(http.null, s:read("/v1/resources/stubborn").message)
    s:post("/v1/jobs/" .. job .. "/cancel")
    s:job_in(job)
    s:stop()
  end)

  it("that is configured no more keeps its jobs, which say so and are left alone until it is back", function()
    local other = 'resource "other" { scheduler = "fake", poll_ms = 100 }'
    local s = server.start { resources = server.FAKE .. other }
    local id = s:simulation()
    local running, doomed = s:job(id, { run_ms = 60000 }, { resource = "fake" }).id, s:job(id, { run_ms = 60000 }, { resource = "fake" }).id
    local elsewhere = s:job(id, { run_ms = 60000 }, { resource = "other" }).id
    for _, job in ipairs { running, doomed, elsewhere } do s:job_in(job, "ACTIVE") end
    s:stop(true)
    s:restart { resources = other }
    for _, job in ipairs { running, doomed } do
      assert.matches("^resource fake is no longer configured", s:read("/v1/jobs/" .. job).message)
    end
    assert.equal(http.null, s:read("/v1/jobs/" .. elsewhere).message)
    local answer = s:post("/v1/jobs/" .. doomed .. "/cancel").json
    assert.same({ "ACTIVE", "CANCEL" }, { answer.state, answer.wanted })
    assert.matches("no longer configured", answer.message)
    process.eventually("nothing to steer", function() return s:sql "SELECT count(*) FROM jobs WHERE steer = 1" == "0" end)
    s:stop(true)
    s:restart { resources = server.FAKE .. other }
    assert.equal("CANCELED", s:job_in(doomed).state)
    assert.same({ "ACTIVE", http.null }, { s:read("/v1/jobs/" .. running).state, s:read("/v1/jobs/" .. running).message })
    s:post("/v1/simulations/" .. id .. "/cancel")
    s:finished(id)
    s:stop()
  end)

  it("tells what it is", function()
    local s = server.start()
    local fake = process.eventually("its own word", function()
      local seen = s:read "/v1/resources/fake"
      return seen.cores_total ~= http.null and seen
    end)
    assert.same({ "fake", "fake", "up", 1000, 1000, 0, http.null }, { fake.name, fake.scheduler, fake.state, fake.cores_total,
      fake.cores_free, fake.pending, fake.message })
    assert.equal(1000, fake.limits.max_submitted)
    assert.is_string(fake.observed_at)
    assert.same({ fake.name }, { s:read("/v1/resources").items[1].name })
    s:stop()
  end)

  it("takes only the jobs that it can honour", function()
    local s = server.start { resources = server.FAKE .. 'resource "stubborn" { scheduler = "stubborn", poll_ms = 100 }' }
    local id = s:simulation()
    for _ = 1, 20 do s:job(id) end
    local simulation = s:finished(id)
    assert.equal(20, simulation.counts.COMPLETED)
    for _, job in ipairs(s:all("/v1/simulations/" .. id .. "/jobs")) do assert.equal("fake", job.resource) end
    s:stop()
  end)
end)

describe("the counts of a simulation", function()
  it("are those of its jobs, whatever happened to them", function()
    local s = server.start { workers = 2 }
    local id = s:simulation()
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec { run_ms = "${t}", exit_code = "${x}" },
      parameters = { t = { 0, 5, 200 }, x = { 0, 0, 1 } } })
    for n = 1, 12 do
      local job = s:job(id, { run_ms = 300 }, { hold = n % 2 == 0, submit = n % 3 ~= 0 }).id
      s:post("/v1/jobs/" .. job .. "/" .. ({ "cancel", "hold", "suspend", "release" })[n % 4 + 1])
      if n % 5 == 0 then s:delete("/v1/jobs/" .. job) end
    end
    s:post("/v1/simulations/" .. id .. "/release")
    s:post("/v1/simulations/" .. id .. "/submit")
    s:finished(id)
    assert.equal("", s:sql [[
      SELECT c.state, c.jobs, (SELECT count(*) FROM jobs j WHERE j.simulation = c.simulation AND j.state = c.state) AS n
      FROM counts c WHERE c.jobs <> n
      UNION ALL
      SELECT j.state, count(*), 0 FROM jobs j
      WHERE NOT EXISTS (SELECT 1 FROM counts c WHERE c.simulation = j.simulation AND c.state = j.state AND c.jobs > 0)
      GROUP BY j.simulation, j.state]])
    s:stop()
  end)
end)
