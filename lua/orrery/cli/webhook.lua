-- `orrery webhook`: who is told of events; what was sent to them is in webhook_deliveries.lua.
local each = require "orrery.cli.each"
local exit = require "orrery.cli.exit"
local facts = require "orrery.cli.facts"
local json = require "house.json"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"
local several = require "orrery.cli.several"
local text = require "orrery.cli.text"

local COLLECTION = "/v1/webhooks"

local function declare_id(command) command:argument("id", "the webhook"):argname "WEBHOOK" end

-- What it is told of, in words.
local function scope_of(hook)
  return hook.job_id and "job " .. hook.job_id or hook.simulation_id and "simulation " .. hook.simulation_id
    or hook.all and "everything" or "all of " .. hook.owner
end

-- Making ---------------------------------------------------------------------------------------------------------

local add = { name = "add", summary = "have events sent to an address, signed", client = true }

function add.declare(command)
  command:argument("url", "where requests go"):argname "URL"
  command:option("--name", "a name for people"):argname "NAME"
  command:mutex(
    command:option("--simulation", "only events of this simulation"):argname "ID",
    command:option("--job", "only events of this job"):argname "ID",
    command:flag("--everybody", "events of all owners, not yours alone (operators and administrators)"))
  several.declare(command, "--type", "only events of this type, such as job.state, or job.*", "TYPE", "types")
  several.declare(command, "--state", "only jobs and simulations coming to this state", "STATE", "states")
  command:option("--secret-file", "file with the key of the signatures (default: the server makes one)"):argname "FILE"
  command:epilog("The secret is shown this once. Each request is signed with it as Standard Webhooks says; "
    .. "examples/webhook_receiver.py checks that.")
end

local function read_secret(path)
  local file <close>, why = io.open(path, "rb")
  local content = file and file:read "a"
  if not content then exit.fail(exit.NO_INPUT, "%s", why or path .. " cannot be read") end
  return (content:gsub("%s+$", ""))
end

local function list_or_nil(given) return #given > 0 and json.list(several.list(given)) or nil end

local function print_secret(arguments, hook, body)
  if arguments.json then return out.json(body) end
  out.line(text.clean("webhook " .. hook.id))
  out.line(text.clean("secret  " .. (hook.secret or "(shown before)")))
end

function add.run(arguments)
  local _, hook, body = session.open(arguments):post(COLLECTION, {
    url = arguments.url, name = arguments.name, simulation_id = arguments.simulation, job_id = arguments.job,
    all = arguments.everybody, types = list_or_nil(arguments.types), states = list_or_nil(arguments.states),
    secret = arguments.secret_file and read_secret(arguments.secret_file) })
  print_secret(arguments, hook, body)
  return exit.OK
end

local rotate = { name = "rotate", summary = "change a webhook's secret; for a while both sign", client = true }

function rotate.declare(command)
  declare_id(command)
  command:option("--overlap", "how long the old one signs, too (default: 1d)"):argname "TIME":convert(function(value)
    local seconds = quantity.parse_duration(value)
    if seconds then return seconds end
    return nil, ("'%s' is no time such as 90s, 12h or 2d"):format(value)
  end)
end

function rotate.run(arguments)
  local path = session.path(COLLECTION, arguments.id) .. "/rotate"
  local _, hook, body = session.open(arguments):post(path, { overlap_s = arguments.overlap })
  print_secret(arguments, hook, body)
  return exit.OK
end

-- Reading --------------------------------------------------------------------------------------------------------

local list = { name = "list", summary = "list webhooks, the newest first", client = true, declare = listing.declare }

local columns = {
  { title = "ID", keep = true, cell = function(h) return h.id end },
  { title = "STATE", state = true, cell = function(h) return h.state end },
  { title = "WAITING", align = "right", cell = function(h) return h.pending end },
  { title = "OF", cell = scope_of },
  { title = "NAME", cell = function(h) return h.name end },
  { title = "URL", cell = function(h) return h.url end },
}

function list.run(arguments)
  listing.fetch(session.open(arguments), arguments, COLLECTION, { order = "desc" }, columns, "webhooks")
  return exit.OK
end

local show = { name = "show", summary = "show a webhook", client = true, declare = declare_id }

local rows = {
  { "webhook", function(h) return h.id end },
  { "name", function(h) return h.name end },
  { "state", function(h) return h.state end },
  { "disabled", function(h) return h.disabled_at and ("%s: %s"):format(h.disabled_at, h.disabled_reason) end },
  { "url", function(h) return h.url end },
  { "of", scope_of },
  { "types", function(h) return h.types and table.concat(h.types, " ") end },
  { "states", function(h) return h.states and table.concat(h.states, " ") end },
  { "owner", function(h) return h.owner end },
  { "waiting", function(h) return h.pending end },
  { "failing", function(h) return h.failing_since and ("since %s, tries: %d"):format(h.failing_since, h.failures) end },
  { "read up to", function(h) return h.read_to and "event " .. h.read_to end },
  { "missed", function(h) return h.missed and ("some of events %d to %d"):format(h.missed.from, h.missed.to) end },
  { "created", function(h) return h.created_at end },
}

function show.run(arguments)
  facts.show(arguments, session.path(COLLECTION, arguments.id), rows)
  return exit.OK
end

-- Wishes ---------------------------------------------------------------------------------------------------------

local OF = { collection = COLLECTION, thing = "webhook", name = "WEBHOOK" }

local of_deliveries = require "orrery.cli.webhook_deliveries"

return {
  name = "webhook",
  summary = "see to who is told of events: add, list, deliveries, ...",
  commands = { add, list, show, rotate,
    each(OF, "remove", "remove webhooks and what waits for them", "is removed",
      function(opened, path) return opened:delete(path) end),
    each(OF, "disable", "send nothing to webhooks until they are enabled; what happens waits", "is disabled",
      function(opened, path) return opened:post(path .. "/disable") end),
    each(OF, "enable", "send to webhooks again that were disabled", "is enabled",
      function(opened, path) return opened:post(path .. "/enable") end),
    of_deliveries.list, of_deliveries.replay, of_deliveries.ping },
}
