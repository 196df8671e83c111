-- What receivers' answers mean.
require "support.house"
local verdict = require "orrery.core.webhook.verdict"

describe("an answer", function()
  it("of 2xx alone is a success", function()
    for _, status in ipairs { 200, 204, 299 } do assert.is_nil(verdict.problem(status)) end
    for _, status in ipairs { 100, 300, 302, 304, 400, 404, 500, 599 } do assert.is_string(verdict.problem(status)) end
    assert.equal("the receiver answered 302: redirects are not followed", verdict.problem(302))
    assert.equal("the receiver answered 410: it is gone", verdict.problem(410))
  end)

  it("may ask for a pause, within bounds", function()
    local now = 784111777000 -- Sun, 06 Nov 1994 08:49:37 GMT
    assert.equal(0, verdict.wish(nil, now))
    assert.equal(120, verdict.wish("120", now))
    assert.equal(86400, verdict.wish("99999999999999999999", now))
    assert.equal(23, verdict.wish("Sun, 06 Nov 1994 08:50:00 GMT", now))
    assert.equal(0, verdict.wish("Sun, 06 Nov 1994 08:49:00 GMT", now))
    assert.equal(86400, verdict.wish("Sun, 06 Nov 2094 08:49:00 GMT", now))
    for _, nonsense in ipairs { "", "-5", "soon", "1e9", "0x10", "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 36 Nov 1994 08:49:37 GMT" } do
      assert.equal(0, verdict.wish(nonsense, now), nonsense)
    end
  end)

  it("is told by its beginning, which is text whatever it is", function()
    assert.equal("short", verdict.beginning "short")
    assert.equal(1024, #verdict.beginning(("x"):rep(2048)))
    assert.equal(("x"):rep(1023), verdict.beginning(("x"):rep(1023) .. "é and more"))
    assert.equal("a?b", verdict.beginning "a\xffb")
    assert.equal("a?b??", verdict.beginning "a\0b\0\xff")
    assert.equal("é?", verdict.beginning "é\0")
    assert.equal(("?"):rep(1024), verdict.beginning(("\xff"):rep(2000)))
  end)
end)

describe("a delivery", function()
  local delays = { 0, 5, 300 }

  it("is tried again after delays that grow, with chance in them, and at last no more", function()
    for _ = 1, 100 do
      local first, second = verdict.pause_ms(delays, 1, 0), verdict.pause_ms(delays, 2, 0)
      assert.is_true(first >= 5000 and first <= 6000)
      assert.is_true(second >= 300000 and second <= 360000)
    end
    assert.is_nil(verdict.pause_ms(delays, 3, 0))
    assert.is_nil(verdict.pause_ms(delays, 3, 60))
  end)

  it("waits as long as its receiver asks for, and no less than its turn", function()
    assert.is_true(verdict.pause_ms(delays, 1, 60) >= 60000)
    assert.is_true(verdict.pause_ms(delays, 2, 60) >= 300000)
  end)
end)
