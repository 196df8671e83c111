-- Which webhooks want an event.
require "support.house"
local matching = require "orrery.core.webhook.matching"

local hooks = {
  { key = 1, owner = "ada", begins = 0 },
  { key = 2, owner = "bob", begins = 0, everybody = 1 },
  { key = 3, owner = "ada", begins = 0, simulation = 7 },
  { key = 4, owner = "ada", begins = 0, job = 70 },
  { key = 5, owner = "ada", begins = 0, types = '["job.*","sweep.created"]' },
  { key = 6, owner = "ada", begins = 0, states = '["FAILED","COMPLETED"]' },
  { key = 7, owner = "ada", begins = 10 },
}

local function keys_of(event)
  event.number = event.number or 10
  event.owner = event.owner or "ada"
  local keys = {}
  for i, row in ipairs(matching.new(hooks):of(event)) do keys[i] = row.key end
  table.sort(keys)
  return table.concat(keys, " ")
end

describe("webhooks", function()
  it("are for what they name, and for nobody else's", function()
    assert.equal("1 2 3", keys_of { type = "simulation.wanted", simulation = 7, data = '{"to":"HOLD"}' })
    assert.equal("1 2 3 4 5", keys_of { type = "job.created", simulation = 7, job = 70 })
    assert.equal("1 2 5", keys_of { type = "job.created", simulation = 8, job = 80 })
    assert.equal("2", keys_of { type = "job.created", simulation = 8, job = 80, owner = "bob" })
    assert.equal("2", keys_of { type = "job.created", simulation = 8, job = 80, owner = "eve" })
    -- Of a simulation that an operator may see, whoever owns it.
    assert.equal("2 3 4", keys_of { type = "job.created", simulation = 7, job = 70, owner = "eve" })
  end)

  it("choose by type and by state", function()
    assert.equal("1 2 5 6", keys_of { type = "job.state", simulation = 8, job = 80, data = '{"from":"ACTIVE","to":"FAILED"}' })
    assert.equal("1 2 6", keys_of { type = "simulation.state", simulation = 8, data = '{"to":"COMPLETED"}' })
    assert.equal("1 2 5", keys_of { type = "job.state", simulation = 8, job = 80, data = '{"to":"ACTIVE","message":"FAILED"}' })
    assert.equal("1 2 5", keys_of { type = "sweep.created", simulation = 8 })
    assert.equal("1 2", keys_of { type = "jobs.created", simulation = 8, job = 60, data = '{"count":2}' })
  end)

  it("of a job are told of the chunk that it was made in", function()
    local function chunk(first, count)
      return keys_of { type = "jobs.created", simulation = 8, job = first, data = ('{"count":%d}'):format(count) }
    end
    assert.equal("1 2", chunk(60, 10))
    assert.equal("1 2 4", chunk(60, 11))
    assert.equal("1 2 4", chunk(70, 1))
    assert.equal("1 2", chunk(71, 10))
  end)

  it("are told of nothing from before they were", function()
    assert.equal("1 2 7", keys_of { type = "simulation.wanted", simulation = 8, number = 11 })
  end)
end)
