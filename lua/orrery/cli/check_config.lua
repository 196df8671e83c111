-- `orrery check-config`: reads a configuration as the server would, and prints what would be in effect.
local config = require "orrery.core.config"
local exit = require "orrery.cli.exit"
local json = require "house.json"
local out = require "orrery.cli.out"
local program = require "house.program"
local settings = require "orrery.cli.settings"
local text = require "orrery.cli.text"

local check_config = {
  name = "check-config",
  summary = "check a configuration and print what would be in effect",
}

local function words_of(value)
  return type(value) == "table" and "{ " .. table.concat(value, ", ") .. " }" or tostring(value)
end

local function describe(rows, lines)
  for _, row in ipairs(rows) do
    local default = row[3] ~= nil and row[3] ~= "" and (" (default: %s)"):format(words_of(row[3])) or ""
    lines[#lines + 1] = ("   %s\n      %s%s"):format(row[1], row.help, default)
  end
end

function check_config.declare(command)
  settings.declare_file(command)
  settings.declare_data(command)
  command:flag("--json", "print it as JSON")
  local lines = { "Settings:" }
  describe(config.keys, lines)
  lines[#lines + 1] = "\nSettings of resource \"NAME\" { ... }:"
  describe(config.resource_keys, lines)
  lines[#lines + 1] = "\nHooks, as hook(\"NAME\", function(request) ... end):"
  for name, help in pairs(config.hooks) do lines[#lines + 1] = ("   %s\n      %s"):format(name, help) end
  command:epilog(table.concat(lines, "\n"))
end

local function print_settings(value, prefix)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local member, path = value[name], prefix .. name
    if type(member) == "table" and #member > 0 then
      out.line(("%s = %s"):format(path, words_of(member)))
    elseif type(member) == "table" then
      print_settings(member, path .. ".")
    else
      out.line(text.clean(("%s = %s"):format(path, type(member) == "string" and ("%q"):format(member) or member)))
    end
  end
end

-- Files that the server reads when it starts, or later.
local FILES = { bus = config.files_of_bus, webhooks = { "ca_file" } }

local function check_files(loaded, file)
  for group, names in pairs(FILES) do
    for _, name in ipairs(names) do
      local path = loaded[group][name]
      local opened, why = io.open(path or "/dev/null")
      if not opened then exit.fail(exit.CONFIG, "%s: %s.%s: %s", file, group, name, why) end
      opened:close()
    end
  end
end

---@param paths {schedulers:string} the folder of the program's own plug-ins
function check_config.run(arguments, paths)
  local loaded, file = settings.load(arguments)
  check_files(loaded, file)
  local folders = loaded.schedulers .. (loaded.schedulers ~= "" and ":" or "") .. paths.schedulers
  for _, resource in ipairs(loaded.resources) do
    local found, _, why = program.plugin(folders, resource.scheduler)
    if not found then exit.fail(exit.CONFIG, "%s: resource %q: %s", file, resource.name, why) end
  end
  loaded.hooks = loaded.hooks and loaded.hooks.names -- not the text that has them
  loaded.bus.url = loaded.bus.url and config.without_password(loaded.bus.url) -- what is printed here is pasted elsewhere
  if arguments.json then
    out.json(json.encode(loaded))
    return exit.OK
  end
  local resources = loaded.resources
  loaded.listen = ("%s:%d"):format(loaded.listen.host:find(":", 1, true) and "[" .. loaded.listen.host .. "]"
    or loaded.listen.host, loaded.listen.port)
  loaded.resources, loaded.hooks = nil, loaded.hooks and table.concat(loaded.hooks, ", ")
  print_settings(loaded, "")
  for _, resource in ipairs(resources) do
    local name = resource.name
    resource.name = nil
    print_settings(resource, ("resource %q "):format(name))
  end
  out.say((file or "the built-in configuration") .. " is in order")
  return exit.OK
end

return check_config
