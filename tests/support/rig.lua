-- A private scheduler for specs, by one of the scripts in tests/rigs. A shell beside it holds a pipe to us: when we end,
-- however we end, it takes the rig down. So `setup` may start one for a whole file, and `teardown` stop it.
local crash = require "support.crash"
local process = require "support.process"
local server = require "support.server"

local rig = {}
rig.__index = rig

local quote = process.quote

local function up(self)
  local code, output = process.run(("%s up %s %s"):format(self.script, quote(self.directory), self.options))
  assert(code == 0, output)
end

---Starts one. `options` are the script's.
---@param name string the script: slurm, gridengine
---@param daemons table<string, string> by name, where in the rig's directory the pid file of each is; a pattern of the shell
---@param folder string|nil in which its directory is (default: /tmp)
function rig.start(name, options, daemons, folder)
  local self = setmetatable({ directory = process.temporary(folder), options = options or "", daemons = daemons }, rig)
  self.script = quote(server.top .. "/tests/rigs/" .. name)
  self.guard = assert(io.popen(("trap '' INT TERM HUP; cat >/dev/null; %s down %s && rm -rf %s"):format(self.script,
    quote(self.directory), quote(self.directory)), "w"))
  up(self)
  return self
end

-- The words before a command that make it that of another account, if the rig's clients have one.
local function as(account)
  if not account then return "" end
  local words = "setpriv --reuid=%s --regid=%s --init-groups env HOME=\"$(getent passwd %s | cut -d: -f6)\" USER=%s LOGNAME=%s"
  return words:gsub("%%s", account)
end

---The words before a command that make it one of the rig's clients.
function rig:client() return ("sh -c '. %s/env.sh && exec %s \"$@\"' sh"):format(self.directory, as(self.account)) end

---The variables that its clients need → by name
function rig:variables()
  local plain = "PATH=/usr/bin:/bin"
  local _, text = process.run(("env -i %s sh -c '. %s/env.sh && exec env'"):format(plain, self.directory))
  local variables = {}
  for line in text:gmatch "[^\n]+" do
    local name, value = line:match "^([%w_]+)=(.*)$"
    if name ~= "PWD" and line ~= plain then variables[name] = value end
  end
  return variables
end

---Runs a shell command as a client → its output; it must go well.
function rig:run(command)
  local code, output = process.run((". %s/env.sh; %s"):format(quote(self.directory), command))
  assert(code == 0, ("%s ended with %d: %s"):format(command, code, output))
  return (output:gsub("\n$", ""))
end

function rig:pid(daemon)
  local _, text = process.run(("cat %s/%s"):format(quote(self.directory), self.daemons[daemon]))
  return assert(tonumber(text), text)
end

---Lets a daemon stand still, and go on.
function rig:freeze(daemon) crash.signal("STOP", self:pid(daemon)) end
function rig:thaw(daemon) crash.signal("CONT", self:pid(daemon)) end

---Kills a daemon.
function rig:kill(daemon) crash.signal("KILL", self:pid(daemon)) end

---Waits until a daemon has ended, which takes its pid file away.
function rig:await_end(daemon)
  process.eventually("the end of " .. daemon, function() return (process.run(("[ ! -e %s/%s ]"):format(quote(self.directory),
    self.daemons[daemon]))) == 0 end)
end

---Starts what of it does not run, and waits until all of it answers.
function rig:revive() up(self) end

---Sets it up anew: nothing is left of its jobs, and its ids begin again. Clients find it where it was.
function rig:renew()
  local code, output = process.run(("%s down %s && find %s -mindepth 1 -maxdepth 1 ! -name etc ! -name env.sh -exec rm -rf {} +")
    :format(self.script, quote(self.directory), quote(self.directory)))
  assert(code == 0, output)
  up(self)
end

function rig:stop() self.guard:close() end
function rig.__close(it) it:stop() end

return rig
