-- Pages read what they show and no more: SQLite counts the steps it takes, among many jobs and simulations.
local sqlite = require "support.sqlite"
sqlite.statements()
local jobs = require "orrery.data.jobs"
local simulations = require "orrery.data.simulations"

local JOBS, FIRST, SWEEP = 5000, 1000000, 7

describe("a page of a sweep's jobs", function()
  local database

  setup(function()
    database = sqlite.new()
    database:run(("INSERT INTO sweeps(key, simulation, owner, template, body, parameters, combine, jobs, first_job, ready)"
      .. " VALUES(%d, 1, 'ada', '', '', '', 'product', %d, %d, 1);\n"
      .. "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)\n"
      .. "INSERT INTO jobs(key, simulation, sweep, owner, state) SELECT %d + i, 1, %d, 'ada', iif(i = %d, 'FAILED', 'COMPLETED') FROM n;\n")
      :format(SWEEP, JOBS, FIRST, JOBS, FIRST, SWEEP, JOBS // 2))
  end)
  teardown(function() database:remove() end)

  -- The keys and the steps of a page. `values` are a segment of keys, the limit, and what the filters and states ask for.
  local function page(filter, states, values, descending)
    local sql = jobs.page(filter, states, descending):gsub("^SELECT .- FROM jobs j", "SELECT 'key ' || j.key FROM jobs j")
    local output, keys = database:with(sql, values), {}
    for key in output:gmatch "key (%d+)" do keys[#keys + 1] = math.tointeger(tonumber(key)) end
    return keys, tonumber(output:match "Virtual Machine Steps:%s+(%d+)")
  end

  it("costs the same at its beginning and at its end", function()
    for _, descending in ipairs { false, true } do
      local first, steps = page({ sweep = true }, 0, { 0, math.maxinteger, 10, SWEEP }, descending)
      local low, high = FIRST + JOBS - 11, math.maxinteger
      if descending then low, high = 0, FIRST + 10 end
      local last, more_steps = page({ sweep = true }, 0, { low, high, 10, SWEEP }, descending)
      assert.same({ 10, 10 }, { #first, #last })
      assert.equal(descending and FIRST or FIRST + JOBS - 1, last[10])
      assert.is_true(more_steps < steps + 100, ("%d steps, and %d at the end"):format(steps, more_steps))
    end
  end)

  it("finds those in a rare state without the others", function()
    for _, owner in ipairs { false, "ada" } do
      local values = { 0, math.maxinteger, 10 }
      if owner then values[4] = owner end
      values[#values + 1], values[#values + 2] = SWEEP, "FAILED"
      local found, steps = page({ sweep = true, owner = owner or nil }, 1, values)
      assert.same({ FIRST + JOBS // 2 }, found)
      assert.is_true(steps < 1000, steps .. " steps")
    end
  end)

  it("is empty for a sweep that is not there", function()
    assert.same({}, (page({ sweep = true }, 0, { 0, math.maxinteger, 10, SWEEP + 1 })))
  end)
end)

describe("a page of an owner's simulations in some state", function()
  it("costs the same however many others have", function()
    local database = sqlite.new()
    local function steps()
      local output = database:with(simulations.page({ owner = true, state = true }), { "ada", "FAILED", 0, 10 }, "")
      return tonumber(output:match "Virtual Machine Steps:%s+(%d+)")
    end
    database:run "INSERT INTO simulations(key, owner, name, state) VALUES(1, 'ada', 's', 'FAILED'), (2, 'ada', 's', 'NEW');\n"
    local before = steps()
    database:run("WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)\n"
      .. "INSERT INTO simulations(key, owner, name, state) SELECT i, 'bob', 's', 'FAILED' FROM n;\n")
    assert.is_true(steps() < before + 100, ("%d steps, and %d"):format(before, steps()))
    database:remove()
  end)
end)
