-- A program under test as a process of its own. A shell beside it holds a pipe to us: when we end, however we end, the
-- program is killed, so that no test leaves anything running. What it writes goes to files in a directory.
local socket = require "socket"

local process = {}
process.__index = process

function process.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
local quote = process.quote

function process.read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

function process.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

---Runs a shell command to its end → its exit code, its output (standard error included).
function process.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1 </dev/null"))
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  return how == "signal" and 128 + code or code, output
end

---Repeats a function until it returns something true, and returns that; an error when the time is over.
function process.eventually(what, attempt, seconds)
  local over = socket.gettime() + (seconds or 30)
  while true do
    local result = attempt()
    if result then return result end
    if socket.gettime() > over then error("it never came: " .. what, 2) end
    socket.sleep(0.01)
  end
end

---A fresh directory, in /tmp if not elsewhere.
function process.temporary(folder)
  local code, path = process.run(("mktemp -d %s/orrery-test-XXXXXX"):format(folder or "/tmp"))
  assert(code == 0, path)
  return (path:gsub("\n$", ""))
end

---Starts a shell command with one program in it (`exec` is put before it). Writes `out`, `log`, `pid` and, at the end,
---`exit` into the directory.
function process.start(command, directory)
  local self = setmetatable({ directory = directory }, process)
  os.remove(directory .. "/exit")
  os.remove(directory .. "/pid")
  self.pipe = assert(io.popen(([[
    cd %s; exec 3<&0
    exec %s >out 2>>log </dev/null 3<&- &
    pid=$!; echo $pid >pid.new; mv pid.new pid
    { cat <&3 >/dev/null; [ -e exit ] || kill -KILL "$pid" 2>/dev/null; } >/dev/null 2>&1 &
    exec 3<&- 2>/dev/null
    wait "$pid"; echo $? >exit.new; mv exit.new exit]]):format(quote(directory), command), "w"))
  self.pid = process.eventually("a pid", function() return tonumber(process.read(directory .. "/pid") or "") end)
  return self
end

---The exit code, if it has ended.
function process:ended() return tonumber(process.read(self.directory .. "/exit") or "") end

function process:signal(name)
  self.signalled = name
  os.execute(("kill -%s %d"):format(name, self.pid))
end

---Waits for the end → exit code; 128 + n after signal n.
function process:wait(seconds)
  return process.eventually("the end of process " .. self.pid, function() return self:ended() end, seconds)
end

---Kills it, if it still runs, and lets go of it.
function process:close()
  if self.pipe then self.pipe:close() end
  self.pipe = nil
end

return process
