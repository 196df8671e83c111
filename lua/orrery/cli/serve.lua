-- `orrery serve`: checks the configuration and hands it to main.c, where this process becomes the server.
local exit = require "orrery.cli.exit"
local settings = require "orrery.cli.settings"

local serve = {
  name = "serve",
  summary = "run the server in the foreground until SIGTERM or Ctrl-C",
}

function serve.declare(command)
  settings.declare_file(command)
  settings.declare_data(command)
  command:option("--listen", "address to serve on; port 0 takes a free one (default: 127.0.0.1:8080)")
    :argname "HOST:PORT"
  command:option("--workers", "threads that answer requests (default: the number of cores, at most 4)"):argname "N"
    :convert(function(value)
      local number = math.tointeger(tonumber(value))
      if number then return number end
      return nil, ("'%s' is not a number of workers"):format(value)
    end)
  command:flag("--single-user", "everybody with a token may run jobs as this user, not admins alone")
  command:option("--log-level", "what is logged (default: info)"):choices { "debug", "info", "warn", "error" }
  command:epilog("The server writes where it is to DIR/server.json, and a token for its admin to DIR/admin.token; "
    .. "the other commands find both there.")
end

---@return integer code
---@return table config for main.c to serve
function serve.run(arguments)
  return exit.OK, (settings.load(arguments))
end

return serve
