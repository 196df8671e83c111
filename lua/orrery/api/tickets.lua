-- /v1/events/tickets: for browsers, whose EventSource sends no headers. A ticket opens streams of events, and nothing else, as
-- the token with which it was asked for would. Those streams go on after its minute, and end with that token; if that is one
-- which is not in the store, and so cannot be asked about again, they end after an hour.
local clock = require "house.clock"
local db = require "house.db"
local digest = require "house.digest"
local json = require "house.json"
local server = require "house.server"
local answer = require "orrery.api.answer"
local auth = require "orrery.api.auth"
local data = require "orrery.data.tickets"
local problem = require "orrery.api.problem"

local LIFETIME_MS, BLIND_MS = 60000, 3600000

local tickets = {}

---The principal of a request that may bring a ticket, in its query, instead of a token. Raises unauthorized.
function tickets.identify(request)
  local query = request:query()
  local ticket = query and query.ticket
  if not ticket then return auth.identify(request) end
  local row, now = data.get(digest.sha256(ticket), clock.now()), clock.now()
  if not row or row.expires_at and row.expires_at <= now then
    problem.raise("unauthorized", "The ticket is not known, has expired, or its token has ended; POST /v1/events/tickets "
      .. "gives another.")
  end
  return auth.as(row)
end

local function create(context)
  local principal, ticket, now = context.principal, server.random(32), clock.now()
  local ends_at = not principal.key and math.min(principal.expires_at or math.maxinteger, now + BLIND_MS) or nil
  local change = db.change()
  data.insert(change, { hash = digest.sha256(ticket), token = principal.key, owner = principal.owner, role = principal.role,
    ends_at = ends_at, expires_at = now + LIFETIME_MS })
  local ok, code, why = change:commit()
  if not ok then problem.of_commit(code, why) end
  return answer.json(201, json.encode { ticket = ticket, expires_at = clock.text(now + LIFETIME_MS) },
    "Cache-Control: no-store\r\n")
end

tickets[1] = { method = "POST", path = "/v1/events/tickets", status = 201, handler = create, response = "ticket",
  summary = "Make a ticket: what opens streams of events where no token can be sent" }

return tickets
