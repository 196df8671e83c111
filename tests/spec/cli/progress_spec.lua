-- The line and the sentence that tell how far a simulation is.
require "support.house"
local progress = require "orrery.cli.progress"
local text = require "orrery.cli.text"

local counts = { total = 40, COMPLETED = 24, FAILED = 2, ACTIVE = 8, QUEUED = 4, PENDING = 2 }

local function line(width, more)
  local moment = { name = "heat2d", counts = counts, elapsed = 12, left = 7 }
  for name, value in pairs(more or {}) do moment[name] = value end
  return progress.line(moment, { width = width, utf8 = true, colour = false })
end

describe("progress", function()
  it("shows everything where there is room", function()
    local bar = ("━"):rep(19) .. ("╌"):rep(11)
    assert.equal("heat2d  " .. bar .. "  26/40  8 active, 6 waiting, 2 failed  0:12  0:07 left", (line(120)))
  end)

  it("lets go of the least important where there is none", function()
    assert.not_matches("left", (line(70)))
    assert.matches("2 failed", (line(70)))
    assert.not_matches("failed", (line(45)))
    assert.matches("^heat2d", (line(45)))
    assert.matches("26/40$", (line(20)))
  end)

  it("fits every width, and tells how wide it is", function()
    local samples = {
      {}, { trouble = "no answer from the server (Connection refused), trying again" }, { name = ("長"):rep(50) },
      { left = false }, { counts = { total = 0 } }, { counts = { total = 1, COMPLETED = 1 } },
    }
    for _, sample in ipairs(samples) do
      for width = 12, 200 do
        local shown, columns = line(width, sample)
        assert.equal(text.columns(shown), columns)
        assert.is_true(columns < width, ("%d: %s"):format(width, shown))
      end
    end
  end)

  it("fills the bar when all is done, and only then", function()
    local function bar(ended) return line(80, { counts = { total = 1000, COMPLETED = ended } }) end
    assert.not_matches("╌", (bar(1000)))
    assert.matches("╌", (bar(999)))
    assert.not_matches("━", (bar(1)))
  end)

  it("can do without UTF-8", function()
    local shown, columns = progress.line({ name = "x", counts = counts, elapsed = 1 }, { width = 60, utf8 = false })
    assert.matches("%[#+%-+%]  26/40", shown)
    assert.equal(#shown, columns)
  end)

  it("colours states, which does not count as width", function()
    local plain, columns = line(120)
    local coloured, same = progress.line({ name = "heat2d", counts = counts, elapsed = 12, left = 7 },
      { width = 120, utf8 = true, colour = true })
    assert.equal(columns, same)
    assert.matches("\27%[31m2 failed\27%[0m", coloured)
    assert.equal(plain, (coloured:gsub("\27%[%d+m", "")))
  end)

  it("makes names harmless", function()
    assert.matches("^a\\x1b%[2Jb  ", (line(120, { name = "a\27[2Jb" })))
  end)

  it("says it in a sentence", function()
    assert.equal("heat2d: 26 of 40 jobs ended (24 completed, 2 failed), 8 active, 6 waiting",
      progress.sentence { name = "heat2d", counts = counts })
    assert.equal("x: 0 of 1 job ended, 1 held", progress.sentence { name = "x", counts = { total = 1, HELD = 1 } })
    assert.equal("x: gone fishing", progress.sentence { name = "x", counts = counts, trouble = "gone fishing" })
    assert.equal("8 active, 6 waiting, 24 completed, 2 failed", progress.outcome(counts))
  end)
end)
