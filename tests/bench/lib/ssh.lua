-- A machine that is reached over ssh, as the rows need it: a private sshd (tests/rigs), and OpenSSH's own programs with one
-- connection to it, which all of them share.
local process = require "support.process"
local socket = require "socket"
local sshd = require "support.sshd"

local far = {}

local quote = process.quote

---@param variables table<string, string>|nil of all sessions there
function far.start(variables)
  local options = {}
  for name, value in pairs(variables or {}) do options[#options + 1] = "--set " .. quote(name .. "=" .. value) end
  local it = sshd.start(table.concat(options, " "))
  local shared = ("-F %s -o ControlPath=%s"):format(quote(it.config), quote(it.directory .. "/client/shared"))
  it:run(("ssh %s -fNM cluster"):format(shared)) -- ends when the rig does
  it.ssh, it.scp = ("ssh %s cluster"):format(shared), "scp -q " .. shared
  return it
end

---Milliseconds that a shell command takes, one after the other: the mean of so many.
function far.each_ms(rig, count, command)
  local began = socket.gettime()
  rig:run(("for i in $(seq %d); do %s >/dev/null || exit 1; done"):format(count, command))
  return (socket.gettime() - began) * 1000 / count
end

---Copies a file there, or with `back` here, by scp → MiB a second
function far.scp(it, file, megabytes, back)
  local there, here = it:run(it.ssh .. " mktemp"), it.directory .. "/client/copy"
  it:run(back and ("%s 'cat >%s' <%s"):format(it.ssh, there, quote(file)) or "true")
  local began = socket.gettime()
  it:run(back and ("%s cluster:%s %s"):format(it.scp, there, here) or ("%s %s cluster:%s"):format(it.scp, quote(file), there))
  local took = socket.gettime() - began
  it:run(("cmp %s %s && %s rm %s && rm -f %s"):format(quote(file), back and here or there, it.ssh, there, here))
  return megabytes / took
end

return far
