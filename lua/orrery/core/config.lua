-- The configuration: every key is one row of `keys`, and a site's orrery.lua is checked against them. The file is Lua;
-- it assigns globals (`listen = "127.0.0.1:8080"`, `http = { body_bytes = 1e6 }`) and calls `resource "name" { … }`.
-- Command-line options win over the file, the file over the defaults. Used by `orrery serve` and `orrery check-config`;
-- the result is a plain table that is never changed again.

local config = {}

---A row: path in the file, type, default, bounds or choices, and the sentence for `orrery check-config --help`.
---@class config.key
---@field [1] string path
---@field [2] "text"|"path"|"integer"|"boolean"|"choice"|"address"|"options"
---@field [3] any default
local keys = {
  { "listen", "address", "127.0.0.1:8080", help = "host:port to serve on; port 0 takes a free one" },
  { "data", "text", nil, help = "the data directory (default: $XDG_STATE_HOME/orrery)" },
  { "workers", "integer", nil, min = 1, max = 64, help = "API threads (default: the number of cores, at most 4)" },
  { "single_user", "boolean", false,
    help = "true: everybody with a token may run jobs as the server's own user, not admins alone" },
  { "schedulers", "text", "", help = "folders with the site's scheduler plug-ins, separated by ':'" },
  { "log.level", "choice", "info", choices = { "debug", "info", "warn", "error" }, help = "what is logged" },
  { "log.format", "choice", "auto", choices = { "auto", "text", "json" },
    help = "auto: text on a terminal, else JSON lines" },
  { "metrics_open", "boolean", false, help = "true: /metrics needs no token" },
  { "http.header_bytes", "integer", 32768, min = 1024, max = 1048576, help = "the longest request head" },
  { "http.body_bytes", "integer", 16777216, min = 1024, max = 1073741824, help = "the longest request body" },
  { "http.connections", "integer", 10000, min = 1, max = 1000000, help = "open connections of each worker" },
  { "http.header_ms", "integer", 10000, min = 100, max = 600000, help = "time for a request's head to arrive" },
  { "http.body_ms", "integer", 30000, min = 100, max = 600000, help = "time between two pieces of a body" },
  { "http.idle_ms", "integer", 75000, min = 100, max = 3600000, help = "time a connection may be idle" },
  { "http.write_ms", "integer", 30000, min = 100, max = 600000, help = "time a client may take nothing of an answer" },
  { "limits.sweep_jobs", "integer", 1000000, min = 1, max = 1000000, help = "the largest sweep" },
  { "retention.jobs_days", "integer", nil, min = 1, max = 36500,
    help = "days after its end until a simulation is deleted, with jobs, events and directories (default: never)" },
  { "retention.directories_days", "integer", nil, min = 1, max = 36500,
    help = "days after a simulation's end until its jobs' directories are removed (default: never)" },
  { "limits.page", "integer", 1000, min = 1, max = 10000, help = "the largest page of a list" },
}

-- What a resource may say for itself, whatever its scheduler; `options` goes to the plug-in, which checks it. Those that are
-- made over REST have the same.
local resource_keys = {
  { "scheduler", "text", nil, required = true, help = "the plug-in, such as local" },
  { "base", "path", nil, help = "where attempts get their directories (default: DATA/jobs)" },
  { "max_submitted", "integer", nil, min = 1, max = 1000000,
    help = "jobs handed over at once (default: the plug-in's)" },
  { "max_submitted_per_owner", "integer", nil, min = 1, max = 1000000, help = "the same of one owner's (default: no limit)" },
  { "submissions_per_minute", "integer", nil, min = 1, max = 1000000,
    help = "submissions at most, an array being one, a tenth of them at once (default: no limit)" },
  { "poll_ms", "integer", 5000, min = 100, max = 600000, help = "time between two looks at live jobs" },
  { "timeout_ms", "integer", 30000, min = 100, max = 600000, help = "time a verb may take" },
  { "lost_ms", "integer", 60000, min = 100, max = 86400000,
    help = "time a job may be missing, while the scheduler answers, before it is given up" },
  { "stuck_ms", "integer", 600000, min = 100, max = 604800000,
    help = "time a job may be stuck, that is, never start by itself as its scheduler says, before it is given up" },
  { "options", "options", nil, help = "the plug-in's own" },
}

config.keys, config.resource_keys = keys, resource_keys

local function describe(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

-- "127.0.0.1:8080", "localhost:80", "[::1]:8080" → host, port
local function address(text)
  local host, port = text:match("^([^%[%]:]+):(%d+)$")
  if not host then host, port = text:match("^%[([^%[%]]+)%]:(%d+)$") end
  port = host and math.tointeger(tonumber(port))
  if port and port <= 65535 then return host, port end
end

-- Checks one value against its row → the value to keep | nil, what would be right.
local function check(row, value)
  local kind = row[2]
  if kind == "integer" then
    value = type(value) == "number" and math.tointeger(value)
    if not value or value < row.min or value > row.max then
      return nil, ("a whole number from %d to %d"):format(row.min, row.max)
    end
  elseif kind == "boolean" then
    if type(value) ~= "boolean" then return nil, "true or false" end
  elseif kind == "choice" then
    for _, choice in ipairs(row.choices) do
      if value == choice then return value end
    end
    return nil, "one of " .. table.concat(row.choices, ", ")
  elseif kind == "options" then
    if type(value) ~= "table" or #value > 0 then return nil, "a table of named options" end
  elseif type(value) ~= "string" or value:find("\0", 1, true) then
    return nil, "a text"
  elseif kind == "address" then
    if not address(value) then return nil, "HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080" end
  end
  return value
end

-- Flattens nested tables of the file into paths: http = {body_bytes = 1} → ["http.body_bytes"] = 1.
local function flatten(rows, from, prefix, into)
  local is_group = {}
  for _, row in ipairs(rows) do
    local group = row[1]:match("^(.*)%.")
    if group then is_group[group] = true end
  end
  for name, value in pairs(from) do
    local path = prefix .. tostring(name)
    if is_group[path] and type(value) == "table" then
      flatten(rows, value, path .. ".", into)
    else
      into[path] = value
    end
  end
  return into
end

---Checks given values against rows and fills in the defaults.
---@param where fun(path:string):string where the setting of this path was given
---@param options table|nil values by path that win over the given ones
---@return table|nil checked nested by the dots of the paths
---@return string|nil problem
local function apply(rows, given, where, options)
  local flat, known, result = flatten(rows, given, "", {}), {}, {}
  options = options or {}
  for path, value in pairs(options) do flat[path] = value end
  for _, row in ipairs(rows) do known[row[1]] = row end
  for path in pairs(flat) do
    if not known[path] then return nil, ("%s: there is no setting %s"):format(where(path), path) end
  end
  for _, row in ipairs(rows) do
    local path, value = row[1], flat[row[1]]
    if value == nil then
      if row.required then return nil, ("%s: %s is missing: %s"):format(where(path), path, row.help) end
      value = row[3]
    else
      local checked, right = check(row, value)
      if checked == nil then
        return nil, ("%s: %s is %s, but must be %s"):format(options[path] ~= nil and "command line" or where(path),
          path, describe(value), right)
      end
      value = checked
    end
    local group, leaf = path:match("^(.*)%.(.*)$")
    if group then
      result[group] = result[group] or {}
      result[group][leaf] = value
    else
      result[path] = value
    end
  end
  return result
end

-- Calls the file's chunk, which may take `seconds` of processor time → nil | the problem
local function call(chunk, seconds)
  local stop_at = os.clock() + seconds
  debug.sethook(function()
    if os.clock() < stop_at then return end
    error(("this has run for %g s and was ended: does it loop for ever?"):format(seconds), 2)
  end, "", 100000)
  local ok, thrown = pcall(chunk)
  debug.sethook()
  if not ok then return tostring(thrown) end
end

-- Runs the file in an environment where reading an unknown name and assigning one are errors with file and line.
---@param given table<string, any> gets what was assigned
---@param lines table<string, integer> gets the line in which it was (of a table, the one where that ends)
---@param resources table[] gets the resources, checked
---@return string|nil problem
local function read(path, seconds, given, lines, resources)
  local known = {}
  for _, row in ipairs(keys) do known[row[1]:match("^[^.]+")] = true end
  local environment = {
    resource = function(name)
      if type(name) ~= "string" or not name:find("^[%w_-]+$") then
        error("a resource's name is letters, digits, _ and -", 2)
      end
      if resources[name] then error(("resource %q stands twice"):format(name), 2) end
      return function(settings)
        if type(settings) ~= "table" then error(('resource "%s" { … } expects a table'):format(name), 2) end
        local checked, problem = apply(resource_keys, settings, function() return ("resource %q"):format(name) end)
        if not checked then error(problem, 2) end
        checked.name = name
        resources[name] = checked
        resources[#resources + 1] = checked
      end
    end,
    env = os.getenv, ipairs = ipairs, pairs = pairs, math = math, string = string, table = table,
    tonumber = tonumber, tostring = tostring,
  }
  setmetatable(environment, {
    __newindex = function(_, name, value)
      if not known[name] then error(("there is no setting %s"):format(tostring(name)), 2) end
      given[name], lines[name] = value, debug.getinfo(2, "l").currentline
    end,
    __index = function(_, name)
      if known[name] then return given[name] end
      error(("nothing is called %s here"):format(tostring(name)), 2)
    end,
  })
  local chunk, problem = loadfile(path, "t", environment)
  if not chunk then return problem end
  return call(chunk, seconds)
end

local schemas = {
  text = function() return { type = "text", min = 1, max = 256, line = true } end,
  path = function() return { type = "text", max = 4096, line = true, pattern = "^/", format = "an absolute path" } end,
  integer = function(row) return { type = "integer", min = row.min, max = row.max } end,
  options = function() return { type = "map", of = { type = "any" }, max = 256 } end,
}

---The settings of a resource as a schema (core.schema), for those that are made over REST → fields by name.
function config.resource_fields()
  local fields = {}
  for _, row in ipairs(resource_keys) do
    local field = schemas[row[2]](row)
    field.help, field.required = row.help, row.required
    fields[row[1]] = field
  end
  return fields
end

---The whole settings of a resource that was made over REST.
---@param data string the data directory
---@return table|nil settings
---@return string|nil problem
function config.resource(name, given, data)
  local settings, problem = apply(resource_keys, given, function() return ("resource %q"):format(name) end)
  if not settings then return nil, problem end
  settings.name, settings.base = name, settings.base or data .. "/jobs"
  return settings
end

---The whole configuration. Relative paths are taken from the folder of the file.
---@param file string|nil path of the site's orrery.lua
---@param options table<string, any> values given on the command line, by path
---@param machine {cores:integer, data:string, absolute:fun(path:string):string} what it depends on beside the file
---@param seconds number|nil processor time that the file may take (default: 10)
---@return table|nil config
---@return string|nil problem with file and line where there is one
function config.load(file, options, machine, seconds)
  local given, lines, resources = {}, {}, {}
  if file then
    local problem = read(file, seconds or 10, given, lines, resources)
    if problem then return nil, problem end
  end
  local function where(path) return ("%s:%d"):format(file, lines[path:match("^[^.]+")]) end
  local result, problem = apply(keys, given, where, options)
  if not result then return nil, problem end
  local folder = file and file:match("^(.*)/") or "."
  local function absolute(path) return path:find("^/") and path or machine.absolute(folder .. "/" .. path) end
  local host, port = address(result.listen)
  result.listen = { host = host, port = port }
  result.workers = result.workers or math.min(machine.cores, 4)
  result.data = absolute(result.data or machine.data)
  result.schedulers = result.schedulers:gsub("[^:]+", absolute)
  if #resources == 0 then
    resources[1] = apply(resource_keys, { scheduler = "local" })
    resources[1].name = "local"
  end
  result.resources = {}
  for i, resource in ipairs(resources) do
    resource.base = absolute(resource.base or result.data .. "/jobs")
    result.resources[i] = resource
  end
  return result
end

return config
