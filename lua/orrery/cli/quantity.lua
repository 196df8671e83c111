-- Quantities as people write and read them: durations, sizes, times and numbers.

local quantity = {}

local seconds_of = { s = 1, m = 60, h = 3600, d = 86400 }

-- "15:00" (minutes first), "1:30:00", "2-12:00:00" (days first)
local function parse_clock(value)
  local days, clock = value:match("^(%d+)%-(.+)$")
  local hours, minutes, seconds = (clock or value):match("^(%d+):(%d+):(%d+)$")
  if not hours and not days then minutes, seconds = value:match("^(%d+):(%d+)$") end
  return minutes and (days or 0) * 86400 + (hours or 0) * 3600 + minutes * 60 + seconds
end

---@return integer|nil seconds "90", "90s", "1h30m", "2d", and what parse_clock reads
function quantity.parse_duration(value)
  if value:find("^%d+$") then return math.tointeger(tonumber(value)) end
  if value:find(":", 1, true) then return parse_clock(value) end
  local total, rest = 0, value
  repeat
    local number, unit, after = rest:match("^(%d+)([smhd])(.*)$")
    if not number then return nil end
    total, rest = total + number * seconds_of[unit], after
  until rest == ""
  return total
end

local powers, bases = { K = 1, M = 2, G = 3, T = 4 }, { [""] = 1024, iB = 1024, B = 1000 }

---@return integer|nil bytes "1000000", "512M", "1.5GiB" (powers of 1024), "2GB" (powers of 1000)
function quantity.parse_size(value)
  local number, unit = value:match("^(%d+%.?%d*) ?(%a*)$")
  local power = unit and powers[unit:sub(1, 1):upper()]
  if unit == "" or unit == "B" then
    power, unit = 0, "iB"
  elseif power then
    unit = unit:sub(2)
  end
  local base = bases[unit]
  return power and base and math.floor(number * base ^ power)
end

---"0:07", "12:30", "1:02:03", "3d 01:02:03"
function quantity.duration(seconds)
  seconds = math.floor(math.max(seconds, 0))
  local days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
  if days > 0 then return ("%dd %02d:%02d:%02d"):format(days, hours, minutes, seconds % 60) end
  if hours > 0 then return ("%d:%02d:%02d"):format(hours, minutes, seconds % 60) end
  return ("%d:%02d"):format(minutes, seconds % 60)
end

---"0.52 s" under a minute, then as duration()
function quantity.short_duration(seconds)
  return seconds < 60 and ("%.2f s"):format(seconds) or quantity.duration(seconds)
end

local units = { "KiB", "MiB", "GiB", "TiB", "PiB" }

---"512 B", "1.5 KiB", "20 GiB"
function quantity.size(bytes)
  if bytes < 1024 then return ("%d B"):format(bytes) end
  local unit = 0
  repeat bytes, unit = bytes / 1024, unit + 1 until bytes < 1024 or unit == #units
  return (bytes < 10 and "%.1f %s" or "%.0f %s"):format(bytes, units[unit])
end

---Six significant digits are enough for a table.
function quantity.number(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  return ("%.6g"):format(number)
end

---Seconds since 1970 of an RFC 3339 time in UTC, as the server writes it.
function quantity.seconds(time)
  local year, month, day, hour, minute, second = time:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):([%d.]+)Z$")
  if not year then return nil end
  year, month = math.tointeger(tonumber(year)), math.tointeger(tonumber(month))
  -- Days by the civil calendar, counted in years that begin with March.
  if month <= 2 then year, month = year - 1, month + 12 end
  local leap_days = year // 4 - year // 100 + year // 400
  local days = 365 * year + leap_days + (153 * (month - 3) + 2) // 5 + tonumber(day) - 719469
  return days * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
end

---The same in local time, to the second: "2026-01-31 23:59:59".
function quantity.time(time)
  local seconds = quantity.seconds(time)
  return seconds and os.date("%Y-%m-%d %H:%M:%S", math.floor(seconds)) or time
end

return quantity
