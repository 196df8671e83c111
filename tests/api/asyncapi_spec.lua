-- /asyncapi.json: a document of AsyncAPI 3.0, by the standard's own rules; and what the server tells is as it says.
local asyncapi = require "support.asyncapi"
local http = require "support.http"
local server = require "support.server"
require "support.house"
local types = require "orrery.core.event.types"

local NOBODY = 'bus = { url = "amqp://stranger@127.0.0.1:1/", prefix = "mine" }' -- a broker that is never there

describe("the AsyncAPI document", function()
  local s, plain, document

  setup(function()
    local alone = server.start {}
    plain = alone:get("/asyncapi.json", { token = false })
    alone:stop()
    s = server.start { config = NOBODY }
    document = s:read("/asyncapi.json", { token = false })
  end)
  teardown(function() s:stop() end)

  it("is there without a token, and of the version that it says", function()
    assert.same({ 200, "application/json" }, { plain.status, plain.headers["content-type"] })
    assert.equal("3.0.0", plain.json.asyncapi)
    assert.same({ "3.0.0", "Orrery" }, { document.asyncapi, document.info.title })
    assert.is_string(document.info.version)
  end)

  it("keeps to the standard", function()
    asyncapi.check(plain.json)
    asyncapi.check(document)
  end)

  it("has every type of event, each in one channel of the exchange", function()
    local seen = {}
    for name, channel in pairs(document.channels) do
      if name:find "^exchange%." then
        assert.equal("mine.events", channel.bindings.amqp.exchange.name)
        for _, type in ipairs(channel.parameters.type.enum) do
          assert.is_nil(seen[type])
          assert.truthy(channel.messages[type])
          seen[type] = true
        end
      end
    end
    for type, declared in pairs(types) do
      local message = document.components.messages[type]
      assert.is_true(seen[type], type)
      assert.same({ "orrery." .. type, declared.help }, { message.payload.properties.type.const, message.summary })
      local data = message.payload.properties.data.properties
      for name in pairs(declared.data.fields) do assert.truthy(data[name], type .. " " .. name) end
    end
  end)

  it("tells of a broker only where there is one", function()
    for name in pairs(plain.json.channels) do assert.is_nil(name:find "^exchange") end
    assert.is_nil(plain.json.servers.broker)
    assert.equal("amqp", document.servers.broker.protocol)
    assert.is_nil(http.encode(document):find "stranger")
  end)
end)
