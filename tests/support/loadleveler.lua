-- A private LoadLeveler for specs, which is a fake (tests/rigs/loadleveler, tests/fakes/loadleveler).
local process = require "support.process"
local rig = require "support.rig"

local loadleveler = { title = "LoadLeveler", plugin = "loadleveler", settings = "" }

---@param options string|nil of the script, such as "--linger 0"
---@param account string|nil whose its commands are, if root runs the tests
function loadleveler.start(options, account)
  return rig.start("loadleveler", account and ("%s --account %s"):format(options or "", account) or options, {})
end

---Lets something befall it, by the name of a file (tests/fakes/loadleveler/loadleveler).
function loadleveler.befall(it, what) process.write(it.directory .. "/" .. what, "") end

---And has it over.
function loadleveler.relieve(it, what) assert(os.remove(it.directory .. "/" .. what)) end

---How many steps it was ever given.
function loadleveler.given(it)
  return tonumber((process.read(it.directory .. "/queue") or "last=0"):match 'last"?%]?=(%d+)')
end

return loadleveler
