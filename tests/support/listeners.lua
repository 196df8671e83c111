-- Many clients of one stream of events, in a process of their own (listeners.py).
local process = require "support.process"
local server = require "support.server"

local listeners = {}
listeners.__index = listeners

local function told(self, what, pattern)
  local numbers = process.eventually(what, function()
    local trouble = process.read(self.directory .. "/log")
    assert(trouble == "", trouble)
    local found, after = (process.read(self.directory .. "/out") or ""):match(pattern)
    return found and { tonumber(found), tonumber(after) }
  end, 120)
  return table.unpack(numbers)
end

---Opens so many streams of a server's, and waits until all are open.
function listeners.start(s, path, count)
  local self = setmetatable({ directory = process.temporary() }, listeners)
  process.write(self.directory .. "/log", "")
  self.pipe = assert(io.popen(("LISTENERS_HEADERS='Authorization: Bearer %s' exec /usr/bin/python3 %s/tests/support/listeners.py"
    .. " %s %s %s %d >%s/out 2>%s/log"):format(s.token, server.top, s.host, s.port, process.quote(path), count, self.directory,
    self.directory), "w"))
  assert(told(self, "open streams", "open (%d+) (%S+)\n") == count)
  return self
end

---Waits until a text that `cause` has the server send has reached all of them → how many it has reached, and seconds from
---before the cause to the last of them.
---@param text string without what Lua's patterns are made of
function listeners:reached_by(text, cause)
  self.pipe:write(text, "\n")
  self.pipe:flush()
  cause()
  return told(self, "the text " .. text, text .. " (%d+) (%S+)\n")
end

function listeners:close()
  self.pipe:close()
  process.run("rm -rf " .. self.directory)
end

return listeners
