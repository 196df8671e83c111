-- The address of the broker, and the settings of `bus` that hang together. An address may hold a password, which nobody is shown.
local broker = {}

---The settings of `bus` that name files.
broker.files = { "password_file", "ca_file", "cert_file", "key_file" }

local RIGHT = "amqp://user:password@host:port/vhost, or amqps://…, with %2F for a / in the name of the virtual host"
local LONGEST = 2048

-- The host and port of an authority, "user:password@host:port" → whether they can be.
local function is_authority(authority)
  local place = authority:match "@([^@]*)$" or authority
  local host, port = place:match "^(%[[%x:.]+%])(.*)$"
  if not host then host, port = place:match "^([^:]+)(.*)$" end
  if port == "" then return host ~= nil end
  port = host and math.tointeger(tonumber(port:match "^:(%d+)$"))
  return port ~= nil and port >= 1 and port <= 65535
end

---The address, if a broker can be there, or what is right.
---@return string|nil kept
---@return string|nil right
function broker.check(url)
  if type(url) ~= "string" or #url > LONGEST or url:find "%c" then return nil, RIGHT end
  local authority, path = url:match "^amqps?://([^/?#]+)(.*)$"
  local whole = authority and is_authority(authority) and (path == "" or path:find "^/[^/?#]*$")
  if not whole or url:gsub("%%%x%x", ""):find("%", 1, true) then return nil, RIGHT end
  return url
end

---The address as it may be shown.
function broker.shown(url)
  return (url:gsub("^([^/]*//[^:/@]*):.*@", "%1:…@"))
end

---Which setting of `bus` has no effect beside the others: somebody thinks of it what is not so.
---@param bus table the checked settings
---@return string|nil path
---@return string|nil detail
function broker.contradiction(bus)
  for _, name in ipairs(broker.files) do
    if bus[name] and not bus.url then return "bus." .. name, "needs bus.url, the broker that it is for" end
    if bus[name] and name ~= "password_file" and not bus.url:find "^amqps:" then
      return "bus." .. name, "needs TLS, that is, a bus.url that begins with amqps://"
    end
  end
  if (bus.cert_file == nil) ~= (bus.key_file == nil) then
    local given, missing = "cert_file", "key_file"
    if bus.key_file then given, missing = missing, given end
    return "bus." .. given, ("needs bus.%s beside it"):format(missing)
  end
end

return broker
