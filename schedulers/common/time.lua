-- Schedulers' ways to write a time, which they are asked for in UTC, as milliseconds since 1970; nil: there is none. And
-- spans of time.
local time = {}

local function milliseconds(year, month, day, hour, minute, second)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
end

---"2026-11-22T14:38:24"
function time.iso(text)
  local parts = {}
  for number in (text or ""):gmatch "%d+" do parts[#parts + 1] = math.tointeger(tonumber(number)) end
  return #parts >= 6 and milliseconds(table.unpack(parts, 1, 6)) or nil
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

---"Sun Nov 22 14:38:24 2026"
function time.asctime(text)
  local month, day, hour, minute, second, year = (text or ""):match "%a+ (%a+) +(%d+) (%d+):(%d+):(%d+) (%d+)"
  if not MONTHS[month] then return nil end
  local parts = { year, MONTHS[month], day, hour, minute, second }
  for i, part in ipairs(parts) do parts[i] = math.tointeger(tonumber(part)) end
  return milliseconds(table.unpack(parts))
end

---"01:30:00", or plain seconds, as seconds; nil: no such span
function time.span(text)
  local hours, minutes, seconds = (text or ""):match "^(%d+):(%d+):(%d+)"
  return hours and math.tointeger(hours * 3600 + minutes * 60 + seconds) or math.tointeger(tonumber(text))
end

return time
