-- The guards of a job's row, against what may have come in between.
local sqlite = require "support.sqlite"
sqlite.statements()
local jobs = require "orrery.data.jobs"

describe("a job's row", function()
  local database

  before_each(function()
    database = sqlite.new()
    database:run("INSERT INTO jobs(key, simulation, owner, state) VALUES(1, 1, 'ada', 'PENDING');\n"
      .. "INSERT INTO resources(name, scheduler, configured, revision, state, info, updated_at) VALUES('r', 's', 1, 0, 'up', '', 0);\n")
  end)
  after_each(function() database:remove() end)

  -- How many rows a move changes, and how many it is to change.
  local function move(from, to, fields, edition)
    local changed, wanted
    jobs.move({ add = function(_, sql, expect, ...)
      changed, wanted = database:with(sql, { ... }, "SELECT 'changed ' || changes();\n"):match "changed (%d+)", expect
    end }, 1, from, to, fields, edition or 0)
    return tonumber(changed), wanted
  end

  it("moves on from the state it was read in, and from no other", function()
    assert.same({ 0, 1 }, { move("NEW", "PENDING", { reason = "HELD" }) })
    assert.same({ 1, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }) })
    assert.same({ 0, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }) })
    assert.same({ 1, 1 }, { move("SUBMITTING", "QUEUED", { attempt = 1 }) })
  end)

  it("is not handed over once it is to be held, however lately that was said", function()
    database:run "UPDATE jobs SET wanted = 'HOLD';\n"
    assert.same({ 0, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }) })
    assert.same({ 1, 1 }, { move("PENDING", "CANCELED", { attempt = 1 }) })
  end)

  it("is not handed over as it was specified before it was altered", function()
    database:run "UPDATE jobs SET edition = 1;\n"
    assert.same({ 0, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }, 0) })
    assert.same({ 1, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }, 1) })
  end)

  it("is not handed over to a resource that is drained or gone, however lately that was said", function()
    database:run "UPDATE resources SET drained_at = 1;\n"
    assert.same({ 0, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }, 0) })
    database:run "UPDATE resources SET drained_at = NULL;\n"
    assert.same({ 0, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "other" }, 0) })
    assert.same({ 1, 1 }, { move("PENDING", "SUBMITTING", { attempt = 1, resource = "r" }, 0) })
  end)
end)
