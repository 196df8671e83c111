-- The relay by itself: a log, a broker and a store that do as each test says. The world is a coroutine: the relay runs until it
-- waits for something, and the test says what becomes of it.
require "support.house"

local log, cursor, sent, boxes, commits, now, state, kind

package.loaded["house.bus"] = {
  kind = function() return kind end,
  state = function() return state end,
  send = function(list)
    local box = { list = list, first = list[1] and tonumber(list[1].id), last = list[1] and tonumber(list[#list].id) }
    function box.wait() return coroutine.yield("box", box) end
    boxes[#boxes + 1] = box
    for _, each in ipairs(list) do sent[#sent + 1] = tonumber(each.id) end
    return box
  end,
}
package.loaded["house.changes"] = { wait = function(ms) return coroutine.yield("changes", ms) end }
package.loaded["house.task"] = { sleep = function(ms) return coroutine.yield("sleep", ms) end }
package.loaded["house.clock"] = { monotonic = function() return now end, now = function() return now end, text = tostring }
package.loaded["house.config"] = { bus = { window = 16 } }
package.loaded["house.log"] = { info = function() end, warn = function() end, error = function() end }
package.loaded["house.ids"] = { text = tostring }
package.loaded["house.db"] = {
  statement = function(sql) return sql end,
  change = function()
    return { commit = function(self)
      if commits.refused then return nil, "no_space", "the disk is full" end
      if self.apply then self.apply() end
      commits[#commits + 1] = cursor or "none"
      return true
    end }
  end,
}
package.loaded["orrery.data.readers"] = {
  get = function() return cursor end,
  begin = function(change, _, number) change.apply = function() cursor = cursor or number end end,
  move = function(change, _, number) change.apply = function() cursor = math.max(cursor, number) end end,
  forget = function(change) change.apply = function() cursor = nil end end,
}
package.loaded["orrery.data.events"] = {
  newest = function() return #log end,
  after = function(number, limit)
    local rows = {}
    for i = number + 1, math.min(#log, number + limit) do rows[#rows + 1] = log[i] end
    return rows
  end,
}

local function append(count)
  for _ = 1, count do
    log[#log + 1] = { number = #log + 1, at = 0, type = "job.found", owner = "ada", simulation = 1, job = 2 }
  end
end

-- The relay up to what it waits for: → word, what of it.
local function run(it, ...)
  local ok, word, what = coroutine.resume(it, ...)
  assert(ok, word)
  return word, what
end

local function numbers(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = i end
  return list
end

describe("the relay", function()
  local relay, it_runs

  before_each(function()
    log, cursor, sent, boxes, commits, now, kind = {}, nil, {}, {}, {}, 0, "rabbitmq"
    state = { up = true, blocked = false }
    package.loaded["orrery.core.event.relay"] = nil
    relay = require "orrery.core.event.relay"
    it_runs = coroutine.create(relay.run)
  end)

  it("begins with what happens after its first start", function()
    append(5)
    assert.equal("changes", (run(it_runs)))
    assert.same({ 5, {} }, { cursor, sent })
    append(2)
    assert.equal("box", (run(it_runs)))
    assert.same({ 6, 7 }, sent)
  end)

  it("goes on where it was, in the order of the log, with no more under way than fills the window and waits for it", function()
    append(40)
    cursor = 3
    local word, box = run(it_runs)
    assert.same({ "box", 4, numbers(4, 27) }, { word, box.first, sent })
    word, box = run(it_runs, true)
    assert.same({ "box", 8, numbers(4, 31) }, { word, box.first, sent })
    for _ = 1, 8 do run(it_runs, true) end -- 36 to 39 are confirmed, 40 is under way
    assert.same(numbers(4, 40), sent)
    assert.equal("changes", (run(it_runs, true)))
  end)

  it("leaves out what cannot be written down, and goes on behind it", function()
    append(9)
    for _, damaged in ipairs { 2, 5, 6, 7, 8 } do log[damaged].data = "{" end
    cursor = 0
    run(it_runs)
    assert.same({ 1, 3, 4, 9 }, sent)
    for _ = 1, 2 do assert.equal("box", (run(it_runs, true))) end
    now = 500
    assert.equal("changes", (run(it_runs, true)))
    assert.equal(9, cursor)
  end)

  it("moves on in the store when the broker has confirmed, and not for every box", function()
    append(40)
    cursor = 0
    run(it_runs)
    assert.same({}, commits)
    run(it_runs, true)
    assert.same({ 4 }, commits)
    for _ = 1, 3 do run(it_runs, true) end
    assert.same({ 4 }, commits)
    now = 500
    run(it_runs, true)
    assert.same({ 4, 20 }, commits)
    local word
    for _ = 1, 5 do word = run(it_runs, true) end
    assert.same({ "changes", 20 }, { word, cursor })
    now = 1000
    run(it_runs)
    assert.equal(40, cursor)
  end)

  it("hands over again what was not confirmed, once what came behind has ended, too", function()
    append(10)
    cursor = 0
    local _, box = run(it_runs)
    assert.equal(1, box.first)
    for _, first in ipairs { 5, 9 } do
      _, box = run(it_runs, first == 9, "unavailable", "lost")
      assert.equal(first, box.first, "the others are waited for")
    end
    assert.equal("sleep", (run(it_runs, true))) -- the bus is up: it does not go at it at once
    run(it_runs)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, sent)
    assert.equal(0, cursor)
  end)

  it("waits longer each time that it is refused, and no longer when it was heard", function()
    append(2)
    cursor = 0
    local pauses = {}
    run(it_runs)
    for _ = 1, 8 do
      local word, ms = run(it_runs, nil, "unavailable", "refused")
      assert.equal("sleep", word)
      pauses[#pauses + 1] = ms
      run(it_runs)
    end
    assert.same({ 250, 500, 1000, 2000, 4000, 8000, 10000, 10000 }, pauses)
    run(it_runs, true)
    append(1)
    run(it_runs)
    local _, ms = run(it_runs, nil, "unavailable", "refused")
    assert.equal(250, ms)
  end)

  it("reads nothing as long as the broker is away or takes nothing", function()
    append(10)
    cursor, state = 0, { up = false, blocked = false }
    for _ = 1, 5 do assert.equal("sleep", (run(it_runs))) end
    state = { up = true, blocked = true }
    for _ = 1, 5 do assert.equal("sleep", (run(it_runs))) end
    assert.same({}, sent)
    state = { up = true, blocked = false }
    assert.equal("box", (run(it_runs)))
    assert.same(numbers(1, 10), sent)
  end)

  it("does not relay anew what it could not note down", function()
    append(4)
    cursor, commits.refused = 0, true
    run(it_runs)
    assert.equal("changes", (run(it_runs, true)))
    assert.same({ 0, numbers(1, 4) }, { cursor, sent })
    now, commits.refused = 500, nil
    run(it_runs)
    assert.same({ 4, numbers(1, 4) }, { cursor, sent })
  end)

  it("settles before an end: what is confirmed is noted at once, and nothing more is handed over", function()
    append(30)
    cursor = 0
    run(it_runs)
    run(it_runs, true)
    assert.same({ 4, numbers(1, 28) }, { cursor, sent })
    local settles = coroutine.create(relay.settle)
    for _ = 1, 6 do
      assert.equal("sleep", (run(settles)))
      assert.same({ 4, numbers(1, 28) }, { cursor, sent })
      run(it_runs, true)
    end
    run(settles)
    assert.same({ "dead", 28, numbers(1, 28) }, { coroutine.status(settles), cursor, sent })
  end)

  it("waits for a broker that confirms nothing no longer than a moment, and notes what it has", function()
    append(30)
    cursor = 0
    run(it_runs)
    for _ = 1, 2 do run(it_runs, true) end
    assert.equal(4, cursor)
    local settles = coroutine.create(relay.settle)
    run(settles)
    now = 499
    run(settles)
    now = 500
    run(settles)
    assert.same({ "dead", 8 }, { coroutine.status(settles), cursor })
  end)

  it("is forgotten where there is no broker", function()
    kind, cursor = "embedded", 7
    coroutine.resume(it_runs)
    assert.equal("dead", coroutine.status(it_runs))
    assert.is_nil(cursor)
    coroutine.resume(coroutine.create(relay.run))
    assert.equal(1, #commits)
  end)
end)
