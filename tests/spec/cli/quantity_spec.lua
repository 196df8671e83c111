-- Durations, sizes, times and numbers, read and written.
local quantity = require "orrery.cli.quantity"

describe("quantity", function()
  it("reads durations", function()
    for written, seconds in pairs {
      ["90"] = 90, ["90s"] = 90, ["15m"] = 900, ["2h"] = 7200, ["1h30m"] = 5400, ["1d12h"] = 129600,
      ["15:00"] = 900, ["1:30:00"] = 5400, ["2-01:00:00"] = 176400, ["0:05"] = 5,
    } do
      assert.equal(seconds, quantity.parse_duration(written), written)
    end
    for _, written in ipairs { "", "x", "1x", "h", "1h30", "-5", "1.5h", "1:2:3:4", "1::2", "2-1:00", "5 m" } do
      assert.is_nil(quantity.parse_duration(written), written)
    end
  end)

  it("reads sizes", function()
    for written, bytes in pairs {
      ["1000"] = 1000, ["10B"] = 10, ["1K"] = 1024, ["512M"] = 512 << 20, ["512m"] = 512 << 20, ["1.5GiB"] = 3 << 29,
      ["2GB"] = 2000000000, ["3 kB"] = 3000, ["1T"] = 1 << 40,
    } do
      assert.equal(bytes, quantity.parse_size(written), written)
    end
    for _, written in ipairs { "", "M", "1X", "1iB", "1Mi", "-1M", "1.5.2G", "1 0" } do
      assert.is_nil(quantity.parse_size(written), written)
    end
  end)

  it("writes durations", function()
    assert.equal("0:00", quantity.duration(0))
    assert.equal("0:07", quantity.duration(7.9))
    assert.equal("12:30", quantity.duration(750))
    assert.equal("1:02:03", quantity.duration(3723))
    assert.equal("3d 01:02:03", quantity.duration(3 * 86400 + 3723))
    assert.equal("0:00", quantity.duration(-5)) -- clocks of two machines
    assert.equal("0.52 s", quantity.short_duration(0.523))
    assert.equal("1:00", quantity.short_duration(60))
  end)

  it("writes sizes", function()
    assert.equal("0 B", quantity.size(0))
    assert.equal("1023 B", quantity.size(1023))
    assert.equal("1.0 KiB", quantity.size(1024))
    assert.equal("20 GiB", quantity.size(20 << 30))
    assert.equal("2048 PiB", quantity.size(2 << 60))
  end)

  it("writes numbers with the digits that a table needs", function()
    assert.equal("350", quantity.number(350))
    assert.equal("350", quantity.number(350.0))
    assert.equal("0.0870688", quantity.number(0.08706881234))
    assert.equal("9007199254740993", quantity.number(9007199254740993))
    assert.equal("1e+20", quantity.number(1e20))
  end)

  it("reads the server's times", function()
    assert.equal(0, quantity.seconds "1970-01-01T00:00:00.000Z")
    assert.equal(951782400, quantity.seconds "2000-02-29T00:00:00.000Z")
    assert.equal(951868800, quantity.seconds "2000-03-01T00:00:00.000Z")
    assert.equal(1798761599.5, quantity.seconds "2026-12-31T23:59:59.500Z")
    assert.is_nil(quantity.seconds "yesterday")
  end)
end)
