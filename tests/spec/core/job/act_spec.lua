-- What follows from a state and a wish: every combination.
require "support.house"
local act = require "orrery.core.job.act"
local lifecycle = require "orrery.core.job.lifecycle"

-- One row a state, in the order NEW … STAGE_OUT of lifecycle.states; - is "it is as wanted", w "wait", C "move to
-- CANCELED", anything else a verb.
local decisions = {
  RUN     = "-      -       -        w          -      release -      resume    -",
  HOLD    = "-      -       w        w          hold   -       -      -         -",
  SUSPEND = "-      -       w        w          hold   -       suspend -        -",
  CANCEL  = "C      C       C        w          cancel cancel  cancel cancel    -",
}

-- For which states the API lets a wish through.
local possible = {
  RUN     = "NEW PENDING STAGE_IN SUBMITTING QUEUED HELD ACTIVE SUSPENDED STAGE_OUT",
  HOLD    = "NEW PENDING STAGE_IN SUBMITTING QUEUED HELD",
  SUSPEND = "PENDING STAGE_IN SUBMITTING QUEUED HELD ACTIVE SUSPENDED STAGE_OUT",
  CANCEL  = "NEW PENDING STAGE_IN SUBMITTING QUEUED HELD ACTIVE SUSPENDED STAGE_OUT",
}

local function told(decision)
  if decision.move then return decision.move == "CANCELED" and "C" end
  return decision.verb or decision.wait and "w" or decision.done and "-"
end

describe("act", function()
  for wanted, row in pairs(decisions) do
    it("on " .. wanted .. " in every state", function()
      local n = 0
      for expected in row:gmatch "%S+" do
        n = n + 1
        local state = lifecycle.states[n]
        assert.equal(expected, told(act.on { state = state, wanted = wanted }), state)
      end
      assert.equal("STAGE_OUT", lifecycle.states[n])
      for _, state in ipairs { "COMPLETED", "FAILED", "CANCELED" } do
        assert.same({ done = true }, act.on { state = state, wanted = wanted })
      end
    end)

    it("lets " .. wanted .. " through where it makes sense", function()
      for _, state in ipairs(lifecycle.states) do
        local listed = (" " .. possible[wanted] .. " "):find(" " .. state .. " ", 1, true) ~= nil
        assert.equal(listed, act.possible(wanted, state), state)
      end
    end)
  end

  it("every decision leads somewhere legal", function()
    local leads = { hold = "HELD", release = "QUEUED", suspend = "SUSPENDED", resume = "ACTIVE", cancel = "CANCELED" }
    for wanted in pairs(decisions) do
      for _, state in ipairs(lifecycle.states) do
        local decision = act.on { state = state, wanted = wanted }
        local to = decision.move or leads[decision.verb]
        if to then assert.is_true(lifecycle.legal(state, to), ("%s %s to %s"):format(wanted, state, to)) end
      end
    end
  end)

  it("a scheduler that cannot hold is waited for when a job is to be suspended", function()
    assert.is_true(act.on { state = "QUEUED", wanted = "SUSPEND" }.patient)
    assert.is_nil(act.on { state = "QUEUED", wanted = "HOLD" }.patient)
  end)
end)
