-- `orrery resource`: where jobs run; making, changing, draining and removing resources while the server runs. Their
-- settings are the rows of core.config, an option each.
local config = require "orrery.core.config"
local each = require "orrery.cli.each"
local exit = require "orrery.cli.exit"
local facts = require "orrery.cli.facts"
local json = require "house.json"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local COLLECTION = "/v1/resources"

local function declare_name(command) command:argument("name", "the resource"):argname "NAME" end

-- Reading --------------------------------------------------------------------------------------------------------

local columns = {
  { title = "RESOURCE", cell = function(r) return r.name end },
  { title = "SCHEDULER", cell = function(r) return r.scheduler end },
  { title = "STATE", state = true, cell = function(r) return r.state end },
  { title = "CORES", align = "right", cell = function(r) return r.cores_total end },
  { title = "FREE", align = "right", cell = function(r) return r.cores_free end },
  { title = "WAITING", align = "right", cell = function(r) return r.pending end },
  { title = "MESSAGE", cell = function(r) return r.message end },
}

local list = { name = "list", summary = "list resources", client = true }

function list.run(arguments)
  facts.list(arguments, COLLECTION, columns)
  return exit.OK
end

local show = { name = "show", summary = "show a resource, its settings and its queues", client = true, declare = declare_name }

local function of(total, free) return total and ("%d, %s free"):format(total, free or "?") end

local function settings_of(resource)
  local parts = {}
  for name, value in pairs(resource.settings or {}) do
    parts[#parts + 1] = ("%s = %s"):format(name, type(value) == "table" and json.encode(value) or value)
  end
  table.sort(parts)
  return table.concat(parts, ", ")
end

local rows = {
  { "resource", function(r) return r.name end },
  { "state", function(r) return r.state end },
  { "message", function(r) return r.message end },
  { "scheduler", function(r) return r.scheduler .. (r.scheduler_version and ", version " .. r.scheduler_version or "") end },
  { "source", function(r) return r.source end },
  { "run as", function(r) return r.run_as end },
  { "settings", settings_of },
  { "at once", function(r) return r.limits.max_submitted and text.count(r.limits.max_submitted, "job") end },
  { "nodes", function(r) return of(r.nodes_total, r.nodes_free) end },
  { "cores", function(r) return of(r.cores_total, r.cores_free) end },
  { "waiting", function(r) return r.pending end },
  { "verbs", function(r) return table.concat(r.verbs, " ") end },
  { "honours", function(r) return table.concat(r.honours, " ") end },
  { "seen", function(r) return r.observed_at end },
}

local queue_columns = {
  { title = "QUEUE", cell = function(q) return q.name end },
  { title = "STATE", state = true, cell = function(q) return q.state end },
  { title = "SECONDS", align = "right", cell = function(q) return q.max_duration end },
  { title = "JOBS", align = "right", cell = function(q) return q.max_jobs end },
  { title = "CORES", align = "right", cell = function(q) return q.cores_total end },
  { title = "FREE", align = "right", cell = function(q) return q.cores_free end },
  { title = "WAITING", align = "right", cell = function(q) return q.pending end },
}

function show.run(arguments)
  local resource = facts.show(arguments, session.path(COLLECTION, arguments.name), rows)
  if resource and #resource.queues > 0 then
    out.line ""
    listing.print(queue_columns, resource.queues)
  end
  return exit.OK
end

-- Settings -------------------------------------------------------------------------------------------------------

local function whole_number(value)
  local number = math.tointeger(tonumber(value))
  if number then return number end
  return nil, ("'%s' is not a whole number"):format(value)
end

-- "cores=8": what is JSON is taken so, anything else is a text.
local function named_value(given)
  local name, value = given:match "^([^=]+)=(.*)$"
  if not name then return nil, ("'%s' is not NAME=VALUE"):format(given) end
  local decoded, why = json.decode(value)
  if why then decoded = value end
  return { name, decoded }
end

local function variable(given)
  local name, value = given:match "^([^=]+)=(.*)$"
  if name then return { name, value } end
  return nil, ("'%s' is not NAME=VALUE"):format(given)
end

local function truth(value)
  if value == "true" or value == "false" then return { value == "true" } end
  return nil, ("'%s' is neither true nor false"):format(value)
end

-- Settings that are tables: an option of a name and a value, to be given several times.
local tables = {
  options = { "--option", "an option of the plug-in's own; may be given several times", named_value },
  environment = { "--environment", "a variable that the scheduler's commands get; may be given several times", variable },
}

local argnames = { integer = "N", boolean = "true|false", path = "PATH", base = "PATH" }
local converters = { integer = whole_number, boolean = truth }

local function declare_settings(command, without)
  for _, row in ipairs(config.resource_keys) do
    local name, kind, help, several = row[1], row[2], row.help, tables[row[1]]
    if row[3] ~= nil then help = ("%s (default: %s)"):format(help, row[3]) end
    if several then
      command:option(several[1], several[2]):argname "NAME=VALUE":count "*":convert(several[3]):target(name)
    elseif name ~= without then
      local option = command:option("--" .. name:gsub("[_.]", "-"), help):target(name):argname(argnames[kind] or "TEXT")
      if converters[kind] then option:convert(converters[kind]) end
      if row.choices then option:choices(row.choices) end
      if row.required then option:count(1) end
    end
  end
end

-- Puts the value of a setting, such as ssh.host, where the server takes it.
local function put(body, path, value)
  local group, leaf = path:match "^(.*)%.(.*)$"
  if not group then body[path] = value
  elseif value ~= nil then
    body[group] = body[group] or {}
    body[group][leaf] = value
  end
end

-- The settings that were given, as the server takes them; what is given of a table is added to what there is.
local function settings_given(arguments, before)
  local body = {}
  for _, row in ipairs(config.resource_keys) do
    local name, value = row[1], arguments[row[1]]
    if tables[name] then
      local members = #value > 0 and before[name] or {}
      for _, pair in ipairs(value) do members[pair[1]] = pair[2] end
      value = next(members) and members or nil
    elseif row[2] == "boolean" and value then value = value[1] end
    put(body, name, value)
  end
  return body
end

-- "ssh-host", as the option is called, or "ssh.host" → "ssh.host"
local function setting_called(name)
  for _, row in ipairs(config.resource_keys) do
    if row[1] == name or row[1]:gsub("[_.]", "-") == name:gsub("[_.]", "-") then return row[1] end
  end
  exit.fail(exit.USAGE, "there is no setting %s: see orrery resource change --help", name)
end

local function print_one(arguments, what, body)
  if arguments.json then out.json(body) else out.line(text.clean(("resource %s: %s"):format(arguments.name, what))) end
  return exit.OK
end

local add = { name = "add", summary = "make a resource beside those of the configuration", client = true }

function add.declare(command)
  declare_name(command)
  declare_settings(command)
end

function add.run(arguments)
  local settings = settings_given(arguments, {})
  settings.name = arguments.name
  local _, _, body = session.open(arguments):post(COLLECTION, settings)
  return print_one(arguments, "is made", body)
end

local change = { name = "change", summary = "change a resource that was added; its jobs go on", client = true }

function change.declare(command)
  declare_name(command)
  declare_settings(command, "scheduler")
  command:option("--default", "a setting to be put back to its default; may be given several times"):argname "SETTING":count "*"
    :target "defaults"
end

function change.run(arguments)
  local opened, path = session.open(arguments), session.path(COLLECTION, arguments.name)
  local settings = session.without_nulls((opened:get(path))).settings or {}
  local body = settings_given(arguments, settings)
  for _, name in ipairs(arguments.defaults) do put(body, setting_called(name), json.null) end
  if not next(body) then exit.fail(exit.USAGE, "nothing is to be changed: see orrery resource change --help") end
  local _, _, answer = opened:patch(path, body)
  return print_one(arguments, "is changed", answer)
end

-- Wishes ---------------------------------------------------------------------------------------------------------

local OF = { collection = COLLECTION, thing = "resource", name = "NAME" }

return {
  name = "resource",
  summary = "see to where jobs run: list, add, change, drain, ...",
  columns = columns,
  commands = { list, show, add, change,
    each(OF, "remove", "remove resources that were added and hold no jobs", "is removed",
      function(opened, path) return opened:delete(path) end),
    each(OF, "drain", "give resources no new jobs; live ones go on", "gets no new jobs",
      function(opened, path) return opened:post(path .. "/drain") end),
    each(OF, "enable", "give resources jobs again", "gets jobs",
      function(opened, path) return opened:post(path .. "/enable") end) },
}
