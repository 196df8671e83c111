-- The configuration, from the file and the options that `serve`, `check-config` and `migrate` have in common.
local config = require "orrery.core.config"
local exit = require "orrery.cli.exit"
local json = require "house.json"
local program = require "house.program"
local server = require "orrery.cli.server"

local settings = {}

-- Options that stand for a setting of the same meaning.
local names = {
  data = "data", listen = "listen", workers = "workers", single_user = "single_user", log_level = "log.level",
}

function settings.declare_file(command)
  command:option("--config", "the site's configuration (default: $ORRERY_CONFIG, or none)"):hidden_name "-c"
    :argname "FILE"
end

function settings.declare_data(command)
  command:option("--data", "the data directory (default: what --config says, or $ORRERY_DATA, or "
    .. "$XDG_STATE_HOME/orrery, or ~/.local/state/orrery)"):argname "DIR"
end

---The checked configuration. Options win over the file, the file over the environment.
---@return table config
---@return string|nil file
function settings.load(arguments)
  local file, given = arguments.config or server.env "ORRERY_CONFIG", {}
  for option, name in pairs(names) do given[name] = arguments[option] end
  if given.data then given.data = program.absolute(given.data) end
  local loaded, problem = config.load(file, given, {
    cores = program.cores, data = program.absolute(server.data()), absolute = program.absolute,
  })
  if not loaded then exit.fail(exit.CONFIG, "%s", problem) end
  -- The server gets a copy that holds data only: `options` of a resource may not bring a function, say.
  local plain, why = pcall(json.encode, loaded)
  if not plain then exit.fail(exit.CONFIG, "%s: %s", file, why) end
  return loaded, file
end

return settings
