-- Times as they are written in requests: RFC 3339, with a zone. Pure.
local moment = {}

local month_days = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or month_days[month]
end

-- Days from 1970-01-01, by the era method: 400 years repeat, and a year begins in March.
local function day_number(year, month, day)
  if month <= 2 then year = year - 1 end
  local year_of_era = year % 400
  local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return year // 400 * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

-- Minutes that a zone's clocks are ahead | nil
local function offset_of(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):(%d%d)$"
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (math.tointeger(hours) * 60 + math.tointeger(minutes))
end

---@param text string such as 2026-01-31T12:00:00Z or 2026-01-31T14:00:00.250+02:00
---@return integer|nil ms wall milliseconds; nil: it is no such time
function moment.parse(text)
  local year, month, day, hour, minute, second, rest = text:match
    "^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt](%d%d):(%d%d):(%d%d)(.*)$"
  if not year then return nil end
  local fraction, zone = rest:match "^%.(%d+)(.*)$"
  local offset = offset_of(zone or rest)
  year, month, day = math.tointeger(year), math.tointeger(month), math.tointeger(day)
  hour, minute, second = math.tointeger(hour), math.tointeger(minute), math.tointeger(second)
  if not offset or month < 1 or month > 12 or day < 1 or day > days_in(year, month) then return nil end
  if hour > 23 or minute > 59 or second > 60 then return nil end
  local minutes = (day_number(year, month, day) * 24 + hour) * 60 + minute - offset
  return (minutes * 60 + second) * 1000 + math.tointeger(((fraction or "") .. "000"):sub(1, 3))
end

return moment
