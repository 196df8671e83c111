-- Calling the site's hooks, the functions that orrery.lua names. Each Lua state runs the file again for its own; what a hook
-- keeps is that state's. A hook that throws or never ends costs whoever asked an answer, and is logged and counted.
local config = require "house.config"
local log = require "house.log"
local server = require "house.server"
local settings = require "orrery.core.config"

local hooks = {}

local STEPS = 10000000 -- instructions of the Lua machine that a call may take: some tenths of a second

local functions, why_none -- once the file was run here

local function load()
  local given = config.hooks
  if not given then functions = {} return end
  functions, why_none = settings.functions(given.text, given.file)
  functions = functions or {}
end

local function is_named(name)
  for _, each in ipairs(config.hooks and config.hooks.names or {}) do
    if each == name then return true end
  end
  return false
end

---Whether the site has a hook of this name.
function hooks.has(name)
  if not functions then load() end
  return functions[name] ~= nil or is_named(name)
end

---A hook failed: it threw, or what it returned is no answer.
function hooks.failed(name, why)
  server.count "hook_failures"
  log.error("hook failed", { hook = name, error = why })
end

---Calls a hook.
---@return boolean ok false: it failed
---@return ... what it returned
function hooks.call(name, request)
  if not functions then load() end
  local hook = functions[name]
  if not hook then
    hooks.failed(name, why_none or "the file named it when it was checked, and now it does not")
    return false
  end
  debug.sethook(function() error("it ran for too long and was ended: does it loop for ever?", 2) end, "", STEPS)
  local answer = table.pack(pcall(hook, request))
  debug.sethook()
  if answer[1] then return table.unpack(answer, 1, answer.n) end
  hooks.failed(name, tostring(answer[2]))
  return false
end

return hooks
