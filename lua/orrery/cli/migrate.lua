-- `orrery migrate`: brings the database up to date without serving. `serve` does the same when it starts.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local program = require "house.program"
local settings = require "orrery.cli.settings"
local text = require "orrery.cli.text"

local migrate = {
  name = "migrate",
  summary = "bring the database up to date, without serving",
}

function migrate.declare(command)
  settings.declare_file(command)
  settings.declare_data(command)
end

-- Failures of the data directory and its database, as exit codes.
local codes = { busy = exit.UNAVAILABLE, not_found = exit.IO, io = exit.IO, no_space = exit.IO }

---@param paths {migrations:string} where the program's own files are
function migrate.run(arguments, paths)
  local data = settings.load(arguments).data
  local applied, code, sentence = program.migrate(data, paths.migrations)
  if not applied then exit.fail(codes[code] or exit.FAILED, "%s", sentence) end
  out.say(("%s: %s"):format(data, applied == 0 and "is up to date" or text.count(applied, "migration") .. " applied"))
  return exit.OK
end

return migrate
