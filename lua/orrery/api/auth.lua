-- Who asks: bearer tokens, and what their role allows. Whose a token is, core.service.authentication says; what it said is
-- known here for a moment, so that a request with a known token costs one look into a table.
local clock = require "house.clock"
local authentication = require "orrery.core.service.authentication"
local problem = require "orrery.api.problem"

local auth = {}

local RECHECK_MS, MOST_CACHED = 2000, 10000 -- a revoked token is refused within two seconds

local ranks = { user = 1, operator = 2, admin = 3 }

---@class principal
---@field owner string
---@field role string
---@field sees_all boolean whether it may see what others own
---@field key integer|nil of a token that is in the store
---@field expires_at integer|nil

local cache, cached = {}, 0

---The principal of whoever has an owner's name, a role and, where they are known, the key and the end of a token.
function auth.as(row)
  return { owner = row.owner, role = row.role, rank = ranks[row.role], sees_all = row.role ~= "user",
    expires_at = row.expires_at, key = row.key }
end

authentication.watch(function() cache, cached = {}, 0 end)

local challenge = { headers = 'WWW-Authenticate: Bearer realm="orrery"\r\n' }

local function refuse(detail) problem.raise("unauthorized", detail, { headers = challenge.headers }) end

local function look_up(token, now)
  local identity, code, why = authentication.identify(token)
  if code == "refused" then refuse(why) end
  if not identity then
    problem.raise("unavailable", ("Whose token this is cannot be told now: the authentication service fails (%s).")
      :format(why or "it does not answer"), { headers = "Retry-After: 1\r\n" })
  end
  return { principal = auth.as(identity), until_ms = math.min(now + RECHECK_MS, identity.until_ms or math.maxinteger) }
end

---The principal of a token. Raises unauthorized, or unavailable while nobody can tell. May wait.
function auth.principal(token)
  local entry, now = cache[token], clock.monotonic()
  if not entry or now > entry.until_ms then
    entry = look_up(token, now)
    if cached >= MOST_CACHED then cache, cached = {}, 0 end
    if not cache[token] then cached = cached + 1 end
    cache[token] = entry
  end
  local principal = entry.principal
  if principal.expires_at and principal.expires_at <= clock.now() then refuse("The token has expired.") end
  return principal
end

---The principal of a request, likewise.
function auth.identify(request)
  local token = request:bearer()
  if not token then refuse("Send the header Authorization: Bearer TOKEN.") end
  return auth.principal(token)
end

---Raises forbidden unless the principal's role is at least `role`.
function auth.require_role(principal, role)
  if principal.rank < ranks[role] then
    problem.raise("forbidden", ("This needs the role %s; the token's role is %s."):format(role, principal.role))
  end
end

return auth
