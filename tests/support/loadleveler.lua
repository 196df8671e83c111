-- A private LoadLeveler for specs, which is a fake (tests/rigs/loadleveler, tests/fakes/loadleveler).
local process = require "support.process"
local rig = require "support.rig"

local loadleveler = { plugin = "loadleveler" }

---@param options string|nil of the script, such as "--linger 0"
function loadleveler.start(options) return rig.start("loadleveler", options, {}) end

---Lets something befall it, by the name of a file (tests/fakes/loadleveler/loadleveler).
function loadleveler.befall(it, what) process.write(it.directory .. "/" .. what, "") end

---And has it over.
function loadleveler.relieve(it, what) assert(os.remove(it.directory .. "/" .. what)) end

---How many steps it was ever given.
function loadleveler.given(it)
  return tonumber((process.read(it.directory .. "/queue") or "last=0"):match 'last"?%]?=(%d+)')
end

return loadleveler
