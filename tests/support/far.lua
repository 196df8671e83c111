-- Private schedulers that servers under test reach over ssh alone: without the variables that clients need, and as another
-- account than their own. `far.of(slurm)` is used as support/slurm.lua is; what it starts is the scheduler's rig, with
-- `host`, the sshd (support/sshd.lua), and `settings`, those of a resource.
local kit = require "support.kit"
local process = require "support.process"
local rig = require "support.rig"
local sshd = require "support.sshd"

local far = {}

local function text_of(variables)
  local words = {}
  for name, value in pairs(variables) do words[#words + 1] = ("%s = %q"):format(name, value) end
  table.sort(words)
  return table.concat(words, ", ")
end

---The settings of a resource, as Lua text.
---@param more table|nil ssh: further settings of ssh; host, base, run_as: other than cluster, a folder at home (beside sshd, if
---that is the home of who runs the tests), service
function far.settings(it, more)
  more = more or {}
  local folder = sshd.has_accounts and "${home}/jobs" or it.host.directory .. "/jobs"
  return ('ssh = { host = "%s", config = %q, %s }, run_as = "%s", base = "%s", environment = { %s },'):format(
    more.host or "cluster", it.host.config, more.ssh or "", more.run_as or "service", more.base or folder,
    text_of(it:variables()))
end

---Runs the conformance kit on its plug-in → what kit.check returns
---@param arguments string shell words
function far.check(it, scheduler, arguments)
  local file = it.host.directory .. "/kit.lua"
  process.write(file, ('data = "%s/kit"\nresource "cluster" { scheduler = "%s", %s %s }\n'):format(it.host.directory,
    scheduler.plugin, it.settings, scheduler.settings))
  return kit.check(scheduler.plugin, ("--config %s --resource cluster %s"):format(file, arguments))
end

local function stop(it)
  it.host:stop()
  rig.stop(it)
end

---A scheduler that is far away.
---@param scheduler table support.slurm, support.gridengine, …; its `start` is told who logs in
---@param options string|nil of the script that starts sshd
---@param more table|nil of far.settings
function far.of(scheduler, options, more)
  local it = { title = scheduler.title .. " over ssh" }
  function it.start(of_scheduler)
    local host = sshd.start(options)
    local started = scheduler.start(of_scheduler, host.login)
    started.host, started.stop, started.account = host, stop, nil
    function started.client() return "" end
    started.settings = far.settings(started, more)
    return started
  end
  return setmetatable(it, { __index = scheduler })
end

return far
