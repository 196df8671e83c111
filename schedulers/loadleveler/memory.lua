-- What an instance remembers of steps that leave LoadLeveler's queue: each for ten minutes at least, after it was last put in.
local memory = {}
memory.__index = memory

local KEPT_MS = 600000

---@param now fun():integer milliseconds
function memory.new(now) return setmetatable({ now = now, entries = {}, swept_at = now() }, memory) end

local function sweep(self, now)
  for name, entry in pairs(self.entries) do
    if now - entry.at > KEPT_MS then self.entries[name] = nil end
  end
  self.swept_at = now
end

---@param value any nil: it is forgotten
function memory:put(name, value)
  local now = self.now()
  if now - self.swept_at > KEPT_MS then sweep(self, now) end
  self.entries[name] = value ~= nil and { value = value, at = now } or nil
end

function memory:get(name)
  local entry = self.entries[name]
  return entry and entry.value
end

return memory
