-- A token bucket: so many may be taken in a minute on average, and a tenth of these at once. It is measured in parts of a token
-- that a millisecond brings, so that nothing is rounded.
local bucket = {}
bucket.__index = bucket

local TOKEN = 60000 -- milliseconds in a minute

---@param per_minute integer
---@param now integer ms, of a clock that only goes on
function bucket.new(per_minute, now)
  local room = math.max(per_minute // 10, 1) * TOKEN
  return setmetatable({ rate = per_minute, room = room, level = room, at = now }, bucket)
end

---How many can be taken now.
function bucket:available(now)
  self.level, self.at = math.min(self.level + (now - self.at) * self.rate, self.room), now
  return self.level // TOKEN
end

function bucket:take(count) self.level = self.level - count * TOKEN end

---Milliseconds until there is one.
function bucket:next_ms(now)
  if self:available(now) > 0 then return 0 end
  return (TOKEN - self.level + self.rate - 1) // self.rate
end

return bucket
