-- A submission's tag: the name by which it can be found at a scheduler, for ever.
local ids = require "house.ids"

local tag = {}

function tag.of(submission) return "orrery-" .. ids.text(submission) end

---@return integer|nil submission
function tag.submission(text)
  local id = text:match("^orrery%-([%x-]+)$")
  return id and ids.key(id)
end

return tag
