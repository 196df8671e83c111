-- Retention: what ended long ago goes, and nothing else. Days are made to pass by setting back when simulations ended.
local process = require "support.process"
local server = require "support.server"

local LOCAL = 'resource "local" { scheduler = "local", poll_ms = 100 }'

describe("retention:", function()
  local s

  setup(function() s = server.start { resources = server.FAKE .. LOCAL } end)
  teardown(function() s:stop() end)

  -- A simulation with a job that has written something → both.
  local function ended(name)
    local id = s:simulation(name)
    local job = s:make("/v1/simulations/" .. id .. "/jobs", { resource = "local", script = "echo out; echo '{\"a\":1}' >results.json" })
    assert.equal("COMPLETED", s:finished(id).state)
    return id, s:read("/v1/jobs/" .. job.id)
  end

  -- Starts the server again, so many days later for some simulations, with a configuration.
  local function days_later(days, names, retention)
    s:stop(true)
    local code, output = process.run(("sqlite3 -bail %s %s"):format(process.quote(s.data .. "/orrery.db"), process.quote(
      ("UPDATE simulations SET ended_at = ended_at - %d WHERE name IN (%s)"):format(days * 86400000, names))))
    assert(code == 0, output)
    s:restart { config = ("retention = { %s }"):format(retention) }
  end

  local function on_disk(job) return process.run("test -e " .. process.quote(job.directory)) == 0 end

  local function eventually_off_disk(job)
    process.eventually("the removal of a directory", function() return not on_disk(job) end)
  end

  local function key_of(name) return ("(SELECT key FROM simulations WHERE name = '%s')"):format(name) end

  it("a simulation that ended long ago is deleted with all that was its own", function()
    local old, old_job = ended "old"
    local young, young_job = ended "young"
    local active, active_job = ended "active"
    s:job(active, nil, { hold = true })
    local new = s:simulation "new"
    local sweep = s:make("/v1/simulations/" .. old .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 1100, step = 1 } } })
    s:post("/v1/simulations/" .. old .. "/cancel")
    s:finished(old)
    local key = s:sql("SELECT " .. key_of "old")
    local events = "SELECT count(*) FROM events WHERE simulation = "
    assert.is_true(tonumber(s:sql(events .. key)) > 1100)

    days_later(10, "'old', 'active'", "jobs_days = 9")
    for _, path in ipairs { "/v1/jobs/" .. old_job.id, "/v1/simulations/" .. old } do
      process.eventually("410", function() return s:get(path).status == 410 end)
    end
    eventually_off_disk(old_job)
    process.eventually("the end of the deletion", function() return s:sql("SELECT count(*) FROM jobs WHERE sweep IS NOT NULL") == "0" end)
    process.eventually("no events", function() return s:sql(events .. key) == "1" end)
    assert.equal("simulation.deleted", s:sql("SELECT type FROM events WHERE simulation = " .. key))
    assert.equal(410, s:get("/v1/simulations/" .. old .. "/sweeps/" .. sweep.id).status)
    assert.equal("0|0", s:sql(("SELECT (SELECT count(*) FROM sweeps), (SELECT count(*) FROM counts WHERE simulation = %s)"):format(key)))
    local line = s:logged { message = "kept long enough" }
    assert.same({ 1, 1101, 0 }, { line.simulations, line.jobs, line.directories })

    for id, job in pairs { [young] = young_job, [active] = active_job } do
      assert.equal(200, s:get("/v1/simulations/" .. id).status)
      assert.equal("out\n", s:get("/v1/jobs/" .. job.id .. "/stdout").body)
      assert.is_true(#s:read("/v1/jobs/" .. job.id .. "/history").items > 2)
    end
    assert.equal("NEW", s:read("/v1/simulations/" .. new).state)
  end)

  it("directories may go before the rest, and come back with new jobs alone", function()
    local id, job = ended "emptied"
    local folder = s.directory .. "/kept"
    process.run("mkdir " .. folder)
    local elsewhere = s:job_in(s:make("/v1/simulations/" .. id .. "/jobs", { resource = "local", script = "echo mine",
      stdout_path = folder .. "/out" }).id)
    local never = s:job(id, nil, { hold = true })
    s:post("/v1/jobs/" .. never.id .. "/cancel")
    s:finished(id)
    days_later(5, "'emptied'", "jobs_days = 9, directories_days = 4")
    eventually_off_disk(job)
    eventually_off_disk(elsewhere)
    local after = s:read("/v1/jobs/" .. job.id)
    assert.same({ "COMPLETED", "userdata" }, { after.state, type(after.directory) })
    for _, what in ipairs { "/stdout", "/stderr", "/stdout?follow=1", "/files", "/files/results.json" } do
      local response = s:get("/v1/jobs/" .. job.id .. what)
      assert.same({ 410, "/problems/gone" }, { response.status, response.json.type }, what)
    end
    assert.equal(404, s:get("/v1/jobs/" .. never.id .. "/stdout").status)
    for _, what in ipairs { "/stdout", "/stdout?follow=1" } do -- what is the user's own is not ours to remove
      assert.equal("mine\n", s:get("/v1/jobs/" .. elsewhere.id .. what).body)
    end
    assert.equal(1, s:read("/v1/simulations/" .. id .. "/results").items[1].results.a)
    assert.equal("1", s:sql("SELECT emptied FROM simulations WHERE name = 'emptied'"))

    local later = s:job_in(s:make("/v1/simulations/" .. id .. "/jobs", { resource = "local", script = "echo later" }).id)
    s:finished(id)
    assert.equal("0", s:sql("SELECT emptied FROM simulations WHERE name = 'emptied'"))
    assert.is_true(on_disk(later))
    days_later(5, "'emptied'", "directories_days = 4")
    eventually_off_disk(later)
    assert.equal(200, s:get("/v1/jobs/" .. later.id).status)
  end)

  it("what a crash interrupts goes on at the next start", function()
    local id = s:simulation "large"
    s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 6000, step = 1 } } })
    s:post("/v1/simulations/" .. id .. "/cancel")
    s:finished(id)
    days_later(3, "'large'", "jobs_days = 2")
    process.eventually("the beginning of the deletion", function()
      return s:sql("SELECT count(*) < 6000 FROM jobs WHERE sweep IS NOT NULL") == "1"
    end)
    s:kill()
    s:restart { config = "" }
    process.eventually("the end of the deletion", function()
      return s:sql("SELECT count(*) FROM simulations WHERE name = 'large'") == "0"
    end)
    assert.equal(410, s:get("/v1/simulations/" .. id).status)
    assert.equal("0|0", s:sql "SELECT (SELECT count(*) FROM jobs WHERE sweep IS NOT NULL), (SELECT count(*) FROM sweeps)")
  end)

  it("nothing goes where the configuration is silent", function()
    local id, job = ended "kept"
    days_later(40000, "'kept'", "")
    ended "another" -- the first round is over when something has been done
    assert.equal(200, s:get("/v1/simulations/" .. id).status)
    assert.is_true(on_disk(job))
  end)
end)
