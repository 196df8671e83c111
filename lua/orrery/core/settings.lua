-- The settings of resources by their rows: the configuration's own, or those that were given over REST, with their defaults.
local config = require "house.config"
local json = require "house.json"
local checker = require "orrery.core.config"

local settings = {}

local configured = {} -- by name
for _, each in ipairs(config.resources) do configured[each.name] = each end

-- Of those made over REST, by name: {text, settings}, for as long as the text stays the same; and at times anew, since
-- resources come and go.
local known = setmetatable({}, { __mode = "v" })

-- They were checked when they were given; should a newer program have other bounds, the resource says so and waits.
local function read(row)
  local given = json.decode(row.settings)
  local checked, problem = checker.resource(row.name, given, config.data)
  return checked or { name = row.name, scheduler = given.scheduler, problem = problem }
end

---@param row {name:string, configured:integer, settings:string|nil}
function settings.of(row)
  if row.configured == 1 then return configured[row.name] end
  local entry = known[row.name]
  if not entry or entry.text ~= row.settings then
    entry = { text = row.settings, settings = read(row) }
    known[row.name] = entry
  end
  return entry.settings
end

return settings
