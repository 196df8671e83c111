-- /asyncapi.json: a document of AsyncAPI 3.0, by the standard's own rules; and what the server tells is as it says.
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

  local function resolve(pointer)
    local at = document
    assert(pointer:find "^#/", pointer)
    for word in pointer:sub(3):gmatch "[^/]+" do
      at = assert(at[word:gsub("~1", "/"):gsub("~0", "~")], "nothing is at " .. pointer)
    end
    return at
  end

  local function each_reference(node, visit)
    if type(node) ~= "table" then return end
    if node["$ref"] then visit(node["$ref"], node) end
    for _, member in pairs(node) do each_reference(member, visit) end
  end

  it("is there without a token, and of the version that it says", function()
    assert.same({ 200, "application/json" }, { plain.status, plain.headers["content-type"] })
    assert.equal("3.0.0", plain.json.asyncapi)
    assert.same({ "3.0.0", "Orrery" }, { document.asyncapi, document.info.title })
    assert.is_string(document.info.version)
  end)

  it("has no member that the standard does not know", function()
    local known = {
      document = "asyncapi id info servers defaultContentType channels operations components",
      channel = "address messages title summary description servers parameters tags externalDocs bindings",
      operation = "action channel title summary description security tags externalDocs bindings traits messages reply",
      message = "headers payload correlationId contentType name title summary description tags externalDocs bindings examples "
        .. "traits",
      server = "host protocol protocolVersion pathname description title summary variables security tags externalDocs bindings",
      components = "schemas servers channels operations messages securitySchemes serverVariables parameters replies "
        .. "replyAddresses correlationIds externalDocs tags operationTraits messageTraits",
      parameter = "enum default description examples location",
    }
    local function only(kind, value, where)
      for name in pairs(value) do
        assert((" " .. known[kind] .. " "):find(" " .. name .. " ", 1, true), ("%s: %s has no %s"):format(where, kind, name))
      end
    end
    only("document", document, "")
    only("components", document.components, "components")
    for name, value in pairs(document.servers) do only("server", value, name) end
    for name, value in pairs(document.operations) do only("operation", value, name) end
    for name, value in pairs(document.components.messages) do only("message", value, name) end
    for name, value in pairs(document.channels) do
      only("channel", value, name)
      for word, parameter in pairs(value.parameters or {}) do only("parameter", parameter, name .. " " .. word) end
    end
  end)

  it("refers to what is there, and to channels and their messages as the standard wants it", function()
    local count = 0
    each_reference(document, function(pointer, node)
      resolve(pointer)
      assert.is_nil(next(node, "$ref") or nil, "a reference has nothing beside it")
      count = count + 1
    end)
    assert.is_true(count > 40)
    for name, operation in pairs(document.operations) do
      assert(operation.action == "send" or operation.action == "receive", name)
      local channel = operation.channel["$ref"]
      assert.truthy(channel:find "^#/channels/[^/]+$")
      for _, message in ipairs(operation.messages) do
        assert.equal(channel .. "/messages/", message["$ref"]:sub(1, #channel + 10))
      end
    end
    for name, channel in pairs(document.channels) do
      for word in tostring(channel.address):gmatch "{([%w_]+)}" do assert(channel.parameters[word], name .. " " .. word) end
      for word in pairs(channel.parameters or {}) do
        assert(channel.address:find("{" .. word .. "}", 1, true), name .. " " .. word)
      end
      for _, one in ipairs(channel.servers) do assert.truthy(one["$ref"]:find "^#/servers/") end
      for key, message in pairs(channel.messages) do assert.equal("#/components/messages/" .. key, message["$ref"]) end
    end
    for name in pairs(document.components.messages) do assert.truthy(name:find "^[%w._-]+$") end
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
