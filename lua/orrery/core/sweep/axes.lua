-- The axes of a parameter space: each parameter's values, by number. Nothing is made before it is asked for, since a
-- range may have a million values.
local json = require "house.json"

local axes = {}

local MOST_PARAMETERS, NAME = 32, "^[%a_][%w_]*$"

local scalar = { type = "either", { type = "text", max = 65536 }, { type = "number" }, { type = "boolean" } }
local range = { type = "object", help = "from, to and either step or count; in a sample neither of them is needed",
  fields = {
    from = { type = "number", required = true, help = "the first value" },
    to = { type = "number", required = true, help = "the last value, where the steps meet it" },
    step = { type = "number", help = "between two values; may be negative" },
    count = { type = "integer", min = 1, max = 1000000, help = "how many values, evenly spaced" },
  } }

axes.schema = { type = "map", required = true, max = MOST_PARAMETERS, key_pattern = NAME,
  key_format = "a name: letters, digits and _", help = "for each parameter a list of values, or a range",
  of = { type = "either", { type = "list", of = scalar, max = 1000000 }, range } }

-- 0.1 + 2 × 0.1 is 0.30000000000000004; people mean 0.3.
local function clean(number)
  local rounded = tonumber(("%.12g"):format(number))
  return math.type(rounded) == "float" and rounded or rounded + 0.0
end

-- All between two ends, from which a sample is drawn: every integer where both are integers, else every number. Of
-- numbers the two ends and one between them stand for the rest.
local function between(from, to, span)
  if math.type(from) == "integer" and math.type(to) == "integer" then
    if math.abs(span) >= 2.0 ^ 53 then return nil, "from and to are too far apart" end
    local step = to < from and -1 or 1
    return { count = math.abs(to - from) + 1, at = function(i) return from + i * step end }
  end
  local few, least, most = { from, from + span / math.pi, to }, math.min(from, to), math.max(from, to)
  return { count = #few, at = function(i) return few[i + 1] end,
    pick = function(fraction) return math.min(math.max(from + span * fraction, least), most) end }
end

local function open_range(r, sampled)
  local from, to, step, count = r.from, r.to, r.step, r.count
  local span = to + 0.0 - from -- the difference of two integers could overflow
  if math.abs(span) == math.huge then return nil, "from and to are too far apart" end
  if sampled and not step and not count then return between(from, to, span) end
  if (step == nil) == (count == nil) then return nil, "must have either step or count" end
  if step == 0 then return nil, "step must not be 0" end
  if step then
    local steps = span / step
    if steps < 0 then return nil, "step leads away from to" end
    if steps > 1e6 then return nil, "has more than 1000000 values" end
    count = math.floor(steps + 1e-9) + 1
  else
    step = count > 1 and span / (count - 1) or 0
  end
  if math.type(from) == "integer" and math.type(step) == "integer" then
    return { count = count, at = function(i) return from + i * step end }
  end
  return { count = count, at = function(i) return clean(from + i * step) end }
end

local function open_list(list)
  if #list == 0 then return nil, "must have at least one value" end
  return { count = #list, list = list, at = function(i) return list[i + 1] end }
end

---@class axes.axis
---@field name string
---@field count integer how many values it has
---@field at fun(i:integer):any the value of a number, from 0
---@field list any[]|nil the values, where they were given one by one
---@field pick nil|fun(fraction:number):number for all numbers of a range: the one so far along it, from 0 to below 1

---@param parameters table as the schema accepts them
---@param sampled boolean whether a range may stand for all between its ends
---@return axes.axis[]|nil axes in the order of their names
---@return table|nil problems
function axes.open(parameters, sampled)
  local opened = {}
  for name, values in pairs(parameters) do
    local axis, detail
    if json.is_list(values) then axis, detail = open_list(values)
    else axis, detail = open_range(values, sampled) end
    if not axis then return nil, { { pointer = "/parameters/" .. name, detail = detail } } end
    axis.name = name
    opened[#opened + 1] = axis
  end
  if #opened == 0 then return nil, { { pointer = "/parameters", detail = "must have at least one parameter" } } end
  table.sort(opened, function(a, b) return a.name < b.name end)
  return opened
end

return axes
