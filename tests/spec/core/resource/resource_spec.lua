-- A resource whose scheduler does not answer: when it is tried again, and what that means for its jobs.
local house = require "support.house"
local evidence = require "orrery.core.submission.evidence"
local lifecycle = require "orrery.core.job.lifecycle"
local monitor = require "orrery.core.resource.monitor"
local resource = require "orrery.core.resource"
local stuck = require "orrery.core.resource.stuck"

describe("a resource", function()
  local it_is, now, moved

  before_each(function()
    now, moved = 1000, nil
    stub(house.clock, "monotonic", function() return now end)
    stub(lifecycle, "batch", { move = function(_, _, to) moved = to end, commit = function() return true end })
    it_is = resource.new { name = "r", scheduler = "s", lost_ms = 60000, poll_ms = 1000 }
  end)
  after_each(function()
    house.clock.monotonic:revert()
    lifecycle.batch:revert()
  end)

  -- When it is ready again after it was lost so many times at once.
  local function pause_after(times)
    for _ = 1, times do it_is:lost "no answer" end
    local first = now
    while not it_is:ready() do now = now + 100 end
    return now - first
  end

  it("is tried again after longer and longer pauses, however many jobs tell of one failure", function()
    assert.equal(1000, pause_after(100))
    assert.equal(2000, pause_after(1))
    assert.equal(4000, pause_after(100))
    for _ = 1, 5 do pause_after(2) end
    assert.equal(30000, pause_after(2))
    it_is:well "monitor"
    assert.equal("up", it_is.state)
    assert.equal(1000, pause_after(2))
  end)

  it("whose plug-in talks nonsense at its start is stopped, and keeps nobody waiting for that", function()
    local waited
    local resources = { start = function() return { honours = { cores = "many" } } end,
      drop = function(_, ms) waited = ms end }
    for name, value in pairs(resources) do rawset(house.resources, name, value) end
    assert.is_false(it_is:open())
    for name in pairs(resources) do rawset(house.resources, name, nil) end
    assert.same({ "down", true }, { it_is.state, it_is.message:find("open honours nonsense: /cores", 1, true) ~= nil })
    assert.is_true(waited <= 1000)
  end)

  it("has lost a job that is missing for long while the scheduler answers, and not before", function()
    local job = { key = 1, owner = "ada", wanted = "RUN", native_id = "1" }
    it_is.live["1"], it_is.held, it_is.info = job, 1, { honours = {} }
    it_is.call_on = function(_, _, _, each) each { { absent = true } } end
    local function look()
      it_is.next_poll = 0
      monitor.run(it_is, {})
      return moved
    end
    assert.is_nil(look())
    now = now + 30000
    it_is:lost "no answer"
    now = now + 600000
    assert.is_nil(look())
    now = now + 59999
    assert.is_nil(look())
    now = now + 1
    assert.equal("FAILED", look())
    assert.equal(0, it_is.held)
  end)

  it("loses no job while the disk does not answer that would tell how it ended, but one that is to be canceled", function()
    local silent = true
    local job = { key = 1, owner = "ada", wanted = "RUN", native_id = "1" }
    it_is.live["1"], it_is.held, it_is.info = job, 1, { honours = { batch = "ID" } }
    it_is.call_on = function(_, _, _, each) each { { absent = true } } end
    stub(evidence, "records", function() return {}, silent end)
    local function look(ms)
      now, it_is.next_poll = now + ms, 0
      monitor.run(it_is, {})
      return moved
    end
    for _ = 1, 10 do assert.is_nil(look(60000)) end
    silent = false
    assert.is_nil(look(60000))
    assert.is_nil(look(59999))
    silent, job.wanted = true, "CANCEL"
    assert.equal("CANCELED", look(1))
    evidence.records:revert()
  end)

  it("no longer holds a job that was stuck for long, though it is to be tried again", function()
    local job = { key = 1, owner = "ada", wanted = "RUN", native_id = "1", message = "no such node", stuck_since = now }
    it_is.live["1"], it_is.held, it_is.settings.stuck_ms = job, 1, 60000
    it_is.call_on = function(_, _, list, each) each { list[1] and {} } end
    stub(lifecycle, "batch", { commit = function() return true end,
      move = function(_, it) it.state, it.native_id = "PENDING", nil end }) -- as with retries left
    now = now + 60000
    stuck.give_up(it_is)
    assert.same({ "PENDING", 0 }, { job.state, it_is.held })
    assert.is_nil(next(it_is.live))
  end)

  it("acts on many reports in crowds", function()
    local reports, seen, largest = {}, {}, 0
    for i = 1, 5000 do reports[i] = {} end
    local call = { next = function()
      local all = reports
      reports = nil
      return all, "ok"
    end }
    rawset(house.resources, "call", function() return call end)
    it_is:call("monitor", {}, function(crowd)
      local count = 0
      for i in pairs(crowd) do
        assert.is_nil(seen[i])
        seen[i], count = true, count + 1
      end
      largest = math.max(largest, count)
    end)
    rawset(house.resources, "call", nil)
    assert.equal(5000, #seen)
    assert.is_true(largest <= 1000)
  end)
end)
