-- `orrery status`: the server, who we are to it, and the resources behind it.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local resource = require "orrery.cli.resource"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local status = {
  name = "status",
  summary = "show the server and its resources",
  client = true,
}

function status.declare() end

-- What the server answers to /readyz; 503 is an answer, too → in words; how its broker is, if it has one.
local function readiness(opened)
  local code, _, body = opened:check({ [503] = true }, opened:send { path = "/readyz" })
  local told = json.decode(body or "") or {}
  if code == 200 then return "ready", told.bus end
  return told.detail and "not ready: " .. told.detail or "not ready"
end

local troubles = { down = "the server's log says why; events wait for it", blocked = "it takes nothing; events wait for it" }

local function put_broker(bus)
  local trouble = troubles[bus.state]
  out.line(text.clean(("broker    %s since %s%s"):format(bus.state, bus.since, trouble and ": " .. trouble or "")))
end

function status.run(arguments)
  local opened = session.open(arguments)
  if arguments.json then
    local _, body = opened:get "/v1/resources"
    out.json(body)
    return exit.OK
  end
  local ready, bus = readiness(opened)
  local who = opened:get "/v1/whoami"
  out.line(text.clean(("server    %s, %s"):format(opened.where.url, ready)))
  if bus then put_broker(bus) end
  out.line(text.clean(("you are   %s, %s"):format(who.owner, who.role)))
  local items = {}
  for item in opened:items "/v1/resources" do items[#items + 1] = item end
  if #items > 0 then
    out.line ""
    listing.print(resource.columns, items)
  end
  return exit.OK
end

return status
