-- Which state may follow which.
require "support.house"
local lifecycle = require "orrery.core.lifecycle"

describe("lifecycle", function()
  it("knows a state for every step, and a step for every state", function()
    local known = {}
    for _, state in ipairs(lifecycle.states) do known[state] = true end
    for from, set in pairs(lifecycle.next) do
      assert.is_true(known[from], from)
      for to in pairs(set) do assert.is_true(known[to], to) end
    end
    for state in pairs(known) do assert.is_table(lifecycle.next[state], state) end
  end)

  it("nothing follows an end, and no state follows itself", function()
    for _, state in ipairs(lifecycle.states) do
      assert.is_false(lifecycle.legal(state, state))
      if lifecycle.ended[state] then assert.is_nil(next(lifecycle.next[state])) end
    end
    assert.is_false(lifecycle.legal("NOWHERE", "ACTIVE"))
  end)

  it("CANCELED and FAILED can be reached from everywhere", function()
    for _, state in ipairs(lifecycle.states) do
      if not lifecycle.ended[state] then
        assert.is_true(lifecycle.legal(state, "CANCELED"), state)
        assert.is_true(lifecycle.legal(state, "FAILED"), state)
      end
    end
  end)

  it("nothing runs that was not submitted, and nothing is submitted twice", function()
    for _, to in ipairs { "QUEUED", "HELD", "ACTIVE", "SUSPENDED", "STAGE_OUT", "COMPLETED" } do
      for _, from in ipairs { "NEW", "PENDING", "STAGE_IN" } do assert.is_false(lifecycle.legal(from, to), from .. " to " .. to) end
    end
    for from, set in pairs(lifecycle.next) do
      assert.equal(from == "PENDING" or from == "STAGE_IN", set.SUBMITTING == true, from)
      assert.is_nil(set.NEW)
    end
  end)

  it("every state is live, over, or has not begun", function()
    for _, state in ipairs(lifecycle.states) do
      local count = (lifecycle.live[state] and 1 or 0) + (lifecycle.ended[state] and 1 or 0)
        + ((state == "NEW" or state == "PENDING") and 1 or 0)
      assert.equal(1, count, state)
    end
  end)
end)
