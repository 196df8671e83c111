-- A plain HTTP/1.1 client for tests: sending and receiving are separate, bytes can be sent as they are, and every answer
-- is checked to be well formed on the way in.
local cjson = require "cjson.safe"
local socket = require "socket"

local http = { null = cjson.null }
http.__index = http

local TIMEOUT = 60 -- seconds; not a limit on speed

function http.encode(value) return assert(cjson.encode(value)) end
function http.decode(text) return assert(cjson.decode(text)) end

---A connection.
function http.connect(host, port)
  local self = setmetatable({ host = host, port = port }, http)
  self.socket = assert(socket.connect(host, port))
  self.socket:settimeout(TIMEOUT)
  self.socket:setoption("tcp-nodelay", true)
  return self
end

function http:close()
  if self.socket then self.socket:close() end
  self.socket = nil
end

function http:send_raw(bytes) return self.socket:send(bytes) end

---Sends a request; a table as body is sent as JSON.
function http:send(method, target, headers, body)
  if type(body) == "table" then body = http.encode(body) end
  local lines = { ("%s %s HTTP/1.1\r\nHost: %s:%d\r\n"):format(method, target, self.host, self.port) }
  for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value .. "\r\n" end
  if body then lines[#lines + 1] = "Content-Length: " .. #body .. "\r\n" end
  lines[#lines + 1] = "\r\n"
  self.method = method
  return self.socket:send(table.concat(lines) .. (body or ""))
end

local function read_chunked(connection)
  local pieces = {}
  while true do
    local line = assert(connection:receive "*l")
    local size = assert(tonumber(line:match "^%x+", 16), "bad chunk: " .. line)
    if size > 0 then pieces[#pieces + 1] = assert(connection:receive(size)) end
    assert(assert(connection:receive "*l") == "", "a chunk's end is missing")
    if size == 0 then return table.concat(pieces) end
  end
end

---@class http.response
---@field status integer
---@field headers table<string, string> by lower-case name
---@field body string
local response = {}
response.__index = function(self, name)
  if name ~= "json" then return response[name] end
  local value = http.decode(self.body)
  rawset(self, "json", value)
  return value
end

---Receives an answer → response | nil, "closed" or "timeout"
function http:receive(seconds)
  local connection = self.socket
  connection:settimeout(seconds or TIMEOUT)
  local line, why = connection:receive "*l"
  connection:settimeout(TIMEOUT)
  if not line then return nil, why end
  local self_response = setmetatable({ headers = {} }, response)
  self_response.status = assert(tonumber(line:match "^HTTP/1%.1 (%d%d%d) "), "no status line: " .. line)
  for text in function() return assert(connection:receive "*l") end do
    if text == "" then break end
    local name, value = text:match "^([^:%s]+): ?(.*)$"
    assert(name, "no header: " .. text)
    name = name:lower()
    assert(not self_response.headers[name], "the header " .. name .. " stands twice")
    self_response.headers[name] = value
  end
  local headers, status = self_response.headers, self_response.status
  if self.method == "HEAD" or status == 204 or status == 304 then self_response.body = ""
  elseif headers["transfer-encoding"] then self_response.body = read_chunked(connection)
  else
    local length = assert(tonumber(headers["content-length"]), "an answer without a length")
    self_response.body = length == 0 and "" or assert(connection:receive(length))
  end
  if headers.connection == "close" then self:close() end
  return self_response
end

return http
