-- `orrery simulations`: the list of simulations, the newest first.
local listing = require "orrery.cli.listing"
local progress = require "orrery.cli.progress"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"
local exit = require "orrery.cli.exit"

local simulations = {
  name = "simulations",
  summary = "list simulations, the newest first",
  client = true,
}

function simulations.declare(command)
  command:option("--state", "only those in this state"):argname "STATE"
  command:option("--name", "only those of this name"):argname "NAME"
  listing.declare(command)
end

local columns = {
  { title = "ID", keep = true, cell = function(s) return s.id end },
  { title = "NAME", cell = function(s) return s.name end },
  { title = "STATE", state = true, cell = function(s) return s.state end },
  { title = "ENDED", align = "right", cell = function(s) return ("%d/%d"):format(progress.ended(s.counts)) end },
  { title = "CREATED", cell = function(s) return quantity.time(s.created_at) end },
  { title = "OWNER", cell = function(s) return s.owner end },
}

function simulations.run(arguments)
  listing.fetch(session.open(arguments), arguments, "/v1/simulations", {
    state = arguments.state, name = arguments.name, order = "desc",
  }, columns, "simulations")
  return exit.OK
end

return simulations
