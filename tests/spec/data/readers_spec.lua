-- Readers of the log: each goes on by itself, never back, and the last of them is found without a look at the others.
local sqlite = require "support.sqlite"
sqlite.statements()
local readers = require "orrery.data.readers"

describe("the readers of the log", function()
  local database
  local change = { add = function(_, statement, _, ...) database:with(statement, { ... }) end }

  before_each(function() database = sqlite.new() end)
  after_each(function() database:remove() end)

  local function all() return database:run "SELECT name || ' ' || number FROM readers ORDER BY name;\n" end

  it("begin once, and never go back", function()
    readers.begin(change, "relay", 10)
    readers.begin(change, "relay", 20)
    assert.equal("relay 10\n", all())
    readers.move(change, "relay", 15)
    readers.move(change, "relay", 12)
    assert.equal("relay 15\n", all())
  end)

  it("are not brought back by a move that comes late", function()
    readers.begin(change, "relay", 1)
    readers.begin(change, "webhook 7", 2)
    readers.forget(change, "relay")
    readers.move(change, "relay", 9)
    assert.equal("webhook 7 2\n", all())
  end)
end)
