-- So many in a minute, and few at once.
require "support.house"
local bucket = require "orrery.core.resource.bucket"

describe("a token bucket", function()
  it("gives a tenth of a minute's at once, and the others as time passes", function()
    local it = bucket.new(600, 1000)
    assert.equal(60, it:available(1000))
    it:take(60)
    assert.same({ 0, 100 }, { it:available(1000), it:next_ms(1000) })
    assert.same({ 0, 1 }, { it:available(1099), it:next_ms(1099) })
    assert.same({ 1, 0 }, { it:available(1100), it:next_ms(1100) })
    assert.equal(60, it:available(1e9))
  end)

  it("gives few of few", function()
    local it = bucket.new(1, 0)
    it:take(it:available(0))
    assert.equal(60000, it:next_ms(0))
    assert.equal(0, it:available(59999))
    assert.equal(1, it:available(60000))
    assert.equal(1, it:available(600000))
  end)
end)
