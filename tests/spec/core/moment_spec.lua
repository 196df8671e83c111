-- Times as they are written in requests.
local moment = require "orrery.core.moment"

describe("moment.parse", function()
  it("reads times of every zone, to the millisecond", function()
    assert.equal(0, moment.parse "1970-01-01T00:00:00Z")
    assert.equal(-1000, moment.parse "1969-12-31T23:59:59Z")
    assert.equal(1769860800000, moment.parse "2026-01-31T12:00:00Z")
    assert.equal(1769860800250, moment.parse "2026-01-31t14:00:00.25+02:00")
    assert.equal(1769860800123, moment.parse "2026-01-31T12:00:00.123987z")
    assert.equal(1769860800000, moment.parse "2026-01-31T08:30:00-03:30")
    assert.equal(951782400000, moment.parse "2000-02-29T00:00:00Z")
    assert.equal(253402300799999, moment.parse "9999-12-31T23:59:59.999Z")
  end)

  it("agrees with the system about every day of four centuries", function()
    for day = 0, 146096 do
      local text = os.date("!%Y-%m-%dT00:00:00Z", day * 86400)
      assert.equal(day * 86400000, moment.parse(text))
    end
  end)

  it("takes nothing else for a time", function()
    for _, text in ipairs { "", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
      "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:000Z",
      "2026-01-31T12:00:00+2", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+02:60", "2026-01-31T12:00:00Zulu",
      "12026-01-31T12:00:00Z", "1769860800" } do
      assert.is_nil(moment.parse(text), text)
    end
  end)
end)
