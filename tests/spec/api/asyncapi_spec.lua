-- The AsyncAPI document of methods and services: each call with its request, and with its answer or a problem.
local asyncapi = require "support.asyncapi"
require "support.house"
local json = require "house.json"
package.loaded["house.server"] = { version = "1.0" }
package.loaded["house.config"] = { bus = { url = "amqp://there/", prefix = "mine" } }
local described = require "orrery.api.asyncapi"

local function method(name, reply, role)
  return { name = name, summary = "Does " .. name .. ".", role = role, request = { type = "object" }, reply = reply }
end

describe("the AsyncAPI document of calls", function()
  local document

  setup(function()
    described.describe(function()
      return {}, { method("orrery.jobs.get", "job"), method("orrery.tokens.delete", nil, "admin") },
        { { name = "authentication", methods = { method("identify", { type = "object" }) } } }
    end)
    document = json.decode(select(3, described[1].handler()))
  end)

  it("keeps to the standard", function() asyncapi.check(document) end)

  it("has Orrery's own methods as received, with the answers that REST has", function()
    local get = document.operations["orrery.jobs.get"]
    assert.same({ "receive", "#/channels/calls" }, { get.action, get.channel["$ref"] })
    assert.equal("mine.rpc", document.channels.calls.address)
    assert.equal("#/components/schemas/job", document.components.messages["orrery.jobs.get.reply"].payload["$ref"])
    assert.same({ "#/channels/replies/messages/orrery.jobs.get.reply", "#/channels/replies/messages/problem" },
      { get.reply.messages[1]["$ref"], get.reply.messages[2]["$ref"] })
    assert.equal("null", document.components.messages["orrery.tokens.delete.reply"].payload.type)
    assert.truthy(document.operations["orrery.tokens.delete"].description:find "admin")
  end)

  it("has those of services as sent, each to a queue of its own", function()
    local identify = document.operations["service.authentication.identify"]
    assert.same({ "send", "#/channels/service.authentication" }, { identify.action, identify.channel["$ref"] })
    assert.equal("mine.rpc.authentication", document.channels["service.authentication"].address)
    assert.equal("identify", document.components.messages["service.authentication.identify"].name)
  end)
end)
