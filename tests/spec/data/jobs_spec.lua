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

describe("jobs that wait for a resource which takes none any more", function()
  it("are let go, if they named none and no earlier submission of them may yet come true there", function()
    local database = sqlite.new()
    local function row(key, kind, doubted) return ("(%d, 1, 'ada', 'PENDING', 'r', %d, 7, %s)"):format(key, kind, doubted) end
    database:run("INSERT INTO jobs(key, simulation, owner, state, resource, kind, submission, doubted) VALUES"
      .. table.concat({ row(1, 0, "NULL"), row(2, 5, "NULL"), row(3, 5, "'6 '"), row(4, 5, "NULL"), row(5, 6, "NULL") }, ",") .. ";\n"
      .. "INSERT INTO orders(resource, job, verb, words) VALUES('r', 4, 'alter', '{}');\n")
    local free = "SELECT group_concat(key) FROM (SELECT key FROM jobs WHERE resource IS NULL AND submission IS NULL ORDER BY key);\n"
    local change = { add = function(_, sql, _, ...) database:with(sql, { ... }) end }
    jobs.let_go(change, { resource = "r", owner = "ada", kind = 5 })
    assert.equal("2\n", database:run(free))
    jobs.let_go_all(change, "r")
    assert.equal("2,5\n", database:run(free))
    database:remove()
  end)
end)
