-- Server-sent events as they come: bytes in, events out, and the number to go on from when the connection is lost.
local event_stream = {}
event_stream.__index = event_stream

---@param take fun(event:{type:string, data:string})
function event_stream.new(take)
  return setmetatable({ take = take, rest = "", id = nil, fields = {} }, event_stream)
end

---A new connection: what was half received on the one before comes again.
function event_stream:begin() self.rest, self.fields = "", {} end

-- An empty line ends an event; one without data only says how far the stream has come.
local function dispatch(self)
  local fields = self.fields
  self.fields = {}
  self.id = fields.id or self.id
  if fields.data then self.take { type = fields.event, data = fields.data } end
end

---@param bytes string cut anywhere
function event_stream:feed(bytes)
  local text, at = self.rest .. bytes, 1
  for line, after in text:gmatch "([^\n]*)\n()" do
    local name, value = line:match "^(%w+): ?(.*)$"
    if line == "" then dispatch(self) elseif name then self.fields[name] = value end
    at = after
  end
  self.rest = text:sub(at)
end

return event_stream
