-- Directories of deleted jobs: those of each account by themselves.
local house = require "support.house"
local deletion = require "orrery.core.job.deletion"
local files = require "orrery.core.files"
local removals = require "orrery.data.removals"

describe("removing directories", function()
  local rows, asked

  local function add(account, count)
    for _ = 1, count do
      local key = #rows + 1
      local id = ("00000000-0000-7000-8000-%012x"):format(key)
      rows[key] = { key = key, resource = "cluster", account = account, directory = ("/jobs/%s/%s/1"):format(id, id) }
    end
  end

  before_each(function()
    rows, asked = {}, {}
    stub(removals, "some", function(after, limit) return { table.unpack(rows, after + 1, math.min(after + limit, #rows)) } end)
    stub(files, "remove", function(_, places)
      local account = places[1].account
      asked[account] = (asked[account] or 0) + #places
      if account == "dead" then return nil, "timeout", "the far end did not answer in time" end
      return {}
    end)
    rawset(house.db, "change", function() return { commit = function() return true end } end)
  end)
  after_each(function()
    removals.some:revert()
    files.remove:revert()
    rawset(house.db, "change", nil)
  end)

  it("waits once for an account that does not answer, however many it has", function()
    add("dead", 1000)
    add("ada", 1000)
    deletion.remove_directories()
    assert.same({ dead = 300, ada = 1000 }, asked)
  end)
end)
