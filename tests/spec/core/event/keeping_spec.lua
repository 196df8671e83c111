-- A reader of the log that does not come on holds up all removal: it is told of, now and then, and so is its coming on.
require "support.house"

local now, reader, newest, lines = 0, nil, 0, {}

local function note(level)
  return function(message, fields)
    fields = fields or {}
    lines[#lines + 1] = { level, message:match "%w+", fields.reader, fields.events }
  end
end

package.loaded["house.clock"] = { monotonic = function() return now end, now = function() return now end, text = tostring }
package.loaded["house.config"] = { events = {} }
package.loaded["house.log"] = { info = note "info", warn = note "warn" }
package.loaded["orrery.data.keeping"] = {}
package.loaded["orrery.data.events"] = { newest = function() return newest end }
package.loaded["orrery.data.readers"] = { last = function() return reader end }
package.loaded["orrery.core.event.keeping"] = nil
local keeping = require "orrery.core.event.keeping"

local MINUTE = 60000

-- So many rounds, a minute apart; in each so many events are added, and the reader comes on by so many.
local function minutes(count, added, read)
  lines = {}
  for _ = 1, count do
    now, newest = now + MINUTE, newest + added
    if reader then reader.number = math.min(reader.number + read, newest) end
    keeping.run()
  end
  return lines
end

describe("a reader of events", function()
  it("that is not there is not waited for", function() assert.same({}, minutes(200, 1000, 0)) end)

  it("is not far behind as long as it comes on, however much there is", function()
    reader = { name = "relay", number = newest }
    assert.same({}, minutes(200, 1000, 1000))
    newest = newest + 5000
    assert.same({}, minutes(60, 1000, 1000))
  end)

  it("that stands still is told of after ten minutes, then every hour, and so is its coming on", function()
    minutes(30, 0, 1000)
    assert.same({}, minutes(9, 100, 0))
    assert.same({ { "warn", "a", "relay", 1100 } }, minutes(3, 100, 0))
    assert.same({}, minutes(50, 100, 0))
    assert.equal(1, #minutes(10, 100, 0))
    assert.same({ { "info", "all" } }, minutes(30, 100, 1000))
  end)

  it("that comes on too slowly is told of as well", function()
    minutes(30, 0, 1000)
    assert.equal("warn", minutes(30, 100, 50)[1][1])
  end)

  it("that waits for nothing is not behind", function()
    minutes(60, 0, 1000)
    assert.same({}, minutes(200, 0, 0))
  end)
end)
