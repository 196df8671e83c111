-- `orrery results`: parameters and outcomes of a simulation, for people, for spreadsheets, or for programs.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local outcome = require "orrery.cli.outcome"
local report = require "orrery.cli.report"
local session = require "orrery.cli.session"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local results = {
  name = "results",
  summary = "show parameters and results of a simulation's jobs",
  client = true,
}

function results.declare(command)
  command:argument("simulation", "the simulation's id"):argname "SIMULATION"
  command:flag("--csv", "all rows as comma-separated values")
  command:flag("-a --all", "all rows, where a long table would be cut")
end

local function print_csv(opened, path)
  -- On a terminal other people's control characters are made harmless; elsewhere the bytes are as the server sent them.
  local sink = terminal.is_terminal(1) and function(bytes) out.bytes(text.clean_lines(bytes)) end or out.bytes
  opened:check(nil, opened:send { path = path, accept = "text/csv", query = { format = "csv" }, sink = sink })
end

function results.run(arguments)
  local opened = session.open(arguments)
  local path = session.path("/v1/simulations", arguments.simulation, "results")
  if arguments.csv then
    print_csv(opened, path)
  elseif arguments.json or arguments.all or not terminal.is_terminal(1) then
    local items = {}
    for item in opened:items(path, { limit = 1000 }) do items[#items + 1] = item end
    if arguments.json then
      out.json { items = json.list(items) }
    else
      for _, item in ipairs(items) do session.without_nulls(item) end
      listing.print(outcome.columns(items), items)
    end
  else
    local simulation = opened:get(session.path("/v1/simulations", arguments.simulation))
    report.results(opened, simulation)
  end
  return exit.OK
end

return results
