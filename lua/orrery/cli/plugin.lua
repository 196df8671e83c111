-- `orrery plugin`: the scheduler plug-ins of a server, and the check of one (plugin_check.lua).
local exit = require "orrery.cli.exit"
local facts = require "orrery.cli.facts"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local PAUSE_MS = 200 -- between two looks at a reload

local function path_of(arguments, verb)
  return session.path("/v1/schedulers", arguments.name) .. (verb and "/" .. verb or "")
end

local function declare_name(command) command:argument("name", "the plug-in"):argname "NAME" end

local list = { name = "list", summary = "list the plug-ins there are, used or not", client = true }

local columns = {
  { title = "PLUG-IN", cell = function(p) return p.name end },
  { title = "LANGUAGE", cell = function(p) return p.language end },
  { title = "VERSION", cell = function(p) return p.version end },
  { title = "STATE", state = true, cell = function(p) return p.state end },
  { title = "RESOURCES", cell = function(p) return table.concat(p.resources, " ") end },
  { title = "ERROR", cell = function(p) return p.error end },
}

function list.run(arguments)
  facts.list(arguments, "/v1/schedulers", columns)
  return exit.OK
end

local show = { name = "show", summary = "show a plug-in", client = true, declare = declare_name }

local rows = {
  { "plug-in", function(p) return p.name end },
  { "state", function(p) return p.state end },
  { "disabled", function(p) return p.disabled_by and ("by %s at %s"):format(p.disabled_by, p.disabled_at) end },
  { "version", function(p) return p.version end },
  { "language", function(p) return p.language and p.language .. (p.abi and ", ABI " .. p.abi or "") end },
  { "file", function(p) return p.path end },
  { "verbs", function(p) return table.concat(p.verbs, " ") end },
  { "resources", function(p) return table.concat(p.resources, " ") end },
  { "opened", function(p) return p.opened_at end },
  { "error", function(p) return p.error and p.error .. (p.error_at and ", at " .. p.error_at or "") end },
}

function show.run(arguments)
  facts.show(arguments, path_of(arguments), rows)
  return exit.OK
end

local reload = { name = "reload", summary = "read a plug-in's file again, for all resources that use it", client = true,
  declare = function(command)
    declare_name(command)
    command:epilog("Jobs go on. A new version that cannot be opened is told with exit code 1, and the one before stays at work.")
  end }

-- Waits until every resource has read it.
function reload.run(arguments)
  local opened = session.open(arguments)
  local _, plugin, body = opened:post(path_of(arguments, "reload"))
  while plugin.reloading do
    terminal.sleep(PAUSE_MS)
    plugin, body = opened:get(path_of(arguments))
  end
  session.without_nulls(plugin)
  if arguments.json then out.json(body)
  elseif plugin.error then exit.fail(exit.FAILED, "%s", plugin.error)
  elseif plugin.state == "disabled" then out.line(text.clean(plugin.name .. " is disabled: it is read when it is enabled"))
  elseif #plugin.resources == 0 then out.line(text.clean(plugin.name .. " is used by no resource: it is read when one uses it"))
  else out.line(text.clean(("%s: version %s is open on %s"):format(plugin.name, plugin.version or "?",
    table.concat(plugin.resources, ", ")))) end
  return plugin.error and exit.FAILED or exit.OK
end

-- A command that says what is wanted of a plug-in.
local function wish(verb, summary, done)
  return { name = verb, summary = summary, client = true, declare = declare_name, run = function(arguments)
    local _, _, body = session.open(arguments):post(path_of(arguments, verb))
    if arguments.json then out.json(body) else out.line(text.clean(("%s: %s"):format(arguments.name, done))) end
    return exit.OK
  end }
end

return {
  name = "plugin",
  summary = "see to scheduler plug-ins: list, check, reload, ...",
  commands = { list, show, require "orrery.cli.plugin_check", reload,
    wish("disable", "close a plug-in; its jobs wait, and live ones are not looked at", "is disabled"),
    wish("enable", "use a plug-in again", "is enabled") },
}
