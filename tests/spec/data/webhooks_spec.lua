-- Webhooks and their deliveries in the store: what is asked of many is found by an index, and what crosses on its way comes out
-- right.
local sqlite = require "support.sqlite"
sqlite.statements()
local asked
for _, read in ipairs { "rows", "row", "value" } do
  package.loaded["house.db"][read] = function(sql) asked = sql return {} end
end
local deliveries = require "orrery.data.deliveries"
local webhooks = require "orrery.data.webhooks"

local NULL = setmetatable({}, { __tostring = function() return "NULL" end })

describe("webhooks in the store", function()
  local database
  local change = {
    add = function(_, sql, expect, ...)
      local values = table.pack(...)
      for i = 1, values.n do values[i] = values[i] == nil and NULL or values[i] end
      local changed = tonumber(database:with(sql, values, "SELECT 'changed ' || changes();\n"):match "changed (%d+)")
      if expect and changed ~= expect then error(("%d rows instead of %d"):format(changed, expect), 0) end
    end,
    add_rows = function(self, sql, expect, width, cells)
      for i = 1, #cells, width do self:add(sql, expect, table.unpack(cells, i, i + width - 1)) end
    end,
  }

  local function value(sql) return (database:run(sql .. ";\n"):gsub("\n$", "")) end
  local function event() database:run "INSERT INTO events(at, type, owner) VALUES(1, 'job.state', 'ada');\n" end
  local function add(key) webhooks.insert(change, { key = key, owner = "ada", url = "u", everybody = 0, secret = "s" }) end
  local function deliver(webhook, number, anew)
    deliveries.insert(change, { { key = webhook * 100 + number, webhook = webhook, event = number, type = "t", body = "b",
      due_at = 5 } }, anew)
  end

  before_each(function() database = sqlite.new() end)
  after_each(function() database:remove() end)

  it("are found by an index, whatever is asked", function()
    local queries = { webhooks.page(false, true), webhooks.page(true, false), webhooks.one, deliveries.one,
      deliveries.page("PENDING", true), deliveries.page(nil, false) }
    for _, ask in ipairs { webhooks.behind, webhooks.due, deliveries.pending, deliveries.due, deliveries.webhook_after,
      deliveries.any, webhooks.count } do
      ask()
      queries[#queries + 1] = asked
    end
    for _, sql in ipairs(queries) do
      local plan = database:run("EXPLAIN QUERY PLAN " .. sql .. ";\n")
      for line in plan:gmatch "[^\n]+" do
        local scans = line:find "SCAN d" or line:find "TEMP B%-TREE" or line:find "SCAN deliveries" -- of webhooks there are few
        assert(not scans, sql .. "\n" .. plan)
      end
    end
  end)

  it("begin with what comes after them, and end the reading with the last of them", function()
    event()
    add(1)
    event()
    add(2)
    assert.equal("1,2", value "SELECT group_concat(begins) FROM (SELECT begins FROM webhooks ORDER BY key)")
    assert.equal("1", value "SELECT number FROM readers WHERE name = 'webhooks'")
    webhooks.delete(change, 1)
    assert.equal("1", value "SELECT count(*) FROM readers")
    webhooks.delete(change, 2)
    assert.equal("0", value "SELECT count(*) FROM readers")
  end)

  it("are of another edition whenever others keep up or they want something else, and not at every try", function()
    local edition, list = nil, nil
    local function read()
      webhooks.edition()
      local number = value(asked)
      webhooks.attentive()
      return number, value(asked)
    end
    local function same(what)
      local number, rows = read()
      assert.same({ edition, list }, { number, rows }, what)
    end
    local function other(what)
      local number, rows = read()
      assert.not_equal(edition, number, what)
      assert.not_equal(list, rows, what)
      edition, list = number, rows
    end
    event()
    edition, list = read()
    for key = 1, 5 do
      add(key)
      other "made"
    end
    webhooks.update(change, 1, { name = 0, url = 0, types = 1, states = 0 }, { types = "[1]" })
    other "other types"
    webhooks.update(change, 1, { name = 0, url = 0, types = 0, states = 1 }, { states = "[1]" })
    other "other states"
    webhooks.fall_behind(change, 2, 0)
    other "fallen behind"
    webhooks.failed(change, 1, 9)
    webhooks.rotate(change, { key = 1, secret = "s" }, "t", 9)
    webhooks.miss(change, 2, "{}")
    webhooks.catch_up(change, { key = 2, behind = 0, again = 0 }, 1)
    same "nothing that they want"
    webhooks.catch_up(change, { key = 2, behind = 1, again = 0 }, nil)
    other "caught up"
    webhooks.replay(change, 2, 0)
    other "sent back"
    webhooks.disable(change, 3, 9, "why")
    other "disabled"
    webhooks.enable(change, 3)
    webhooks.catch_up(change, { key = 3, behind = 1, again = 0 }, nil)
    other "enabled"
    webhooks.delete(change, 3)
    other "deleted"
    value "UPDATE webhooks SET job = 7 WHERE key = 4"
    other "of a job"
    value "UPDATE webhooks SET simulation = 8 WHERE key = 5"
    other "of a simulation"
    webhooks.end_of_job(change, 7)
    other "ended with its job"
    webhooks.end_of_simulation(change, 8)
    other "ended with its simulation"
  end)

  it("have each event once, whoever brings it again, and it is sent again only on request", function()
    add(1)
    deliver(1, 1)
    deliver(1, 1)
    deliver(2, 1) -- of no webhook
    assert.equal("1", value "SELECT count(*) FROM deliveries")
    deliveries.tried(change, 101, "DELIVERED", nil, 9, "200")
    deliver(1, 1)
    assert.equal("DELIVERED|1", value "SELECT state, tries FROM deliveries")
    deliver(1, 1, true)
    assert.equal("PENDING|0|5|[200]", value "SELECT state, tries, due_at, outcomes FROM deliveries")
    deliveries.tried(change, 101, "FAILED", nil, 9, "{}")
    deliveries.tried(change, 101, "DELIVERED", nil, 9, "{}") -- comes too late
    assert.equal("FAILED", value "SELECT state FROM deliveries")
  end)

  it("are changed in what is given, and in nothing else", function()
    add(1)
    webhooks.update(change, 1, { name = 1, url = 0, types = 0, states = 1 }, { name = "n", states = "[]" })
    webhooks.update(change, 1, { name = 0, url = 1, types = 0, states = 1 }, { url = "v" })
    assert.equal("n|v||1", value "SELECT name, url, types, states IS NULL FROM webhooks")
  end)

  it("are asked for when something of theirs waits, and are enabled", function()
    for key = 1, 4 do add(key) end
    deliver(1, 1)
    deliver(1, 2)
    deliver(3, 1)
    deliver(4, 1)
    webhooks.disable(change, 3, 9, "why")
    webhooks.due()
    assert.equal("1|ada|5|0\n4|ada|5|0\n", database:run(asked .. ";\n"))
  end)

  it("are kept for some time after they have ended, and not at all of one that is gone", function()
    add(1)
    add(2)
    for number = 1, 3 do
      deliver(1, number)
      deliver(2, number)
    end
    for number = 1, 2 do deliveries.tried(change, 100 + number, "DELIVERED", nil, number * 10, "{}") end
    deliveries.expire(change, 20, 10)
    deliveries.forsake(change, 2, 10)
    assert.equal("102,103,201,202,203", value "SELECT group_concat(key) FROM (SELECT key FROM deliveries ORDER BY key)")
    webhooks.delete(change, 2)
    deliveries.forsake(change, 2, 2)
    assert.equal("3", value "SELECT count(*) FROM deliveries")
    deliveries.forsake(change, 2, 2)
    assert.equal("102,103", value "SELECT group_concat(key) FROM (SELECT key FROM deliveries ORDER BY key)")
  end)

  it("keep the last outcomes of many", function()
    add(1)
    deliver(1, 1)
    for i = 1, 23 do deliveries.tried(change, 101, "PENDING", 1, nil, tostring(i)) end
    assert.equal("20|4|23", value [[SELECT json_array_length(outcomes), outcomes->>'$[0]', outcomes->>'$[#-1]' FROM deliveries]])
  end)

  it("miss nothing when they are disabled while they are read for", function()
    for _ = 1, 3 do event() end
    add(1)
    webhooks.disable(change, 1, 9, "why")
    assert.equal("3", value "SELECT behind FROM webhooks")
    event()
    value "UPDATE readers SET number = 4"
    webhooks.enable(change, 1)
    assert.equal("3", value "SELECT behind FROM webhooks WHERE disabled_at IS NULL")
    webhooks.replay(change, 1, 2)
    assert.equal("2|4|2", value "SELECT behind, again, begins FROM webhooks")
    -- A reading that began before the replay does not undo it, nor one that began before it was disabled.
    assert.has_error(function() webhooks.catch_up(change, { key = 1, behind = 3, again = 0 }, nil) end)
    webhooks.disable(change, 1, 9, "why")
    assert.has_error(function() webhooks.catch_up(change, { key = 1, behind = 2, again = 4 }, nil) end)
    webhooks.enable(change, 1)
    webhooks.catch_up(change, { key = 1, behind = 2, again = 4 }, nil)
    assert.equal("1", value "SELECT behind IS NULL FROM webhooks")
  end)
end)
