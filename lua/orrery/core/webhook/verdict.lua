-- What a receiver's answer means for a delivery: it has arrived, or is tried again after a while, or has failed for good.
-- Pure but for chance.
local moment = require "orrery.core.moment"

local verdict = {}

local MOST_TOLD = 1024                -- bytes of an answer
local LONGEST_WISH_S = 24 * 3600      -- a receiver may ask for a pause, but not for ever
local JITTER = 0.2

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- "Sun, 06 Nov 1994 08:49:37 GMT" → wall milliseconds | nil
local function date_of(text)
  local day, month, year, time = text:match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$"
  return months[month] and moment.parse(("%s-%02d-%sT%sZ"):format(year, months[month], day, time))
end

---Seconds that a receiver asks to be left alone for, within bounds; 0: it does not.
---@param header string|nil Retry-After: seconds, or a date
function verdict.wish(header, now)
  if not header then return 0 end
  local at = date_of(header)
  local seconds = header:find "^%d+$" and tonumber(header) or at and (at - now) / 1000 or 0
  return math.max(0, math.min(seconds, LONGEST_WISH_S))
end

---The beginning of an answer, as text, which has no NUL.
function verdict.beginning(body)
  local text = body:sub(1, MOST_TOLD)
  local _, broken = utf8.len(text)
  if broken and #body > MOST_TOLD and broken > #text - 4 then text = text:sub(1, broken - 1) end -- a character was cut
  return (text:gsub(utf8.len(text) and "\0" or "[\0\x80-\xff]", "?"))
end

---Why an answer is no success | nil
function verdict.problem(status)
  if status >= 200 and status <= 299 then return nil end
  if status == 410 then return "the receiver answered 410: it is gone" end
  if status >= 300 and status <= 399 then return ("the receiver answered %d: redirects are not followed"):format(status) end
  return ("the receiver answered %d"):format(status)
end

---When a delivery is tried again.
---@param delays number[] seconds before each try
---@param tries integer so many have failed
---@param wish number seconds that the receiver asks for
---@return integer|nil ms from now; nil: it is not tried any more
function verdict.pause_ms(delays, tries, wish)
  local delay = delays[tries + 1]
  return delay and math.floor(math.max(delay, wish) * (1 + JITTER * math.random()) * 1000)
end

return verdict
