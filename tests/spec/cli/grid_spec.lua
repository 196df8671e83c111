-- Tables: aligned, and never wider than they may be.
require "support.house"
local grid = require "orrery.cli.grid"
local text = require "orrery.cli.text"

local columns = {
  { title = "ID", keep = true },
  { title = "STATE", state = true },
  { title = "CORES", align = "right" },
  { title = "MESSAGE" },
}
local rows = {
  { "a1", "ACTIVE", "8", "all is well" },
  { "b22", "FAILED", "128", "" },
}

describe("grid", function()
  it("aligns columns under their titles", function()
    assert.same({
      "ID   STATE   CORES  MESSAGE",
      "a1   ACTIVE      8  all is well",
      "b22  FAILED    128",
    }, (grid.render(columns, rows, {})))
  end)

  it("counts columns, not bytes", function()
    local lines = grid.render({ { title = "N" }, { title = "X" } }, { { "日本", "1" }, { "é", "2" } }, {})
    assert.same({ "N     X", "日本  1", "é     2" }, lines)
  end)

  it("cuts the last column when it holds words", function()
    local lines, left_out = grid.render(columns, rows, { width = 28 })
    assert.equal("a1   ACTIVE      8  all is …", lines[2])
    assert.same({}, left_out)
  end)

  it("leaves out what does not fit, and says what", function()
    local lines, left_out = grid.render(columns, rows, { width = 20 })
    assert.equal("a1   ACTIVE      8", lines[2])
    assert.same({ "MESSAGE" }, left_out)
    lines, left_out = grid.render(columns, rows, { width = 12 })
    assert.equal("a1   ACTIVE", lines[2])
    assert.same({ "CORES", "MESSAGE" }, left_out)
  end)

  it("keeps to every width that the first column fits", function()
    for width = 3, 60 do
      for _, line in ipairs((grid.render(columns, rows, { width = width }))) do
        assert.is_true(text.columns(line) <= width, ("%d: %s"):format(width, line))
      end
    end
  end)

  it("never cuts an identifier", function()
    local lines = grid.render({ { title = "ID", keep = true } }, { { "0199aa" } }, { width = 3 })
    assert.equal("0199aa", lines[2])
  end)

  it("colours states and nothing else, without moving anything", function()
    local coloured = grid.render(columns, { { "ACTIVE", "ACTIVE", "1", "FAILED" } }, { colour = true })
    local plain = grid.render(columns, { { "ACTIVE", "ACTIVE", "1", "FAILED" } }, {})
    assert.equal("ACTIVE  \27[36mACTIVE\27[0m      1  FAILED", coloured[2])
    assert.equal(plain[2], (coloured[2]:gsub("\27%[%d+m", "")))
  end)
end)
