-- Stand-ins for what the house gives to Lua (house.json, house.terminal, …), so that modules which only compute can be
-- tested in a plain Lua. `require "support.house"` before the module under test. What crosses into C for real is tested
-- with the program itself.
local dkjson = require "dkjson"

local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

function json.decode(text)
  local value, at, problem = dkjson.decode(text, 1, json.null)
  if problem then return nil, problem, at - 1 end
  return value
end

function json.encode(value) return (dkjson.encode(value)) end

function json.list(value) return setmetatable(value or {}, { __jsontype = "array" }) end

function json.is_list(value)
  local kind = type(value) == "table" and (getmetatable(value) or {}).__jsontype
  return kind == "array" or (type(value) == "table" and kind == nil and value[1] ~= nil)
end

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

local house = { json = json, terminal = terminal, program = program }

for name, stand_in in pairs(house) do
  package.preload["house." .. name] = function() return stand_in end
end

return house
