-- From a job's row to its specification: it has one of its own, or is made of its sweep's template and its parameters.
local json = require "house.json"
local template = require "house.template"

local specification = {}

---@param row table with spec, or template and parameters (data/jobs.lua)
function specification.of(row)
  if row.spec then return json.decode(row.spec) end
  local text, _, why = template.fill(row.template, row.parameters)
  if not text then error(why) end
  return json.decode(text)
end

return specification
