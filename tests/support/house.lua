-- Stand-ins for what the house gives to Lua (house.json, house.template, …), so that modules which only compute can be
-- tested in a plain Lua. `require "support.house"` before the module under test. JSON and templates behave as the real
-- ones do; tables that are not named below are there to be required, but do nothing. What crosses into C for real is
-- tested with the program itself.
local dkjson = require "dkjson"

-- house.json -----------------------------------------------------------------------------------------------------

local List, Map = { __jsontype = "array" }, { __jsontype = "object" }

local json = {
  null = setmetatable({}, { __tojson = function() return "null" end, __tostring = function() return "null" end }),
}

function json.list(value) return setmetatable(value or {}, List) end

function json.is_list(value)
  return type(value) == "table" and (getmetatable(value) == List or rawget(value, 1) ~= nil)
end

-- An object is a plain table in the house.
local function plain(value)
  if type(value) ~= "table" or value == json.null then return value end
  if getmetatable(value) == Map then setmetatable(value, nil) end
  for _, member in pairs(value) do plain(member) end
  return value
end

---@return any value | nil, sentence, offset
function json.decode(text)
  local value, at, problem = dkjson.decode(text, 1, json.null, Map, List)
  if problem then return nil, problem, at - 1 end
  return plain(value)
end

function json.is_map(text)
  local value, at = dkjson.decode(text)
  return value ~= nil and text:sub(1, 1) == "{" and at > #text and text:sub(-1) == "}"
end

---Keys are sorted.
function json.encode(value)
  if type(value) ~= "table" or value == json.null then return (dkjson.encode(value)) end
  local parts = {}
  if json.is_list(value) then
    for i, member in ipairs(value) do parts[i] = json.encode(member) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, member in pairs(value) do parts[#parts + 1] = dkjson.encode(key) .. ":" .. json.encode(member) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

-- house.template -------------------------------------------------------------------------------------------------

local template = {}

---Fills JSON: ${name} in its texts, or in the place of a value, becomes the parameter.
function template.fill(text, parameters)
  local values, missing = json.decode(parameters), nil
  local function value_of(name)
    if values[name] == nil then missing = name end
    return values[name]
  end
  local filled = text:gsub('"(.-)"', function(inside) -- good for texts without quotes in them
    local kept = inside:gsub("%$%${", "\1"):gsub("%${([^}]*)}", function(name)
      local value = value_of(name)
      return type(value) == "string" and json.encode(value):sub(2, -2) or json.encode(value)
    end)
    return '"' .. kept:gsub("\1", "${") .. '"'
  end):gsub("([:,%[])%${([^}]*)}", function(before, name) return before .. json.encode(value_of(name)) end)
  if missing then return nil, "invalid", ("${%s} is not a parameter"):format(missing) end
  return filled
end

-- The command line's ---------------------------------------------------------------------------------------------

-- Narrow letters, and the wide ones of East Asia: enough to see that columns are counted, not bytes.
local function columns(text)
  local sum = 0
  for _, code in utf8.codes(text) do sum = sum + (code >= 0x1100 and code <= 0xffdc and code > 0x2fff and 2 or 1) end
  return sum
end

local terminal = {
  utf8 = true,
  columns = columns,
  is_terminal = function() return false end,
  width = function() return nil end,
  write = function() error "nothing is to be written in a test" end,
}

local program = {
  version = "0.0.0", cores = 4,
  absolute = function(path) return path:find "^/" and path or "/here/" .. path:gsub("^%./", "") end,
}

-- The others -----------------------------------------------------------------------------------------------------

-- May be used in any way, and gives itself.
local anything = {}
setmetatable(anything, { __index = function(_, key) return type(key) == "string" and anything or nil end,
  __call = function() return anything end, __concat = function() return "" end })

local clock = { now = function() return 0 end, monotonic = function() return 0 end, text = tostring }

local house = { json = json, template = template, terminal = terminal, program = program, clock = clock }

-- The settings that modules read when they are loaded.
local config = setmetatable({
  authentication = { service = "builtin", lifetime_s = 60, timeout_ms = 2000, away = "refuse", highest_role = "operator" },
  resource_status = { service = "builtin", lifetime_s = 10, timeout_ms = 2000, away = "refuse" },
}, getmetatable(anything))
house.config = config

for name in ("bus changes client db digest feed fetch files ids log plugins reach resources server shape task"):gmatch "%w+" do
  house[name] = anything
end
for name, stand_in in pairs(house) do
  package.preload["house." .. name] = function() return stand_in end
end

return house
