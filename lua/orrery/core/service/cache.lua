-- What is known for a while, of things without number: a table that forgets what was not asked for lately rather than grow. It
-- has two halves; when the young one is full it becomes the old one, and what the old one was is forgotten.
local cache = {}
cache.__index = cache

---@param most integer entries
function cache.new(most) return setmetatable({ half = most // 2, young = {}, old = {}, size = 0 }, cache) end

function cache:put(key, entry)
  if self.size >= self.half then self.young, self.old, self.size = {}, self.young, 0 end
  if not self.young[key] then self.size = self.size + 1 end
  self.young[key] = entry
end

function cache:get(key)
  local entry = self.young[key]
  if entry then return entry end
  entry = self.old[key]
  if not entry then return nil end
  self.old[key] = nil
  self:put(key, entry)
  return entry
end

function cache:remove(key)
  if self.young[key] then self.size = self.size - 1 end
  self.young[key], self.old[key] = nil, nil
end

---Removes those of which `is_stale(entry)` is true; without it, all.
function cache:drop(is_stale)
  for _, half in ipairs { self.young, self.old } do
    for key, entry in pairs(half) do
      if not is_stale or is_stale(entry) then self:remove(key) end
    end
  end
end

return cache
