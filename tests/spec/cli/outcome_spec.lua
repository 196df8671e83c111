-- Which columns a table of results has.
require "support.house"
local outcome = require "orrery.cli.outcome"

local function titles(items)
  local names = {}
  for i, column in ipairs(outcome.columns(items)) do names[i] = column.title end
  return table.concat(names, " ")
end

local function column(items, title)
  for _, candidate in ipairs(outcome.columns(items)) do
    if candidate.title == title then return candidate end
  end
end

local function row(more)
  local item = { job_id = "j1", state = "COMPLETED", exit_code = 0, wall_seconds = 1.5 }
  for name, value in pairs(more or {}) do item[name] = value end
  return item
end

describe("outcome", function()
  it("puts parameters first, then how it ended, then results", function()
    assert.equal("k t state time energy steps", titles {
      row { parameters = { t = 300, k = 0.1 }, results = { steps = 3, energy = 1.5 } },
      row { parameters = { t = 350, k = 0.1 } },
    })
  end)

  it("shows exit codes when one says something", function()
    local good, bad = row { parameters = { k = 1 } }, row { parameters = { k = 2 }, exit_code = 3 }
    assert.equal("k state time", titles { good })
    assert.equal("k state exit time", titles { good, bad })
  end)

  it("names jobs that have no parameters", function()
    local items = { row { name = "first" }, row { job_id = "j2" }, row { parameters = { k = 1 } } }
    assert.equal("k name state time", titles(items))
    local name = column(items, "name")
    assert.same({ "first", "j2" }, { name.cell(items[1]), name.cell(items[2]) })
    assert.is_nil(name.cell(items[3]))
  end)

  it("does not show a parameter twice because the program repeats it", function()
    assert.equal("k state time e", titles { row { parameters = { k = 350 }, results = { k = 350.0, e = 1 } } })
  end)

  it("keeps names apart that mean different things", function()
    assert.equal("k state time results.k results.time", titles {
      row { parameters = { k = 1 }, results = { k = 2, time = 9 } },
    })
  end)

  it("aligns numbers to the right, and only numbers", function()
    local items = {
      row { results = { n = 1, s = "x", m = 1, list = { 1, 2 } } },
      row { results = { n = 2.5, m = "?" } },
    }
    assert.equal("right", column(items, "n").align)
    assert.equal("left", column(items, "s").align)
    assert.equal("left", column(items, "m").align)
    assert.equal("[1,2]", column(items, "list").cell(items[1]))
    assert.equal("0.333333", column({ row { results = { x = 1 / 3 } } }, "x").cell(row { results = { x = 1 / 3 } }))
  end)
end)
