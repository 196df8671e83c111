-- `orrery webhook deliveries | replay | ping`: what was sent to a webhook, sending it again, and trying it.
local exit = require "orrery.cli.exit"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local WAIT_S = 60

local function declare_id(command) command:argument("id", "the webhook"):argname "WEBHOOK" end

local function path_of(arguments, ...) return session.path("/v1/webhooks", arguments.id, ...) end

-- What came of the last try, in words.
local function outcome_of(delivery)
  local last = delivery.outcomes[#delivery.outcomes]
  return last and (last.error or ("%d in %d ms"):format(last.status, last.milliseconds))
end

local list = { name = "deliveries", summary = "list what was sent to a webhook, the newest first", client = true }

function list.declare(command)
  declare_id(command)
  command:option("--state", "only those that are PENDING, DELIVERED or FAILED"):argname "STATE":choices { "PENDING", "DELIVERED", "FAILED" }
  listing.declare(command)
end

local columns = {
  { title = "ID", keep = true, cell = function(d) return d.id end },
  { title = "EVENT", align = "right", cell = function(d) return d.event end },
  { title = "TYPE", cell = function(d) return d.type end },
  { title = "STATE", state = true, cell = function(d) return d.state end },
  { title = "TRIES", align = "right", cell = function(d) return d.tries end },
  { title = "NEXT", cell = function(d) return d.due_at and quantity.time(d.due_at) end },
  { title = "OUTCOME", cell = outcome_of },
}

function list.run(arguments)
  listing.fetch(session.open(arguments), arguments, path_of(arguments, "deliveries"), { state = arguments.state, order = "desc" },
    columns, "deliveries")
  return exit.OK
end

local replay = { name = "replay", summary = "send deliveries again, or all events since", client = true }

function replay.declare(command)
  declare_id(command)
  command:argument("deliveries", "the deliveries"):argname "DELIVERY":args "*"
  command:option("--after", "instead: all events after the one of this number"):argname "NUMBER":convert(function(value)
    local number = value:find "^%d+$" and math.tointeger(tonumber(value))
    if number then return number end
    return nil, ("'%s' is not the number of an event"):format(value)
  end)
  command:option("--since", "instead: all events since a time, such as 2026-01-31T12:00:00Z"):argname "TIME"
end

function replay.run(arguments)
  local all = arguments.after or arguments.since
  if (#arguments.deliveries > 0) == (all ~= nil) then
    exit.fail(exit.USAGE, "give deliveries, or --after or --since: see orrery webhook replay --help")
  end
  local opened = session.open(arguments)
  if all then
    local _, _, body = opened:post(path_of(arguments, "replay"), { after = arguments.after, since = arguments.since })
    if arguments.json then out.json(body) else out.line(text.clean(("webhook %s: is sent all of it"):format(arguments.id))) end
  end
  for _, each in ipairs(arguments.deliveries) do
    local _, _, body = opened:post(path_of(arguments, "deliveries", each, "replay"))
    if arguments.json then out.json(body) else out.line(text.clean(("delivery %s: is sent again"):format(each))) end
  end
  return exit.OK
end

local ping = { name = "ping", summary = "send a test delivery, and tell what came of it", client = true,
  declare = function(command)
    declare_id(command)
    command:epilog("Ends with 1 if it did not arrive at the first try; it is tried again as every delivery is.")
  end }

-- Waits until it is another than it was first, that is, for the first try.
function ping.run(arguments)
  local opened = session.open(arguments)
  local _, delivery, body = opened:post(path_of(arguments, "ping"))
  local path, etag = path_of(arguments, "deliveries", delivery.id), nil
  while #delivery.outcomes == 0 do
    local _, headers, answer = opened:check({ [304] = true }, opened:send { path = path, wait = etag and WAIT_S, etag = etag })
    etag = headers.etag
    if answer ~= "" then delivery, body = session.decode(answer), answer end
  end
  if arguments.json then out.json(body)
  else out.line(text.clean(("%s: %s"):format(delivery.state, outcome_of(delivery)))) end
  return delivery.state == "DELIVERED" and exit.OK or exit.FAILED
end

return { list = list, replay = replay, ping = ping }
