-- The types of events as somebody names them who wants some: "job.state", or "job.*" for all that begin so, or with the "orrery."
-- that they have in a CloudEvent.
local types = require "orrery.core.event.types"

local names = {}

local all, kinds, of_kind = {}, {}, {} -- of_kind: "job.*" → its types

for name in pairs(types) do all[#all + 1] = name end
table.sort(all)
for _, name in ipairs(all) do
  local kind = name:match "^[^.]+" .. ".*"
  if not of_kind[kind] then
    kinds[#kinds + 1], of_kind[kind] = kind, {}
  end
  table.insert(of_kind[kind], name)
end

---Every type, in order.
names.all = all

---What is right where `read` finds nothing.
names.there_are = ("is no type of events; there are %s, and %s for all of a kind"):format(table.concat(all, ", "),
  table.concat(kinds, ", "))

---@param word string
---@return string|nil name a type's or a kind's, as the log has it
function names.read(word)
  local name = word:gsub("^orrery%.", "")
  return (types[name] or of_kind[name]) and name or nil
end

---The types that are meant by names of types and kinds.
---@param list string[]
function names.types_of(list)
  local found = {}
  for _, name in ipairs(list) do
    local meant = of_kind[name] or { name }
    table.move(meant, 1, #meant, #found + 1, found)
  end
  return found
end

return names
