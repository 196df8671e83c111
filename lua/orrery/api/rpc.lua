-- Calls of Orrery's own methods over the message bus.
local json = require "house.json"
local problem = require "orrery.api.problem"

local rpc = {}

---One call.
---@param method string
---@return string content_type
---@return string body
---@return integer status
function rpc.call(method)
  local document = problem.document("not-found", ("There is no method %s."):format(method))
  return "application/problem+json", json.encode(document), document.status
end

return rpc
