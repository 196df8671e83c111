-- Which jobs become one submission.
require "support.house"
local arrays = require "orrery.core.submission.arrays"

local function job(sweep, more)
  local item = { resources = { process_count = 2 }, attributes = { duration = 60, custom_attributes = {} } }
  local row = { sweep = sweep, item = item, bytes = 100 }
  for name, value in pairs(more or {}) do (row[name] ~= nil and row or item)[name] = value end
  return row
end

-- The sizes of the groups.
local function sizes(jobs, most, refused)
  local list = {}
  for i, group in ipairs(arrays.group(jobs, most, function(sweep) return sweep == refused end)) do list[i] = #group end
  return table.concat(list, " ")
end

local function many(count, sweep, more)
  local list = {}
  for i = 1, count do list[i] = job(sweep, more) end
  return list
end

describe("arrays", function()
  it("are made of a sweep's jobs, up to the scheduler's limit", function()
    assert.equal("10", sizes(many(10, 5), 100))
    assert.equal("4 4 2", sizes(many(10, 5), 4))
    assert.equal("1 1 1", sizes(many(3, 5), 1))
    assert.equal("1 1 1", sizes(many(3, 5), 0))
    assert.equal("1 1 1", sizes(many(3, nil), 100))
    assert.equal("2 1", sizes({ job(5), job(6), job(5) }, 100))
    assert.equal("1 2 1", sizes({ job(5), job(6), job(5), job(6) }, 100, 5))
  end)

  it("have members that need the same", function()
    assert.equal("2 2 1", sizes({ job(5), job(5, { resources = { process_count = 3 } }), job(5),
      job(5, { resources = { process_count = 3 } }), job(5, { resources = { process_count = 2, memory = 1 } }) }, 100))
    assert.equal("2 1", sizes({ job(5), job(5, { attributes = { duration = 61, custom_attributes = {} } }), job(5) }, 100))
    assert.equal("1 1", sizes({ job(5), job(5, { attributes = { duration = 60, custom_attributes = { nice = 1 } } }) }, 100))
  end)

  it("are no longer than a scheduler takes, but for what is the same in all", function()
    assert.equal("20 20 10", sizes(many(50, 5, { bytes = 100000 }), 1000))
    assert.equal("50", sizes(many(50, 5, { bytes = 100000, script = ("x"):rep(100000) }), 1000))
    assert.equal("1 1", sizes(many(2, 5, { bytes = 4 << 20 }), 1000))
  end)
end)
