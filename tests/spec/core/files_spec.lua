-- Files of jobs that are elsewhere: what is read of them, and what is let go of.
local house = require "support.house"
local files = require "orrery.core.files"

describe("a file that is elsewhere", function()
  local closed

  -- A stream of endless bytes.
  local function open()
    local stream = { read = function() return "bytes" end }
    function stream.close() closed = closed + 1 end
    return setmetatable(stream, { __close = stream.close })
  end

  before_each(function()
    closed = 0
    rawset(house.reach, "way", function() return "there" end)
    rawset(house.reach, "open", open)
  end)
  after_each(function()
    rawset(house.reach, "way", nil)
    rawset(house.reach, "open", nil)
  end)

  it("is let go of when its reader leaves", function()
    local taken = 0
    for bytes in files.pieces("cluster", { base = "/b", resource = "cluster" }, "large", 0, 1 << 40, 1000) do
      assert.same({ "bytes", 0 }, { bytes, closed })
      taken = taken + #bytes
      if taken > 8 then break end
    end
    assert.equal(1, closed)
  end)

  it("may be older than all clocks, and be called as another would be listed", function()
    local said = "f 5 -315619200.0000000000 old\0f 7 1.5000000000 f 1 2.0 new\0"
    rawset(house.reach, "run", function(_, _, script)
      return 0, script:find("find .", 1, true) and said or "81a4 5 -315619200 1960-01-01 00:00:00.000000000 +0000\n", ""
    end)
    local place = { base = "/b", resource = "cluster" }
    assert.same({ type = "file", size = 5, modified = -315619200000 }, files.stat("cluster", place, "old", 1000))
    assert.same({ { path = "f 1 2.0 new", type = "file", size = 7, modified = 1500 },
      { path = "old", type = "file", size = 5, modified = -315619200000 } }, (files.list("cluster", place, "", false, 10, 1000)))
    rawset(house.reach, "run", nil)
  end)
end)
