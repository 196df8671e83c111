-- Which state may follow which, and what a batch of transitions writes.
local house = require "support.house"
local lifecycle = require "orrery.core.job.lifecycle"
local states = require "orrery.core.job.states"

describe("lifecycle", function()
  it("knows a state for every step, and a step for every state", function()
    local known = {}
    for _, state in ipairs(lifecycle.states) do known[state] = true end
    for from, set in pairs(states.next) do
      assert.is_true(known[from], from)
      for to in pairs(set) do assert.is_true(known[to], to) end
    end
    for state in pairs(known) do assert.is_table(states.next[state], state) end
  end)

  it("nothing follows an end but another try, and no state follows itself", function()
    for _, state in ipairs(lifecycle.states) do
      assert.is_false(lifecycle.legal(state, state))
      if lifecycle.ended[state] then assert.same({ PENDING = true }, states.next[state]) end
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
    for from, set in pairs(states.next) do
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

describe("a batch", function()
  local written

  local function note(what) return function(_, ...) written[#written + 1] = { what, ... } end end

  before_each(function()
    written = {}
    stub(house.clock, "now", 1000)
    stub(require "orrery.data.jobs", "move", note "row")
    stub(require "orrery.data.events", "append", note "event")
    stub(require "orrery.data.simulations", "count", note "counts")
    stub(require "orrery.data.waiting", "ended", note "end")
  end)

  local function queued() return { key = 7, simulation = 3, owner = "ann", state = "QUEUED", native_id = "12" } end

  it("moves a job: event, row and counts", function()
    local batch, job = lifecycle.batch(), queued()
    batch:move(job, "ACTIVE", { started_at = 900, message = false }, 900)
    batch:settle()
    assert.same({
      { "event", 900, "job.state", "ann", 3, 7, { from = "QUEUED", to = "ACTIVE" } },
      { "row", 7, "QUEUED", "ACTIVE", { started_at = 900, message = false } },
      { "counts", 3, { QUEUED = -1, ACTIVE = 1 }, 1000 },
    }, written)
    assert.same({ "ACTIVE", 900 }, { job.state, job.started_at })
  end)

  it("walks a job over states not seen in time: an event for each, the row once", function()
    local batch, job = lifecycle.batch(), queued()
    batch:walk(job, {
      { "ACTIVE", { started_at = 900, native_state = "running" }, 900 },
      { "FAILED", { reason = "EXIT_CODE", exit_code = 3, message = false, native_state = "ended" }, 950 },
    })
    batch:settle()
    assert.same({
      { "event", 900, "job.state", "ann", 3, 7, { from = "QUEUED", to = "ACTIVE", native_state = "running" } },
      { "end", 7, "FAILED" },
      { "event", 950, "job.state", "ann", 3, 7,
        { from = "ACTIVE", to = "FAILED", reason = "EXIT_CODE", exit_code = 3, native_state = "ended" } },
      { "row", 7, "QUEUED", "FAILED", { started_at = 900, native_state = "ended", reason = "EXIT_CODE", exit_code = 3,
        message = false, ended_at = 1000 } },
      { "counts", 3, { QUEUED = -1, ACTIVE = 0, FAILED = 1 }, 1000 },
    }, written)
    assert.same({ "FAILED", 1000 }, { job.state, job.ended_at })
  end)

  it("a job with retries left is pending again, and the history tells why", function()
    stub(require "orrery.data.jobs", "specification").returns { spec = '{"retries":{"count":3}}' }
    local batch, job = lifecycle.batch(), queued()
    job.attempt, job.retries = 2, 3
    batch:walk(job, {
      { "ACTIVE", { started_at = 900, native_state = "running" }, 900 },
      { "FAILED", { reason = "NODE_FAIL", message = "n1 is gone", native_state = "ended" }, 950 },
    })
    batch:settle()
    local message = "attempt 2 failed: n1 is gone"
    assert.same({ "event", 1000, "job.retry", "ann", 3, 7, { attempt = 2, reason = "NODE_FAIL", message = "n1 is gone" } },
      written[2])
    assert.same({ "event", 950, "job.state", "ann", 3, 7, { from = "ACTIVE", to = "PENDING", reason = "BACKOFF",
      message = message } }, written[3])
    assert.same({ "row", "QUEUED", "PENDING", false, 2, 3000, message }, { written[4][1], written[4][3], written[4][4],
      written[4][5].started_at, written[4][5].retries, written[4][5].due_at, written[4][5].message })
    assert.same({ "counts", 3, { QUEUED = -1, ACTIVE = 0, PENDING = 1 }, 1000 }, written[5])
    assert.same({ "PENDING", 2 }, { job.state, job.retries })
    assert.is_nil(job.native_id)
  end)

  it("refuses a step that cannot be", function()
    local batch = lifecycle.batch()
    local function twice() batch:walk(queued(), { { "COMPLETED", {} }, { "ACTIVE", {} } }) end
    assert.error_matches(function() batch:move(queued(), "SUBMITTING") end, "cannot go from QUEUED to SUBMITTING")
    assert.error_matches(twice, "cannot go from COMPLETED to ACTIVE")
  end)
end)
