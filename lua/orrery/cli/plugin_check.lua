-- `orrery plugin check`: runs the conformance kit on a scheduler plug-in, on a resource of the configuration or on one of
-- its own. The check itself takes over this process (src/app/check.c).
local checker = require "orrery.core.config"
local exit = require "orrery.cli.exit"
local program = require "house.program"
local server = require "orrery.cli.server"
local settings = require "orrery.cli.settings"

local check = {
  name = "check",
  summary = "try what a plug-in promises, on a real resource",
}

function check.declare(command)
  command:argument("name", "the plug-in: the name of a bundled one or of one of the site's, or the path of a file"):argname "NAME"
  settings.declare_file(command)
  command:option("--resource", "a resource of --config (default: one of the plug-in's own defaults)"):argname "NAME"
  command:option("--directory", "where jobs get their directories; the scheduler's machines must see it (default: a "
    .. "folder under $TMPDIR or /tmp; with ssh or another account, under the home there)"):argname "DIR"
  command:option("--account", "as whom jobs run, on a resource with run_as = sudo or login"):argname "NAME"
  command:flag("--quick", "leave out what takes minutes")
  command:option("--case", "only the cases with these words in their names (none has them: the list of all)"):argname "WORDS"
  command:option("--patience", "how many seconds a job may take to start or to end (default: 60); more where the queue is long")
    :convert(tonumber):argname "SECONDS"
  command:epilog("Jobs are really submitted; what is left of them is cancelled at the end. Ends with 0 if the plug-in keeps "
    .. "all its promises, with 1 if not, with 69 if it cannot be opened.")
end

local function resource_of(config, name, scheduler)
  for _, resource in ipairs(config.resources) do
    if resource.name == name then
      if resource.scheduler ~= scheduler then
        exit.fail(exit.USAGE, "resource %s is of scheduler %s, not %s", name, resource.scheduler, scheduler)
      end
      return resource
    end
  end
  exit.fail(exit.USAGE, "there is no resource %s in the configuration", name)
end

local function account_of(resource, account)
  local maps = checker.maps(resource)
  if maps and not account then
    exit.fail(exit.USAGE, "resource %s runs jobs as accounts of their owners': say as which one, with --account", resource.name)
  elseif account and not maps then
    exit.fail(exit.USAGE, "--account is for a resource with run_as = \"sudo\" or \"login\", which %s has not", resource.name)
  end
  return account
end

---@return integer code
---@return table config for main.c to check
function check.run(arguments)
  local config = settings.load(arguments)
  local folder, scheduler = arguments.name:match "^(.*/)([^/]+)%.%w+$"
  if folder then config.schedulers = program.absolute(folder) .. (config.schedulers ~= "" and ":" .. config.schedulers or "") end
  scheduler = scheduler or arguments.name
  local resource = arguments.resource and resource_of(config, arguments.resource, scheduler)
    or { name = "check", scheduler = scheduler, timeout_ms = 30000 }
  local name = "orrery-check-" .. program.random():sub(1, 8)
  local elsewhere = checker.is_elsewhere(resource)
  local here = not elsewhere and arguments.directory or server.env "TMPDIR" or "/tmp"
  config.data = program.absolute(here) .. "/" .. name -- short: sockets lie there
  resource.patience, resource.account = arguments.patience, account_of(resource, arguments.account)
  resource.base = elsewhere and ("%s/%s"):format(arguments.directory or "${home}", name) or config.data .. "/jobs"
  config.resources = { resource }
  config.check = { quick = arguments.quick or false, case = arguments.case }
  return exit.OK, config
end

return check
