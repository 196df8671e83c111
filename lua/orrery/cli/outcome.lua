-- The columns of a table of results: parameters, then how the job ended, then what it left in results.json.
local json = require "house.json"
local quantity = require "orrery.cli.quantity"

local outcome = {}

local function shown(value)
  if type(value) == "number" then return quantity.number(value) end
  if type(value) == "table" then return json.encode(value) end
  return value
end

-- The names that any item has in `field`, sorted: JSON objects know no order.
local function names_in(items, field)
  local seen, names = {}, {}
  for _, item in ipairs(items) do
    for name in pairs(item[field] or {}) do
      if not seen[name] then seen[name], names[#names + 1] = true, name end
    end
  end
  table.sort(names)
  return names
end

local function member(item, field, name) return item[field] and item[field][name] end

-- Whether a result only repeats the parameter of its name, as those of many programs do.
local function repeats(items, name)
  for _, item in ipairs(items) do
    local result = member(item, "results", name)
    if result ~= nil and result ~= member(item, "parameters", name) then return false end
  end
  return true
end

local function column_of(items, field, name, title)
  local numbers = true
  for _, item in ipairs(items) do
    local value = member(item, field, name)
    numbers = numbers and (value == nil or type(value) == "number")
  end
  return {
    title = title or name, align = numbers and "right" or "left",
    cell = function(item) return shown(member(item, field, name)) end,
  }
end

local function any(items, test)
  for _, item in ipairs(items) do
    if test(item) then return true end
  end
  return false
end

---@param items table[] rows of a simulation's results, without nulls
---@return listing.column[]
function outcome.columns(items)
  local columns = {}
  local function add(column) columns[#columns + 1] = column end
  local parameters = names_in(items, "parameters")
  for _, name in ipairs(parameters) do add(column_of(items, "parameters", name)) end
  if any(items, function(item) return not item.parameters end) then
    add { title = "name", cell = function(item)
      return item.name or (not item.parameters and item.job_id) or nil
    end }
  end
  add { title = "state", state = true, cell = function(item) return item.state end }
  if any(items, function(item) return (item.exit_code or 0) ~= 0 end) then
    add { title = "exit", align = "right", cell = function(item) return item.exit_code end }
  end
  add { title = "time", align = "right", cell = function(item)
    return item.wall_seconds and quantity.short_duration(item.wall_seconds)
  end }
  local taken = {}
  for _, column in ipairs(columns) do taken[column.title] = true end
  for _, name in ipairs(names_in(items, "results")) do
    if not taken[name] then
      add(column_of(items, "results", name))
    elseif not repeats(items, name) then
      add(column_of(items, "results", name, "results." .. name))
    end
  end
  return columns
end

return outcome
