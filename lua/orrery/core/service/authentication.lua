-- Who somebody is, by their token: the authentication manager. The built-in one looks into the store. Where the configuration
-- names it external, the site's service "authentication" is asked; tokens of administrators that are in the store count all the
-- same, and are asked nobody about, so that the site cannot be locked out of its own server. The service is told the token; the
-- log never is, and what is known is kept by the token's digest.
local bus = require "house.bus"
local clock = require "house.clock"
local config = require "house.config"
local digest = require "house.digest"
local json = require "house.json"
local task = require "house.task"
local cache = require "orrery.core.service.cache"
local moment = require "orrery.core.moment"
local service = require "orrery.core.service"
local tokens = require "orrery.data.tokens"

local authentication = {}

local settings = config.authentication
authentication.is_external = settings.service == "external"

---@class identity
---@field owner string
---@field role string
---@field expires_at integer|nil wall milliseconds
---@field key integer|nil of a token that is in the store
---@field until_ms integer|nil monotonic: until when it may be taken as known; nil: the store should be asked again soon

local MOST_KNOWN = 10000
local REFUSED_MS = 5000         -- a refusal is known for so long, or for the lifetime, if that is less
local MOST_ASKED = 256          -- tokens that it is asked about at once: whoever makes up many is not to bring it down
local TOKEN = "^[\33-\126]+$"   -- what a token may consist of
local MOST_TOKEN = 16384
local AGAIN_MS = 1000           -- while it is away, what is known counts for so long without another look
local UNKNOWN = "The token is not known, or was revoked."

-- The store ---------------------------------------------------------------------------------------------------------

local function in_store(hash)
  local row = tokens.by_hash(hash)
  if row and (row.role == "admin" or not authentication.is_external) then return row end
  if row then
    return nil, "refused", "The token is one of this server's own, and here another service says who somebody is: of this "
      .. "server's own tokens only those of administrators count."
  end
end

-- The service -------------------------------------------------------------------------------------------------------

local known, refused = cache.new(MOST_KNOWN), cache.new(MOST_KNOWN) -- by digest; apart, since anybody can make up tokens
local lifetime_ms, grace_ms = settings.lifetime_s * 1000, (math.tointeger(settings.away) or 0) * 1000
local editions = 0 -- how often it was said that something has changed

local ranks = { user = 1, operator = 2, admin = 3 }

local question = { service = "authentication", method = "identify", most = 65536, timeout_ms = settings.timeout_ms,
  help = "Whose a token is. A refusal of the status 401 or 403 says that it is nobody's.",
  asks = { type = "object", fields = { token = { type = "text", max = MOST_TOKEN, required = true, help = "as it was sent" } } },
  shape = { type = "object", fields = {
    owner = { type = "text", min = 1, max = 128, line = true, required = true, help = "whose the token is" },
    role = { type = "text", choices = { "user", "operator", "admin" }, required = true, help = "what it allows" },
    expires_at = { type = "either", { type = "time" }, { type = "null" }, help = "until when; null: for ever" } } } }
authentication.question = question

local function identity_of(answer)
  local role, highest = answer.role, settings.highest_role
  local ends = answer.expires_at
  return { owner = answer.owner, role = ranks[role] > ranks[highest] and highest or role,
    expires_at = ends and ends ~= json.null and moment.parse(ends) or nil }
end

-- What is still known, without asking.
local function recall(hash, now)
  local entry = known:get(hash)
  if entry and now < entry.until_ms then return entry end
  entry = refused:get(hash)
  if entry and now < entry.until_ms then return nil, "refused", entry.words end
end

-- What was known last, while nobody answers; for a moment only, since somebody may answer then.
local function last_known(hash, now)
  local entry = known:get(hash)
  if not entry or now >= entry.until_ms + grace_ms then return nil end
  return { owner = entry.owner, role = entry.role, expires_at = entry.expires_at,
    until_ms = math.min(now + AGAIN_MS, entry.until_ms + grace_ms) }
end

---@class authentication.inquiry what was asked of one token, and what came of it; many may wait for it
---@field gate gate opened when it is over
---@field edition integer what was said to have changed after it began may be missing in its answer
---@field over boolean|nil
---@field identity identity|nil
---@field code string|nil as of authentication.identify
---@field why string|nil
local inquiries, under_way = {}, 0

local function over(inquiry, hash)
  if inquiry.over then return end
  inquiry.over, under_way = true, under_way - 1
  if inquiries[hash] == inquiry then inquiries[hash] = nil end
  inquiry.gate:open()
end

-- Keeps what was learnt, unless it has changed while it was said.
local function keep(inquiry, hash, now)
  if inquiry.edition ~= editions then return end
  if inquiry.identity then
    known:put(hash, inquiry.identity)
    refused:remove(hash)
  elseif inquiry.code == "refused" then
    known:remove(hash)
    refused:put(hash, { words = inquiry.why, until_ms = now + math.min(REFUSED_MS, lifetime_ms) })
  end
end

local function ask(inquiry, token, hash)
  local _ <close> = setmetatable({}, { __close = function() over(inquiry, hash) end })
  local answer, code, why, status = service.ask(question, { token = token })
  local now = clock.monotonic()
  if answer then
    inquiry.identity, inquiry.code = identity_of(answer), nil
    inquiry.identity.until_ms = now + (inquiry.edition == editions and lifetime_ms or 0)
  elseif code == "refused" and (status == 401 or status == 403) then
    inquiry.code, inquiry.why = "refused", why or UNKNOWN
  else
    inquiry.why = why
  end
  keep(inquiry, hash, now)
end

-- One call for all who come with the same token meanwhile.
local function inquire(token, hash)
  local inquiry = inquiries[hash]
  if inquiry and inquiry.edition == editions then
    if not inquiry.gate:wait(settings.timeout_ms + AGAIN_MS) then over(inquiry, hash) end
  elseif under_way >= MOST_ASKED then
    return nil, "unavailable", "it is being asked about many tokens"
  else
    inquiry = { gate = task.gate(), edition = editions, code = "unavailable" }
    inquiries[hash], under_way = inquiry, under_way + 1
    ask(inquiry, token, hash)
  end
  return inquiry.identity, inquiry.code, inquiry.why
end

local function of_service(token, hash)
  if #token > MOST_TOKEN or not token:find(TOKEN) then return nil, "refused", UNKNOWN end
  local now = clock.monotonic()
  local identity, code, why = recall(hash, now)
  if identity or code then return identity, code, why end
  identity, code, why = inquire(token, hash)
  if code == "unavailable" then identity = last_known(hash, clock.monotonic()) end
  return identity, code, why
end

-- For all ----------------------------------------------------------------------------------------------------------

---Whose a token is. May wait.
---@return identity|nil identity
---@return string|nil code "refused", or "unavailable": nobody can tell now
---@return string|nil why a sentence
function authentication.identify(token)
  local hash = digest.sha256(token)
  local identity, code, why = in_store(hash)
  if identity or code then return identity, code, why end
  if not authentication.is_external then return nil, "refused", UNKNOWN end
  return of_service(token, hash)
end

-- The service says that something has changed about an owner, or about anybody: nothing of that is known any more.
local function forget(body)
  local told = json.decode(body)
  local owner = type(told) == "table" and type(told.owner) == "string" and told.owner or nil
  editions = editions + 1
  known:drop(owner and function(entry) return entry.owner == owner end)
  refused:drop()
end

---Calls `changed` whenever who somebody is must be asked anew.
---@param changed fun()
function authentication.watch(changed)
  if not authentication.is_external then return end
  bus.subscribe("authentication.changed", function(_, body)
    forget(body)
    changed()
  end)
end

return authentication
