-- Events as CloudEvents: every type has the attributes that the standard asks for, whatever is in its data and whoever owns it,
-- and a routing key that a broker takes.
require "support.house"
package.loaded["house.ids"] = { text = function(key) return ("01990000-0000-7000-8000-%012d"):format(key) end }
local complaints = {}
package.loaded["house.log"] = { error = function(_, fields) complaints[#complaints + 1] = fields.number end }
package.loaded["house.clock"] = { text = function(at) return ("2026-01-01T00:00:%06.3fZ"):format(at / 1000) end }
local json = require "house.json"
local cloud = require "orrery.core.event.cloud"
local types = require "orrery.core.event.types"

local function id(key) return ("01990000-0000-7000-8000-%012d"):format(key) end

-- A row of the log, of some type.
local function row(type, data, owner)
  local of = types[type] and types[type].of
  local has_job, has_simulation = of == "job" or of == "chunk", of == "job" or of == "chunk" or of == "simulation"
  return { number = 42, at = 1500, type = type, owner = (has_simulation or of == "webhook") and (owner or "ada") or nil,
    simulation = has_simulation and 7 or nil, job = has_job and 9 or nil, data = data and json.encode(data) }
end

local function rendered(event)
  local text, key = cloud.text(event)
  local value, why = json.decode(text)
  assert.is_nil(why, text)
  return value, key
end

describe("an event as the world sees it", function()
  it("has the attributes of CloudEvents, whatever its type", function()
    for type, declared in pairs(types) do
      local event, key = rendered(row(type, { resource = "fake", webhook_id = "w" }))
      assert.same({ "1.0", "42", "urn:uuid:" .. id(0), "orrery." .. type, "2026-01-01T00:00:01.500Z", "application/json" },
        { event.specversion, event.id, event.source, event.type, event.time, event.datacontenttype })
      assert.equal(declared.of ~= "house", event.subject ~= nil, type)
      assert.not_equal("", event.subject)
      local has_owner = declared.of ~= "house" and declared.of ~= "resource"
      assert.equal(has_owner and "ada" or nil, event.owner, type)
      assert.equal("fake", event.data.resource)
      assert.equal(type, key:sub(1, #type))
    end
  end)

  it("says of what it is: in its subject, in its data, and in its routing key", function()
    local cases = {
      { "job.state", { from = "NEW", to = "PENDING" }, "jobs/" .. id(9), id(7) .. "." .. id(9),
        { job_id = id(9), simulation_id = id(7), from = "NEW", to = "PENDING" } },
      { "jobs.created", { count = 3 }, "simulations/" .. id(7), id(7),
        { first_job_id = id(9), simulation_id = id(7), count = 3 } },
      { "simulation.state", { to = "ACTIVE" }, "simulations/" .. id(7), id(7), { simulation_id = id(7), to = "ACTIVE" } },
      { "simulation.created", nil, "simulations/" .. id(7), id(7), { simulation_id = id(7) } },
      { "webhook.disabled", { webhook_id = id(5) }, "webhooks/" .. id(5), id(5), { webhook_id = id(5) } },
      { "resource.state", { resource = "a_b-c", to = "up" }, "resources/a_b-c", "a_b-c", { resource = "a_b-c", to = "up" } },
    }
    for _, case in ipairs(cases) do
      local type, data, subject, words, told = table.unpack(case, 1, 5)
      local event, key = rendered(row(type, data))
      assert.same({ subject, type .. "." .. words, told }, { event.subject, key, event.data })
    end
    local event, key = rendered(row("token.revoked", { token_id = "t" }))
    assert.same({ "token.revoked", { token_id = "t" } }, { key, event.data })
  end)

  it("is right whoever owns it, and whatever it tells", function()
    local hostile = { '"},"data":{"x":1', "a\\", "\n\t\0", "ünïcode ☃", "%s%d%%", "}", ("x"):rep(128) }
    for _, words in ipairs(hostile) do
      local event = rendered(row("job.state", { from = "NEW", to = "FAILED", message = words }, words))
      assert.same({ words, words }, { event.owner, event.data.message })
      assert.equal(id(9), event.data.job_id)
    end
  end)

  it("of a type that is declared no more, or whose data are missing, is told as well", function()
    local event, key = rendered { number = 1, at = 0, type = "job.of_old", owner = "ada", simulation = 7, job = 9 }
    assert.same({ "jobs/" .. id(9), "job.of_old." .. id(7) .. "." .. id(9) }, { event.subject, key })
    event, key = rendered { number = 1, at = 0, type = "of.old", data = "{}" }
    assert.same({ "of.old", {} }, { key, event.data })
    assert.is_nil(event.subject)
  end)

  it("has a routing key that AMQP takes, of at most 255 bytes", function()
    for type in pairs(types) do
      local _, key = rendered(row(type, { resource = ("r"):rep(300), webhook_id = id(7) }))
      assert.is_true(#key <= 255 and not key:find "[^%w._-]", key)
    end
  end)

  it("is nothing, and told of once, if its row was tampered with", function()
    local rows = {}
    for _, data in ipairs { "", "{", "x", "[1]", '"x"', "null", '{"to":}', '{"to":1}}', ' {"to":1}' } do
      rows[#rows + 1] = { type = "job.state", simulation = 7, job = 9, data = data }
    end
    for _, name in ipairs { "null", "1.5e300", '["x"]', '"a\\"b"', '"\\u0000"', '""' } do
      rows[#rows + 1] = { type = "resource.state", data = '{"resource":' .. name .. "}" }
      rows[#rows + 1] = { type = "webhook.disabled", data = '{"webhook_id":' .. name .. "}" }
    end
    rows[#rows + 1] = { type = "resource.drained" }
    for _, type in ipairs { 'of"old', "of\nold", "", ("o"):rep(1000) } do rows[#rows + 1] = { type = type } end
    for i, each in ipairs(rows) do
      each.number, each.at = 1000 + i, 0
      for _ = 1, 3 do assert.is_nil(cloud.text(each), each.type .. " " .. (each.data or "")) end
      assert.equal(1000 + i, complaints[i])
    end
    assert.equal(#rows, #complaints)
  end)

  it("is not left out where memory runs short", function()
    local encode = json.encode
    json.encode = function() error("not enough memory", 0) end
    local ok, why = pcall(cloud.text, row("job.found", nil, "nobody yet"))
    json.encode = encode
    assert.same({ false, "not enough memory" }, { ok, why })
    assert.equal("nobody yet", rendered(row("job.found", nil, "nobody yet")).owner)
  end)

  it("remembers no more than it may", function()
    local function tell(i)
      cloud.text { number = i, at = i, type = "job.found", owner = "o" .. i, simulation = i, job = i + 90000 }
    end
    for i = 1, 10000 do tell(i) end
    collectgarbage()
    local before = collectgarbage "count"
    for i = 10001, 60000 do tell(i) end
    collectgarbage()
    assert.is_true(collectgarbage "count" < before + 4096)
    assert.equal("o3", rendered({ number = 1, at = 3, type = "job.found", owner = "o3", simulation = 3, job = 4 }).owner)
  end)
end)
