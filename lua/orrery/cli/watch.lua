-- `orrery watch`: shows the progress of a simulation until it has ended, and then its report. `orrery run` ends the
-- same way.
local clock = require "house.clock"
local display = require "orrery.cli.display"
local exit = require "orrery.cli.exit"
local follow = require "orrery.cli.follow"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local report = require "orrery.cli.report"
local session = require "orrery.cli.session"

local watch = {
  name = "watch",
  summary = "show the progress of a simulation until it has ended",
  client = true,
}

function watch.declare(command)
  command:argument("simulation", "the simulation's id"):argname "SIMULATION"
  command:epilog "Ends with 0 when all jobs have completed, 1 when not, 130 after Ctrl-C; the simulation then goes on."
end

---Watches a simulation to its end. A signal only ends the watching, and the user is told how to come back.
---@param opened session
---@param elapsed number|nil seconds that the simulation has run already
---@return integer exit code
function watch.simulation(opened, arguments, id, name, elapsed)
  opened:catch_signals()
  local shown = display.open(name, elapsed)
  local fine, simulation, body = pcall(follow, opened, id, shown)
  shown:close()
  if not fine then error(simulation, 0) end
  if not simulation then return opened:leave("simulation", "watch", id) end
  if arguments.json then
    out.json(body)
  else
    report.print(opened, simulation, shown:elapsed())
  end
  return simulation.counts.COMPLETED == simulation.counts.total and exit.OK or exit.FAILED
end

-- For how long a simulation has run, or ran, by the server's clock.
local function elapsed(simulation)
  local began = quantity.seconds(simulation.created_at)
  local ended = simulation.ended_at and quantity.seconds(simulation.ended_at)
  return (ended or clock.now() / 1000) - began
end

function watch.run(arguments)
  local opened = session.open(arguments)
  local simulation = session.without_nulls((opened:get(session.path("/v1/simulations", arguments.simulation))))
  return watch.simulation(opened, arguments, simulation.id, simulation.name, elapsed(simulation))
end

return watch
