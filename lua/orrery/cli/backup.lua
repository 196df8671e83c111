-- `orrery backup`: a consistent copy of the database, while the server runs or not.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local program = require "house.program"
local quantity = require "orrery.cli.quantity"
local settings = require "orrery.cli.settings"

local backup = {
  name = "backup",
  summary = "copy the database, in use or not, into a new file",
}

function backup.declare(command)
  command:argument("file", "the copy; it must not exist yet"):argname "FILE"
  settings.declare_file(command)
  settings.declare_data(command)
  command:epilog "To go back to a copy: stop the server, put the copy in place of orrery.db, remove orrery.db-wal."
end

local codes = { not_found = exit.NO_INPUT, io = exit.IO, no_space = exit.IO }

function backup.run(arguments)
  local bytes, code, sentence = program.backup(settings.load(arguments).data, arguments.file)
  if not bytes then exit.fail(codes[code] or exit.FAILED, "%s", sentence) end
  out.say(("%s: %s"):format(arguments.file, quantity.size(bytes)))
  return exit.OK
end

return backup
