-- A private Grid Engine (tests/rigs/gridengine) for specs.
local rig = require "support.rig"

local gridengine = {}

---@param options string|nil of the script, such as "--slots 4"
function gridengine.start(options)
  return rig.start("gridengine", options, { qmaster = "qmaster/qmaster.pid", execd = "execd/*/execd.pid" })
end

return gridengine
