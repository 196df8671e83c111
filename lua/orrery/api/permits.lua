-- What open streams are allowed by: a token that was sent with the request, or the one that its ticket came from. A token that
-- is revoked is told of in the log, and one that expires says so itself; whatever else may end a token shows when it is asked
-- about again, now and then.
local changes = require "house.changes"
local config = require "house.config"
local feed = require "house.feed"
local task = require "house.task"
local auth = require "orrery.api.auth"
local tokens = require "orrery.data.tokens"

local permits = {}

local AT_ONCE = 100 -- permits looked at in one turn of the loop
local NONE = 0      -- of a stream that nothing ends but its time

---@class permit
---@field number integer by which house.feed knows it
---@field token string|nil as it was sent; of a ticket: nil
---@field key integer|nil of the token

local known, by_name, newest = {}, {}, 0

---The permit of a stream that is about to be opened.
---@param token string|nil what the request bears
---@return integer number
function permits.of(principal, token)
  local name = token or principal.key
  if not name then return NONE end
  if not by_name[name] then
    newest = newest + 1
    by_name[name] = { number = newest, name = name, token = token, key = principal.key }
    known[newest] = by_name[name]
  end
  return by_name[name].number
end

---The permits that a token gave.
---@param key integer
---@return table<integer, true>
function permits.of_token(key)
  local set = {}
  for number, permit in pairs(known) do
    if permit.key == key then set[number] = true end
  end
  return set
end

-- Trouble with asking is no answer.
local function is_good(permit)
  if not permit.token then return tokens.exists(permit.key) end
  local fine, why = pcall(auth.principal, permit.token)
  return fine or type(why) ~= "table" or why.problem.status ~= 401
end

local function forget_unused()
  local used = feed.permits()
  for number, permit in pairs(known) do
    if not used[number] then known[number], by_name[permit.name] = nil, nil end
  end
end

local function look_once()
  forget_unused()
  local numbers, revoked = {}, {}
  for number in pairs(known) do numbers[#numbers + 1] = number end
  for i, number in ipairs(numbers) do
    if not is_good(known[number]) then revoked[number] = true end
    if i % AT_ONCE == 0 then task.sleep(0) end
  end
  feed.revoke(revoked)
end

---Looks at all of them again and again, while there are streams.
---@param each_time fun() is called as often
function permits.look(each_time)
  while feed.streams() > 0 and not changes.ending() do
    each_time()
    look_once()
    task.sleep(config.events.heartbeat_ms)
  end
end

return permits
