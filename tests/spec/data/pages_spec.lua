-- Pages of jobs read what they show and no more: SQLite counts the steps it takes, on a sweep of many jobs.
package.loaded["house.db"] = { statement = function(sql) return sql end }
local process = require "support.process"
local jobs = require "orrery.data.jobs"

local JOBS, FIRST, SWEEP = 5000, 1000000, 7
local database = os.tmpname()

local function sqlite(commands)
  local path = os.tmpname()
  process.write(path, commands)
  local code, output = process.run(("sqlite3 %s < %s 2>&1"):format(database, path))
  os.remove(path)
  assert(code == 0, output)
  return output
end

-- Rows and steps of a page. `values` are a segment of keys, the limit, and what the filters and states ask for.
local function cost(filter, states, values, descending)
  local commands = { ".parameter init" }
  for i, value in ipairs(values) do
    commands[#commands + 1] = (".parameter set ?%d %s"):format(i, type(value) == "string" and "\"'" .. value .. "'\"" or value)
  end
  local sql = jobs.page(filter, states, descending):gsub("^SELECT .- FROM", "SELECT j.key FROM")
  commands[#commands + 1] = ".stats on\n" .. sql .. ";"
  local output, rows = sqlite(table.concat(commands, "\n") .. "\n"), {}
  for key in output:gmatch "%f[^\n\0](%d+)%f[\n]" do rows[#rows + 1] = math.tointeger(tonumber(key)) end
  return rows, tonumber(output:match "Virtual Machine Steps:%s+(%d+)")
end

describe("a page of a sweep's jobs", function()
  setup(function()
    sqlite((".read migrations/0001_foundation.sql\n"
      .. "INSERT INTO sweeps VALUES(%d, 1, 'ada', '', '', '', 'product', %d, %d, 1);\n"
      .. "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)\n"
      .. "INSERT INTO jobs(key, simulation, sweep, owner, state) SELECT %d + i, 1, %d, 'ada', iif(i = %d, 'FAILED', 'COMPLETED') FROM n;\n")
      :format(SWEEP, JOBS, FIRST, JOBS, FIRST, SWEEP, JOBS // 2))
  end)
  teardown(function() os.remove(database) end)

  local most = math.maxinteger

  it("costs the same at its beginning and at its end", function()
    for _, descending in ipairs { false, true } do
      local first, steps = cost({ sweep = true }, 0, { 0, most, 10, SWEEP }, descending)
      local low, high = FIRST + JOBS - 11, most
      if descending then low, high = 0, FIRST + 10 end
      local last, deep_steps = cost({ sweep = true }, 0, { low, high, 10, SWEEP }, descending)
      assert.same({ 10, 10 }, { #first, #last })
      assert.equal(descending and FIRST or FIRST + JOBS - 1, last[10])
      assert.is_true(deep_steps < steps + 100, ("%d steps, and %d at the end"):format(steps, deep_steps))
    end
  end)

  it("finds those in a rare state without the others", function()
    for _, owner in ipairs { false, "ada" } do
      local values = { 0, most, 10 }
      if owner then values[4] = owner end
      values[#values + 1], values[#values + 2] = SWEEP, "FAILED"
      local found, steps = cost({ sweep = true, owner = owner or nil }, 1, values)
      assert.same({ FIRST + JOBS // 2 }, found)
      assert.is_true(steps < 1000, steps .. " steps")
    end
  end)

  it("is empty for a sweep that is not there", function()
    assert.same({}, (cost({ sweep = true }, 0, { 0, most, 10, SWEEP + 1 })))
  end)
end)
