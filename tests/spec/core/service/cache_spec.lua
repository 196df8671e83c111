-- What is known for a while, and never grows beyond its bound.
local cache = require "orrery.core.service.cache"

local function count(it)
  local n = 0
  for _, half in ipairs { it.young, it.old } do
    for _ in pairs(half) do n = n + 1 end
  end
  return n
end

describe("a cache", function()
  it("forgets what was not asked for, and never has more than its most", function()
    local it = cache.new(100)
    it:put("kept", 0)
    for i = 1, 10000 do
      it:put(i, i)
      assert.equal(0, it:get "kept")
      assert.is_true(count(it) <= 100)
    end
    assert.is_nil(it:get(1))
    assert.equal(10000, it:get(10000))
  end)

  it("counts what it has, whatever was put twice or taken away", function()
    local it = cache.new(10)
    for _ = 1, 100 do it:put("same", 1) end
    it:put("other", 2)
    assert.same({ 1, 2 }, { it:get "same", it:get "other" })
    it:remove "same"
    it:remove "same"
    it:remove "never there"
    assert.is_nil(it:get "same")
    assert.equal(1, it.size)
  end)

  it("drops some or all, of both its halves", function()
    local it = cache.new(20)
    for i = 1, 15 do it:put(i, { even = i % 2 == 0 }) end
    it:drop(function(entry) return entry.even end)
    assert.is_nil(it:get(6))
    assert.is_nil(it:get(14))
    assert.is_table(it:get(7))
    it:drop()
    assert.equal(0, count(it))
    assert.equal(0, it.size)
  end)
end)
