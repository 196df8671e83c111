-- The configuration: every key is one row of `keys`, and a site's orrery.lua is checked against them. The file is Lua;
-- it assigns globals (`listen = "127.0.0.1:8080"`, `http = { body_bytes = 1e6 }`) and calls `resource "name" { … }`.
-- Command-line options win over the file, the file over the defaults. Used by `orrery serve` and `orrery check-config`;
-- the result is a plain table that is never changed again.
local broker = require "orrery.core.config.broker"
local file_of = require "orrery.core.config.file"
local of_resource = require "orrery.core.config.resource"
local of_service = require "orrery.core.config.service"
local value_of = require "orrery.core.config.value"

local config = {}

---A row: path in the file, type, default, bounds or choices, and the sentence for `orrery check-config --help`.
---@class config.key
---@field [1] string path
---@field [2] string kind: what core.config.value knows
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
  { "http.upload_bytes", "integer", 1 << 40, min = 1024, max = 1 << 60, help = "the largest file that may be sent up" },
  { "http.connections", "integer", 10000, min = 1, max = 1000000,
    help = "open connections of each worker, beside those of streams of events" },
  { "http.header_ms", "integer", 10000, min = 100, max = 600000, help = "time for a request's head to arrive" },
  { "http.body_ms", "integer", 30000, min = 100, max = 600000, help = "time between two pieces of a body" },
  { "http.idle_ms", "integer", 75000, min = 100, max = 3600000, help = "time a connection may be idle" },
  { "http.write_ms", "integer", 30000, min = 100, max = 600000, help = "time a client may take nothing of an answer" },
  { "events.streams", "integer", 10000, min = 1, max = 1000000, help = "open streams of events of each worker" },
  { "events.streams_each", "integer", 500, min = 1, max = 1000000,
    help = "the same of one owner; operators and administrators may have all" },
  { "events.heartbeat_ms", "integer", 15000, min = 100, max = 600000,
    help = "how often a stream of events says that it is there, and where the log is" },
  { "bus.url", "broker", nil,
    help = "the RabbitMQ that carries events and calls: amqp://user:password@host:port/vhost, or amqps://… (default: none)" },
  { "bus.password_file", "text", nil, help = "the file whose first line is the password (default: that of bus.url)" },
  { "bus.ca_file", "text", nil, help = "amqps: the authorities' certificates (default: the system's)" },
  { "bus.cert_file", "text", nil, help = "amqps: the server's own certificate, if the broker asks for one" },
  { "bus.key_file", "text", nil, help = "amqps: the key of bus.cert_file" },
  { "bus.verify", "boolean", true, help = "amqps: false: whoever answers is taken for the broker" },
  { "bus.prefix", "word", "orrery", help = "what the names of the exchange and the queues begin with" },
  { "bus.heartbeat_s", "integer", 10, min = 1, max = 600, help = "a broker silent for twice as many seconds is taken for lost" },
  { "bus.window", "integer", 1024, min = 2, max = 4096, help = "the most events published and not yet confirmed" },
  { "limits.sweep_jobs", "integer", 1000000, min = 1, max = 1000000, help = "the largest sweep" },
  { "retention.jobs_days", "integer", nil, min = 1, max = 36500,
    help = "days after its end until a simulation is deleted, with jobs, events and directories (default: never)" },
  { "retention.directories_days", "integer", nil, min = 1, max = 36500,
    help = "days after a simulation's end until its jobs' directories are removed (default: never)" },
  { "events.keep_days", "integer", nil, min = 1, max = 36500,
    help = "days for which events are kept, and with them the history of jobs that have ended (default: for ever)" },
  { "events.keep_count", "integer", nil, min = 1, max = 1 << 50, help = "how many events are kept (default: all)" },
  { "limits.page", "integer", 1000, min = 1, max = 10000, help = "the largest page of a list" },
  { "webhooks.allow", "networks", "",
    help = "networks that webhooks may go to beside the public ones, such as \"10.1.0.0/16, fd00::/8\"" },
  { "webhooks.ca_file", "text", nil,
    help = "certificates of authorities (PEM) that receivers are checked against (default: the system's)" },
  { "webhooks.retry_s", "delays", { 0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400 }, max = 50,
    help = "seconds before each try of a delivery" },
  { "webhooks.timeout_ms", "integer", 15000, min = 10, max = 600000, help = "time that a receiver has to answer" },
  { "webhooks.at_once", "integer", 16, min = 1, max = 1000, help = "deliveries under way at once, shared by owners alike" },
  { "webhooks.at_once_each", "integer", 4, min = 1, max = 1000, help = "the same of one webhook" },
  { "webhooks.backlog", "integer", 10000, min = 1, max = 1000000,
    help = "deliveries of one webhook that wait; further events wait in the log" },
  { "webhooks.each_owner", "integer", 100, min = 1, max = 100000, help = "webhooks that one owner may have" },
  { "webhooks.disable_after_s", "integer", 432000, min = 1, max = 31536000,
    help = "seconds of failures alone after which a webhook is disabled" },
  { "webhooks.keep_days", "integer", 30, min = 1, max = 36500, help = "days for which ended deliveries are kept" },
}

table.move(of_service.keys, 1, #of_service.keys, #keys + 1, keys)

config.keys, config.hooks = keys, file_of.hooks
config.resource_keys, config.resource_fields = of_resource.keys, of_resource.fields
config.contradiction, config.is_account = of_resource.contradiction, of_resource.is_account
config.maps, config.is_elsewhere = of_resource.maps, of_resource.is_elsewhere
config.without_broker, config.without_password = of_service.without_broker, broker.shown
config.files_of_bus = broker.files

local known = {} -- names that the file may assign
for _, row in ipairs(keys) do known[row[1]:match "^[^.]+"] = true end

local SECONDS = 10 -- of processor time that the file may take

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

-- Why no row has this path, and what to write instead.
local function not_there(rows, path)
  for _, row in ipairs(rows) do
    local group, leaf = row[1]:match "^(.*)%.([^.]*)$"
    if group == path then
      return ("%s is a table of settings, such as %s = { %s = … }; orrery check-config --help lists them"):format(path, path,
        leaf)
    end
  end
  return ("there is no setting %s; orrery check-config --help lists those that there are"):format(path)
end

---Checks given values against rows and fills in the defaults.
---@param where fun(path:string):string where the setting of this path was given
---@param options table|nil values by path that win over the given ones
---@return table|nil checked nested by the dots of the paths
---@return string|nil problem
local function apply(rows, given, where, options)
  local flat, there, result = flatten(rows, given, "", {}), {}, {}
  options = options or {}
  for path, value in pairs(options) do flat[path] = value end
  for _, row in ipairs(rows) do there[row[1]] = row end
  for path in pairs(flat) do
    if not there[path] then return nil, ("%s: %s"):format(where(path), not_there(rows, path)) end
  end
  for _, row in ipairs(rows) do
    local path, value = row[1], flat[row[1]]
    if value == nil then
      if row.required then return nil, ("%s: %s is missing: %s"):format(where(path), path, row.help) end
      value = row[3]
    else
      local checked, right = value_of.check(row, value)
      if checked == nil then
        return nil, ("%s: %s is %s, but must be %s"):format(options[path] ~= nil and "command line" or where(path),
          path, value_of.describe(row, value), right)
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

-- A resource's settings, without the defaults that follow from others.
local function check_resource(name, given)
  local function where() return ("resource %q"):format(name) end
  local settings, problem = apply(of_resource.keys, given, where)
  if not settings then return nil, problem end
  local path, detail = of_resource.contradiction(given)
  if path then return nil, ("%s: %s %s"):format(where(), path, detail) end
  settings.name = name
  return settings
end

---The whole settings of a resource that was made over REST.
---@param data string the data directory
---@return table|nil settings
---@return string|nil problem
function config.resource(name, given, data)
  local settings, problem = check_resource(name, given)
  if not settings then return nil, problem end
  return of_resource.complete(settings, data, function(path) return path end)
end

---The functions that a file names as hooks, by their names. It is run again for them, in the Lua state that calls them.
---@param text string
---@param path string
---@return table<string, function>|nil hooks
---@return string|nil problem
function config.functions(text, path)
  local site, problem = file_of.run(text, path, known, check_resource, SECONDS)
  if not site then return nil, problem end
  return site.hooks
end

-- What a state needs to call the hooks: the text that was checked, for the file may be another by then.
local function hooks_of(site, text, path)
  local names = {}
  for name in pairs(site.hooks) do names[#names + 1] = name end
  table.sort(names)
  return #names > 0 and { names = names, text = text, file = path } or nil
end

---The whole configuration. Relative paths are taken from the folder of the file.
---@param file string|nil path of the site's orrery.lua
---@param options table<string, any> values given on the command line, by path
---@param machine {cores:integer, data:string, absolute:fun(path:string):string} what it depends on beside the file
---@param seconds number|nil processor time that the file may take (default: SECONDS)
---@return table|nil config
---@return string|nil problem with file and line where there is one
function config.load(file, options, machine, seconds)
  local text, problem = "", nil
  if file then text, problem = file_of.read(file) end
  if not text then return nil, problem end
  local site, result
  site, problem = file_of.run(text, file or "", known, check_resource, seconds or SECONDS)
  if not site then return nil, problem end
  local function where(path) return ("%s:%d"):format(file, site.lines[path:match("^[^.]+")]) end
  result, problem = apply(keys, site.given, where, options)
  if not result then return nil, problem end
  local folder = file and file:match("^(.*)/") or "."
  local function absolute(path) return path:find("^/") and path or machine.absolute(folder .. "/" .. path) end
  local host, port = value_of.address(result.listen)
  result.listen = { host = host, port = port }
  result.workers = result.workers or math.min(machine.cores, 4)
  result.data = absolute(result.data or machine.data)
  result.schedulers = result.schedulers:gsub("[^:]+", absolute)
  for _, name in ipairs(broker.files) do
    result.bus[name] = result.bus[name] and absolute(result.bus[name])
  end
  result.webhooks.ca_file = result.webhooks.ca_file and absolute(result.webhooks.ca_file)
  if #site.resources == 0 then site.resources[1] = check_resource("local", { scheduler = "local" }) end
  result.resources = {}
  for i, resource in ipairs(site.resources) do result.resources[i] = of_resource.complete(resource, result.data, absolute) end
  result.hooks = hooks_of(site, text, file)
  local path, detail = broker.contradiction(result.bus)
  if not path then path, detail = of_service.contradiction(result) end
  if path then return nil, ("%s: %s %s"):format(file, path, detail) end
  return result
end

return config
