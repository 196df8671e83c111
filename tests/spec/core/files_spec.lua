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
end)
