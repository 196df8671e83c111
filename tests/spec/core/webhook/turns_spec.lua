-- Whose delivery is begun next.
require "support.house"
local turns = require "orrery.core.webhook.turns"

describe("turns", function()
  local ada, bob, eve, number

  before_each(function()
    ada, bob, eve = { busy = 0, turn = 0, last = 0 }, { busy = 0, turn = 1, last = 0 }, { busy = 0, turn = 2, last = 0 }
    number = 2
  end)

  local function lane(key, owner, busy) return { key = key, owner = owner, busy = busy or 0 } end

  -- Begins so many → the keys of whom, in their order. Those that begin stay in line.
  local function begun(line, count)
    local keys = {}
    for i = 1, count do
      local it = line:next()
      if not it then break end
      keys[i], number = it.key, number + 1
      it.busy, it.owner.busy = it.busy + 1, it.owner.busy + 1
      it.owner.turn, it.owner.last = number, it.key
      line:add(it)
    end
    return table.concat(keys, " ")
  end

  it("go around the owners, and around the webhooks of each", function()
    local line = turns.new { lane(1, ada), lane(2, ada), lane(3, ada), lane(4, bob), lane(5, eve) }
    assert.equal("1 4 5 2 4 5 3 4 5 1", begun(line, 10))
    assert.is_nil(turns.new({}):next())
  end)

  it("are first of all of who has the least, and go on where they were", function()
    ada.busy, bob.busy, ada.last = 3, 1, 2
    local line = turns.new { lane(1, ada), lane(2, ada), lane(3, ada), lane(4, bob), lane(5, eve) }
    assert.equal("5 4 5 4 5 3 4 5 1", begun(line, 9))
  end)

  it("are for those alone who may", function()
    local line = turns.new { lane(1, ada), lane(2, ada), lane(3, bob) }
    line:keep(function(it) return it.key == 2 end)
    assert.equal("2 2", begun(line, 2))
  end)

  it("make room for who has less", function()
    local function too_many(line, more) return line:too_many(function() return more end) end
    ada.busy, bob.busy = 3, 1
    assert.equal(math.huge, too_many(turns.new {}, true))
    assert.equal(0, too_many(turns.new { lane(1, ada), lane(5, eve) }, true))
    assert.equal(3, too_many(turns.new { lane(1, ada) }, false), "another webhook of the same owner is one that waits")
    assert.equal(3, too_many(turns.new { lane(4, bob, 1) }, true))
    assert.equal(math.huge, too_many(turns.new { lane(4, bob, 1) }, false), "all it has is under way")
  end)
end)
