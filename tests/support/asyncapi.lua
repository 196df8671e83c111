-- What AsyncAPI 3.0 asks of a document: members that it knows, references that lead somewhere, and operations whose messages
-- are those of their channels.
local assert = require "luassert"

local asyncapi = {}

local known = {
  document = "asyncapi id info servers defaultContentType channels operations components",
  channel = "address messages title summary description servers parameters tags externalDocs bindings",
  operation = "action channel title summary description security tags externalDocs bindings traits messages reply",
  reply = "address channel messages",
  message = "headers payload correlationId contentType name title summary description tags externalDocs bindings examples traits",
  server = "host protocol protocolVersion pathname description title summary variables security tags externalDocs bindings",
  components = "schemas servers channels operations messages securitySchemes serverVariables parameters replies replyAddresses "
    .. "correlationIds externalDocs tags operationTraits messageTraits",
  parameter = "enum default description examples location",
}

local function only(kind, value, where)
  for name in pairs(value) do
    assert((" " .. known[kind] .. " "):find(" " .. name .. " ", 1, true), ("%s: %s has no %s"):format(where, kind, name))
  end
end

local function check_members(document)
  only("document", document, "")
  only("components", document.components, "components")
  assert.is_string(document.info.title)
  assert.is_string(document.info.version)
  for name, server in pairs(document.servers) do
    only("server", server, name)
    assert(server.host and server.protocol, name)
    for word in server.host:gmatch "{(%w+)}" do assert(server.variables[word], name .. " " .. word) end
  end
  for name, message in pairs(document.components.messages) do
    only("message", message, name)
    assert(name:find "^[%w._-]+$", name)
    assert(message.payload, name)
  end
  for name, operation in pairs(document.operations) do
    only("operation", operation, name)
    if operation.reply then only("reply", operation.reply, name) end
  end
  for name, channel in pairs(document.channels) do
    only("channel", channel, name)
    for word, parameter in pairs(channel.parameters or {}) do only("parameter", parameter, name .. " " .. word) end
  end
end

local function resolve(document, pointer)
  local at = document
  assert(pointer:find "^#/", pointer)
  for word in pointer:sub(3):gmatch "[^/]+" do
    at = assert(at[word:gsub("~1", "/"):gsub("~0", "~")], "nothing is at " .. pointer)
  end
end

-- A payload may have a property of this name.
local function check_references(document, node)
  if type(node) ~= "table" then return end
  if type(node["$ref"]) == "string" then
    resolve(document, node["$ref"])
    assert(next(node) == "$ref" and next(node, "$ref") == nil, "something stands beside the reference to " .. node["$ref"])
  end
  for _, member in pairs(node) do check_references(document, member) end
end

local function check_channels(document)
  for name, channel in pairs(document.channels) do
    local address = type(channel.address) == "string" and channel.address or ""
    for word in address:gmatch "{([%w_]+)}" do assert(channel.parameters[word], name .. " " .. word) end
    for word in pairs(channel.parameters or {}) do assert(address:find("{" .. word .. "}", 1, true), name .. " " .. word) end
    for _, server in ipairs(channel.servers) do assert(server["$ref"]:find "^#/servers/", name) end
    for key, message in pairs(channel.messages) do assert.equal("#/components/messages/" .. key, message["$ref"]) end
  end
end

local function check_messages_of(channel, messages)
  assert(channel:find "^#/channels/[^/]+$", channel)
  assert(#messages > 0, channel)
  for _, message in ipairs(messages) do assert.equal(channel .. "/messages/", message["$ref"]:sub(1, #channel + 10)) end
end

---Raises what is wrong.
function asyncapi.check(document)
  assert.equal("3.0.0", document.asyncapi)
  check_members(document)
  check_references(document, document)
  check_channels(document)
  for name, operation in pairs(document.operations) do
    assert(operation.action == "send" or operation.action == "receive", name)
    check_messages_of(operation.channel["$ref"], operation.messages)
    if operation.reply then check_messages_of(operation.reply.channel["$ref"], operation.reply.messages) end
  end
end

return asyncapi
