-- /v1/events and its like: what happens, as server-sent events, for as long as the client listens. The log is their source: a
-- client that names the last event that it has (Last-Event-ID) is sent all that came after it, and then what comes.
--
-- The first lines tell how long to wait before coming again, and the number of the newest event; a heartbeat tells that number,
-- too. So a client that loses its connection goes on where it was, though its filter has let nothing through.
local changes = require "house.changes"
local config = require "house.config"
local access = require "orrery.api.access"
local bits = require "orrery.core.event.bits"
local events = require "orrery.data.events"
local names = require "orrery.core.event.names"
local problem = require "orrery.api.problem"
local streams = require "orrery.api.streams"
local tickets = require "orrery.api.tickets"
local tokens = require "orrery.data.tokens"

local HEADERS = "Content-Type: text/event-stream\r\nX-Content-Type-Options: nosniff\r\n"
  .. "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n" -- the last one is for proxies that gather answers
local COME_LATER = "Retry-After: 5\r\n"
local SOONEST_MS, LATEST_MS = 1000, 3000 -- after which clients come again, not all at once

local function check_accepted(request)
  local accepted = request:header "accept"
  if not accepted then return end
  for kind in accepted:lower():gmatch "[^,;%s]+" do
    if kind == "text/event-stream" or kind == "text/*" or kind == "*/*" then return end
  end
  problem.raise("not-acceptable", "This is given as text/event-stream; send Accept: text/event-stream.")
end

-- The number that the client has come to. A browser that comes again repeats its first query, and sends the header beside it.
local function number_of(context)
  local newest, header = events.newest(), context.request:header "last-event-id"
  local number = context.query.after or newest
  if header then
    number = header:find "^%d+$" and math.tointeger(tonumber(header))
    if not number then problem.raise("bad-request", "The header Last-Event-ID must be the number of an event, such as 42.") end
  end
  if number > newest then
    problem.raise("invalid-query", ("There is no event %d yet; the newest is %d."):format(number, newest))
  end
  local oldest = events.oldest()
  if number + 1 < oldest then
    problem.raise("cursor-expired", ("Events after %d are no longer kept; those from %d on are. Read how things are now, and "
      .. "go on with after=%d."):format(number, oldest, oldest - 1), { oldest = oldest })
  end
  return number
end

local function owner_of(context)
  local principal, owner = context.principal, context.query.owner
  if principal.sees_all then return owner end
  if owner and owner ~= principal.owner then
    problem.raise("forbidden", "The query parameter owner must be left out: this token sees the events of its own owner alone.")
  end
  return principal.owner
end

local function types_of(context)
  local wanted, list = context.query.type, {}
  for i, word in ipairs(wanted or list) do
    list[i] = names.read(word)
    if not list[i] then
      problem.raise("invalid-query", ("The query parameter type has %q, which %s."):format(word, names.there_are))
    end
  end
  return wanted and list
end

-- Those who see all are trusted not to take the streams of others: a portal opens those of all its users with one token.
local function check_own(principal)
  local most = config.events.streams_each
  if principal.sees_all or streams.count_of(principal) < most then return end
  problem.raise("unavailable", ("%s has %d streams of events open, as many as events.streams_each in the configuration allows "
    .. "one owner; close some, or follow several things by one stream, and come again."):format(principal.owner, most),
    { headers = COME_LATER })
end

local function check_room(context)
  if changes.ending() then problem.raise("unavailable", "The server is shutting down; come again.") end
  if streams.count() >= config.events.streams then
    problem.raise("unavailable", "As many streams of events are open as events.streams in the configuration allows; come later.",
      { headers = COME_LATER })
  end
  check_own(context.principal)
  local key = context.principal.key
  if key and not tokens.exists(key) then problem.raise("unauthorized", "The token was revoked.") end
end

---@param of {simulation:integer|nil, job:integer|nil}
local function follow(context, of)
  local request, query = context.request, context.query
  check_accepted(request)
  local filter = { owner = owner_of(context), simulation = of.simulation, job = of.job, types = types_of(context),
    states = query.state }
  local number = number_of(context)
  check_room(context)
  request:begin(200, HEADERS)
  if request:method() == "HEAD" then return end
  request:write(("retry: %d\nid: %d\n\n"):format(math.random(SOONEST_MS, LATEST_MS), number))
  streams.open(request, context.principal, not query.ticket and request:bearer() or nil, filter, number)
end

local function of_simulation(context, id) return follow(context, { simulation = access.simulation(context, id).key }) end

local function of_job(context, id)
  local job = access.job(context, id)
  return follow(context, { simulation = job.simulation, job = job.key })
end

local function of_all(context)
  local query = context.query
  local simulation = query.simulation and access.simulation(context, query.simulation).key
  if not query.job then return follow(context, { simulation = simulation }) end
  local job = access.job(context, query.job)
  if simulation and simulation ~= job.simulation then
    problem.raise("invalid-query", "The query parameter job is of another simulation than the query parameter simulation.")
  end
  return follow(context, { simulation = job.simulation, job = job.key })
end

local function query_with(own)
  own.type = { type = "list", of = { type = "text", max = 64 }, max = 100,
    help = "only events of these types, such as job.state, or job.*" }
  own.state = { type = "list", of = { type = "text", choices = bits.states }, max = 100,
    help = "only those that lead to one of these states" }
  own.after = { type = "integer", min = 0, help = "those after the event of this number; the header Last-Event-ID says it, too" }
  own.ticket = { type = "text", max = 128, help = "instead of a token, where none can be sent" }
  return own
end

local LAST_EVENT_ID = { name = "Last-Event-ID", type = "integer", min = 0,
  help = "the number of the last event that the client has; it is sent all that came after" }

local function route(path, summary, handler, own)
  return { method = "GET", path = path, summary = summary, handler = handler, response = "events", query = query_with(own),
    headers = { LAST_EVENT_ID }, identify = tickets.identify }
end

return {
  route("/v1/events", "What happens to all that one may see", of_all, {
    simulation = { type = "text", max = 64, help = "only those of this simulation" },
    job = { type = "text", max = 64, help = "only those of this job" },
    owner = { type = "text", max = 128, help = "only what is theirs; for those who see all" } }),
  route("/v1/simulations/{id}/events", "What happens to a simulation and its jobs", of_simulation, {}),
  route("/v1/jobs/{id}/events", "What happens to a job", of_job, {}),
}
