-- What the options of a resource mean to the plug-in `loadleveler`: those that say how this installation differs from others.
local queue = require "loadleveler.queue"

local settings = {}

local REQUIRED = { "%id", "%st", "%o", "%jn" }
local CATEGORIES = { "%id", "%st", "%o", "%jn", "%h" }

-- "NAME=VALUE" → a map | nil, what is wrong
local function map_of(option, list)
  local map = {}
  for _, word in ipairs(list or {}) do
    local name, value = word:match "^([^=]+)=(.+)$"
    if not name then return nil, ("option %s of loadleveler: %q is not NAME=VALUE"):format(option, word) end
    map[name] = value
  end
  return map
end

-- How a command is called: by its name, or as the resource says.
local function caller(config, programs)
  local folder = config.folder and config.folder:gsub("/*$", "/") or ""
  return function(argv) return { programs[argv[1]] or folder .. argv[1], table.unpack(argv, 2) } end
end

-- Where in a line of llq each category stands | nil, what is wrong
local function columns_of(categories)
  local columns = {}
  for place, category in ipairs(categories) do columns[category] = place end
  for _, category in ipairs(REQUIRED) do
    if not columns[category] then return nil, "option categories of loadleveler lacks " .. category end
  end
  return columns
end

-- Codes that the resource adds | nil, what is wrong
local function states_of(config)
  local states, problem = map_of("states", config.states)
  for code, state in pairs(states or {}) do
    if not queue.MEANINGS[state] then
      return nil, ("option states of loadleveler: %s=%s; a state is one of %s"):format(code, state, queue.MEANINGS_IN_WORDS)
    end
  end
  return states, problem
end

---@param config table checked options
---@return table|nil settings {categories, columns, states, called (function: an argument vector as this installation has it)}
---@return string|nil problem
function settings.of(config)
  local categories = config.categories or CATEGORIES
  local columns, lacking = columns_of(categories)
  local states, wrong = states_of(config)
  local programs, odd = map_of("programs", config.programs)
  local problem = lacking or wrong or odd
  if problem then return nil, problem end
  return { categories = categories, columns = columns, states = states, called = caller(config, programs) }
end

return settings
