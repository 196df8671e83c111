-- Whether a task goes on, as whoever started it sees it.
local alive = require "orrery.core.alive"

describe("a task", function()
  it("goes on while it waits, and not when it was thrown out", function()
    local thread = coroutine.create(function()
      local _ <close> = setmetatable({}, { __close = function() end })
      coroutine.yield()
      error "it ran for too long"
    end)
    assert.falsy(alive(nil))
    assert.falsy(alive(false))
    coroutine.resume(thread)
    assert.truthy(alive(thread))
    coroutine.resume(thread)
    assert.falsy(alive(thread))
  end)
end)
