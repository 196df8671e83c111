-- A stream of server-sent events, received one by one.
local http = require "support.http"
local socket = require "socket"

local stream = {}
stream.__index = stream

local TIMEOUT = 60 -- seconds; not a limit on speed

---Opens one → stream, whose `status` is that of the answer and `problem` what it says where that is no stream. Options as of
---server:send; and `pause`: nothing is received beyond the head.
function stream.open(s, path, options)
  local self = setmetatable({ lines = {}, rest = "", headers = {} }, stream)
  self.connection = s:send("GET", path, options)
  local receiver = self.connection.socket
  receiver:settimeout(TIMEOUT)
  self.status = tonumber(assert(receiver:receive "*l"):match " (%d+) ")
  for line in function() return assert(receiver:receive "*l") end do
    if line == "" then break end
    local name, value = line:match "^([^:]+): (.*)$"
    self.headers[name:lower()] = value
  end
  if self.status ~= 200 then
    self.problem = http.decode(assert(receiver:receive(tonumber(self.headers["content-length"]))))
    self:close()
  end
  return self
end

function stream:close() self.connection:close() end

-- More of the body → false at its end, nil when it broke off or nothing came in time.
local function receive(self, deadline)
  local receiver = self.connection.socket
  receiver:settimeout(math.max(deadline - socket.gettime(), 0))
  local line, why, part = receiver:receive("*l", self.part)
  self.part = not line and why == "timeout" and part or nil
  if not line then return nil, why end
  receiver:settimeout(TIMEOUT)
  local size = assert(tonumber(line, 16), "bad chunk: " .. line)
  if size > 0 then self.rest = self.rest .. assert(receiver:receive(size)) end
  assert(receiver:receive "*l" == "")
  return size > 0
end

---The next block of lines as {id =, event =, data =, retry =}; of a heartbeat, `id` alone → false at the stream's end, nil and
---why ("closed", "timeout") when there is none.
function stream:block(seconds)
  local deadline = socket.gettime() + (seconds or TIMEOUT)
  while true do
    local text, after = self.rest:match "^(.-\n)\n()"
    if text then
      local block = {}
      self.rest = self.rest:sub(after)
      for name, value in text:gmatch "(%w+): ([^\n]*)\n" do block[name] = value end
      if block.id then self.id = math.tointeger(tonumber(block.id)) end
      return block
    end
    local more, why = receive(self, deadline)
    if not more then return more, why end
  end
end

---The next event: its number as `id`, its type as `event`, and what `data` says, decoded.
function stream:next(seconds)
  local deadline = socket.gettime() + (seconds or TIMEOUT)
  while true do
    local block, why = self:block(deadline - socket.gettime())
    if not block then return block, why end
    if block.data then
      block.id, block.data = math.tointeger(tonumber(block.id)), http.decode(block.data)
      assert(block.id == tonumber(block.data.id) and "orrery." .. block.event == block.data.type, block.data.type)
      return block
    end
  end
end

---Events until one for which the function is true → list, with that one at its end.
function stream:until_one(is_last)
  local list = {}
  repeat
    local event, why = self:next()
    assert(event, ("the stream ended too early: %s"):format(why))
    list[#list + 1] = event
  until is_last(event)
  return list
end

---All that comes until the stream ends → list, and whether it broke off.
function stream:rest_of_it()
  local list = {}
  while true do
    local event, why = self:next()
    if not event then
      assert(why ~= "timeout", "the stream does not end")
      return list, event == nil
    end
    list[#list + 1] = event
  end
end

return stream
