-- Schedulers that Debian does not have: their rigs use what is installed on the machine, and say what is missing.
local busted = require "busted"
local process = require "support.process"
local server = require "support.server"

local installed = {}

-- What a rig lacks | nil
local function missing(script)
  local code, output = process.run(("%s/tests/rigs/%s missing"):format(process.quote(server.top), script))
  assert(code == 0, output)
  return output ~= "" and output:gsub("\n$", "") or nil
end

---`describe`; but where something is missing for the rig, one test that is skipped says what.
---@param script string the rig's
function installed.describe(script, title, body)
  busted.describe(title, function()
    local why = missing(script)
    if not why then return body() end
    busted.pending("is not tried: " .. why)
  end)
end

return installed
