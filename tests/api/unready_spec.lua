-- A sweep that is being written: its jobs are in the database, between others, and nobody meets them. The sweep is put
-- there by hand, so that it stays unready for as long as the questions take.
local process = require "support.process"
local server = require "support.server"

local HIDDEN = 1000

describe("a sweep that is not ready", function()
  local s, simulation, before, between, behind

  -- One more job than is needed keeps the resource's only place, so that the others wait.
  setup(function()
    s = server.start { resources = 'resource "fake" { scheduler = "fake", poll_ms = 100, max_submitted = 1 }' }
    simulation = s:simulation()
    s:job_in(s:job(simulation, { run_ms = 3000 }, { name = "first" }).id, "ACTIVE")
    before = { s:job(simulation, nil, { priority = 0 }).id, s:job(simulation, nil, { priority = 2 }).id }
    local function hide(shift)
      local write = ([[
        PRAGMA busy_timeout = 5000;
        BEGIN IMMEDIATE;
        INSERT INTO sweeps(key, simulation, owner, template, body, parameters, combine, jobs, first_job)
          SELECT max(key) + 1, simulation, owner, '{}', '{}', '{}', 'product', %d, max(key) + 2 FROM jobs;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)
        INSERT INTO jobs(key, simulation, sweep, owner, state, priority, parameters)
          SELECT w.first_job + i, w.simulation, w.key, w.owner, 'PENDING', i %% 4 + %d, '{}'
          FROM n, (SELECT * FROM sweeps ORDER BY key DESC LIMIT 1) w;
        COMMIT;]]):format(HIDDEN, HIDDEN, shift)
      local code, output = process.run(("sqlite3 -bail %s %s"):format(process.quote(s.data .. "/orrery.db"),
        process.quote(write)))
      assert(code == 0, output)
    end
    hide(0)
    between = { s:job(simulation, nil, { priority = 2 }).id }
    hide(-2)
    behind = { s:job(simulation, nil, { priority = 0 }).id, s:job(simulation, nil, { priority = 1 }).id }
  end)
  teardown(function() s:stop() end)

  local function ids_of(target)
    local ids = {}
    for i, item in ipairs(s:all(target)) do ids[i] = item.id or item.job_id end
    return ids
  end

  it("has no job in any list, however long the pages are", function()
    assert.equal(tostring(2 * HIDDEN), s:sql "SELECT count(*) FROM jobs WHERE sweep IS NOT NULL")
    local first = s:read("/v1/jobs?name=first").items[1].id
    local up = { first, before[1], before[2], between[1], behind[1], behind[2] }
    local down = {}
    for i = #up, 1, -1 do down[#down + 1] = up[i] end
    for _, list in ipairs { "/v1/jobs?", "/v1/simulations/" .. simulation .. "/jobs?",
      "/v1/simulations/" .. simulation .. "/results?", "/v1/jobs?state=PENDING,SUBMITTING,QUEUED,ACTIVE,COMPLETED&" } do
      for _, limit in ipairs { 1, 2, 5, 1000 } do
        assert.same(up, ids_of(list .. "limit=" .. limit), list)
        assert.same(down, ids_of(list .. "order=desc&limit=" .. limit), list)
      end
    end
    local csv = s:get("/v1/simulations/" .. simulation .. "/results?format=csv").body
    assert.equal(1 + #up, select(2, csv:gsub("\r\n", "")))
    assert.same({}, ids_of("/v1/jobs?sweep=" .. s:read("/v1/jobs?limit=1").items[1].id))
  end)

  it("lets the jobs around it run, the more urgent first, and none of its own", function()
    local done = {}
    for _, id in ipairs { before[1], before[2], between[1], behind[1], behind[2] } do
      done[#done + 1] = s:job_in(id, "COMPLETED")
    end
    table.sort(done, function(a, b) return a.submitted_at < b.submitted_at end)
    local order = {}
    for i, job in ipairs(done) do order[i] = job.id end
    assert.same({ before[2], between[1], behind[2], before[1], behind[1] }, order)
    assert.equal("0", s:sql "SELECT count(*) FROM jobs WHERE sweep IS NOT NULL AND state <> 'PENDING'")
  end)

  it("is passed over when its simulation is canceled", function()
    s:make("/v1/simulations/" .. simulation .. "/cancel", nil, { status = 202 })
    process.eventually("the wish reaching all jobs", function()
      return s:sql "SELECT count(*) FROM simulations WHERE steer = 1" == "0"
    end)
    assert.equal("0", s:sql "SELECT count(*) FROM jobs WHERE sweep IS NOT NULL AND wanted <> 'RUN'")
  end)
end)
