-- What is begun of what is due. The world is as each test says; a try that is sent never ends.
require "support.house"

local hooks, begun

package.loaded["house.config"] = { webhooks = { at_once = 8, at_once_each = 2 } }
package.loaded["house.task"] = { spawn = function(run, ...) coroutine.wrap(run)(...) end }
package.loaded["orrery.data.webhooks"] = {
  due = function()
    return { { key = 1, owner = "ada", due_at = 0, failures = 0 }, { key = 2, owner = "bob", due_at = 0, failures = 0 } }
  end,
  get = function(key) return hooks[key] end,
}
-- Each has three that wait: 11, 12 and 13, and 21, 22 and 23.
package.loaded["orrery.data.deliveries"] = {
  due = function(key, _, limit)
    local rows = {}
    for i = 1, math.min(limit, 3) do rows[i] = { key = 10 * key + i } end
    return rows
  end,
}
package.loaded["orrery.core.webhook.attempt"] = {
  run = function(_, key)
    local hook = hooks[key // 10]
    begun[#begun + 1] = key
    assert(#begun < 100, "this goes on for ever")
    if hook and not hook.disabled_at then coroutine.yield() end
  end,
}

describe("what is due", function()
  before_each(function() hooks, begun = { { failures = 0 }, { failures = 0 } }, {} end)

  local function fresh()
    package.loaded["orrery.core.webhook.sending"] = nil
    return require "orrery.core.webhook.sending"
  end

  it("is begun in turns, as far as it may", function()
    local sending = fresh()
    for _ = 1, 2 do
      sending.run()
      assert.same({ 11, 21, 12, 22 }, begun)
    end
  end)

  it("is let be if its webhook was disabled or removed at this moment", function()
    for _, hook in ipairs { { failures = 0, disabled_at = 9 }, false } do
      hooks[1], begun = hook, {}
      fresh().run()
      assert.same({ 11, 21, 22 }, begun)
    end
  end)
end)
