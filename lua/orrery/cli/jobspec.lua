-- The options of `orrery run -- COMMAND`, and the job specification they make; and those of `orrery alter` among them.
local exit = require "orrery.cli.exit"
local program = require "house.program"
local quantity = require "orrery.cli.quantity"

local jobspec = {}

local function whole(value)
  local number = math.tointeger(tonumber(value))
  if number then return number end
  return nil, ("'%s' is not a whole number"):format(value)
end

local function duration(value)
  local seconds = quantity.parse_duration(value)
  if seconds then return seconds end
  return nil, ("'%s' is not a duration, such as 90, 15m, 1h30m or 1:30:00"):format(value)
end

local function size(value)
  local bytes = quantity.parse_size(value)
  if bytes then return bytes end
  return nil, ("'%s' is not a size, such as 512M or 4G"):format(value)
end

-- NAME=VALUE, gathered into one table.
local function pair(result, target, value)
  local name, rest = value:match("^([^=]+)=(.*)$")
  if not name then exit.fail(exit.USAGE, "'%s' must be NAME=VALUE", value) end
  result[target] = result[target] or {}
  result[target][name] = rest
end

-- Option, placeholder, help, conversion, and where the value goes in the specification. `later`: it can be changed of a job
-- that there is already.
local rows = {
  { "--resource", "NAME", "where to run (default: wherever it fits)", to = { "resource" } },
  { "--cores", "N", "cores of each process (default 1)", whole, to = { "resources", "cpu_cores_per_process" } },
  { "--processes", "N", "processes", whole, to = { "resources", "process_count" } },
  { "--nodes", "N", "nodes", whole, to = { "resources", "node_count" } },
  { "--gpus", "N", "GPUs of each process", whole, to = { "resources", "gpu_cores_per_process" } },
  { "--memory", "SIZE", "memory: 512M, 4G", size, to = { "resources", "memory" } },
  { "--duration", "TIME", "wall time: 90 (seconds), 15m, 1h30m, 1:30:00 (default 1h)", duration,
    to = { "attributes", "duration" }, later = true },
  { "--queue", "NAME", "queue or partition", to = { "attributes", "queue_name" }, later = true },
  { "--account", "NAME", "account to be charged", to = { "attributes", "account" }, later = true },
  { "--reservation", "NAME", "reservation to run in", to = { "attributes", "reservation_id" }, later = true },
  { "--directory", "DIR", "where to start (default: a new directory of the job's own)", program.absolute,
    to = { "directory" } },
  { "--stdin", "FILE", "file to read from", program.absolute, to = { "stdin_path" } },
  { "--priority", "N", "larger goes first among your jobs", whole, to = { "priority" }, later = true },
  { "--not-before", "TIME", "not before a time: 2026-01-31T12:00:00Z", to = { "not_before" } },
  { "--retries", "N", "try again so often when the resource fails it", whole, to = { "retries", "count" } },
}

local function target_of(row) return (row[1]:sub(3):gsub("%-", "_")) end

local function declare(command, row)
  return command:option(row[1], row[3]):argname(row[2]):convert(row[4] or tostring)
end

---@return table[] the argparse options, for a group of their own in the help
function jobspec.declare(command)
  local options = {}
  for i, row in ipairs(rows) do options[i] = declare(command, row) end
  options[#options + 1] = command:option("--env", "environment variable, repeatable"):argname "NAME=VALUE":count "*"
    :action(pair):init(nil)
  options[#options + 1] = command:flag("--inherit-environment", "start from the account's login environment")
  options[#options + 1] = command:flag("--hold", "keep it from starting, as for files that are sent to it first (orrery put)")
  return options
end

---@return table[] the same of what can be changed of a job that there is already
function jobspec.declare_changes(command)
  local options = {}
  for _, row in ipairs(rows) do
    if row.later then options[#options + 1] = declare(command, row) end
  end
  return options
end

---The names of the options that were given though they belong to `run -- COMMAND`.
function jobspec.given(arguments)
  local names = {}
  for _, row in ipairs(rows) do
    if arguments[target_of(row)] ~= nil then names[#names + 1] = row[1] end
  end
  if arguments.env then names[#names + 1] = "--env" end
  if arguments.inherit_environment then names[#names + 1] = "--inherit-environment" end
  if arguments.hold then names[#names + 1] = "--hold" end
  return names
end

-- Puts the values of the options where they belong.
local function fill(spec, arguments)
  for _, row in ipairs(rows) do
    local group, name = row.to[1], row.to[2]
    local value = arguments[target_of(row)]
    if value ~= nil and name then
      spec[group] = spec[group] or {}
      spec[group][name] = value
    elseif value ~= nil then
      spec[group] = value
    end
  end
  return spec
end

---@return table changes the body of a PATCH
function jobspec.changes(arguments) return fill({}, arguments) end

---@param words string[] the command; one with a slash in it is looked up from here
---@return table specification
function jobspec.make(arguments, words)
  local spec = {
    executable = words[1]:find("/", 1, true) and program.absolute(words[1]) or words[1],
    environment = arguments.env,
    inherit_environment = arguments.inherit_environment, hold = arguments.hold,
  }
  if #words > 1 then spec.arguments = table.move(words, 2, #words, 1, {}) end
  return fill(spec, arguments)
end

return jobspec
