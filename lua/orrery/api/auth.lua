-- Who asks: bearer tokens, and what their role allows.
local clock = require "house.clock"
local digest = require "house.digest"
local problem = require "orrery.api.problem"
local tokens = require "orrery.data.tokens"

local auth = {}

local RECHECK_MS, MOST_CACHED = 2000, 10000 -- a revoked token is refused within two seconds

local ranks = { user = 1, operator = 2, admin = 3 }

---@class principal
---@field owner string
---@field role string
---@field sees_all boolean whether it may see what others own

local cache, cached = {}, 0

local function look_up(token)
  local row = tokens.by_hash(digest.sha256(token))
  if not row then return nil end
  return { owner = row.owner, role = row.role, rank = ranks[row.role], sees_all = row.role ~= "user",
    expires_at = row.expires_at }
end

local challenge = { headers = 'WWW-Authenticate: Bearer realm="orrery"\r\n' }

local function refuse(detail) problem.raise("unauthorized", detail, { headers = challenge.headers }) end

---The principal of a request. Raises unauthorized.
function auth.identify(request)
  local token = request:bearer()
  if not token then refuse("Send the header Authorization: Bearer TOKEN.") end
  local entry, now = cache[token], clock.monotonic()
  if not entry or now > entry.until_ms then
    local principal = look_up(token)
    if not principal then refuse("The token is not known, or was revoked.") end
    if cached >= MOST_CACHED then cache, cached = {}, 0 end
    if not entry then cached = cached + 1 end
    entry = { principal = principal, until_ms = now + RECHECK_MS }
    cache[token] = entry
  end
  local principal = entry.principal
  if principal.expires_at and principal.expires_at <= clock.now() then refuse("The token has expired.") end
  return principal
end

---Raises forbidden unless the principal's role is at least `role`.
function auth.require_role(principal, role)
  if principal.rank < ranks[role] then
    problem.raise("forbidden", ("This needs the role %s; the token's role is %s."):format(role, principal.role))
  end
end

return auth
