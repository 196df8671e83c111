-- From a job's row to its specification: it has one of its own, or is made of its sweep's template and its parameters.
local json = require "house.json"
local template = require "house.template"

local specification = {}

---As JSON. Raises where a template cannot be filled.
---@param row table with spec, or template and parameters (data/jobs.lua)
---@return string
function specification.text(row)
  if row.spec then return row.spec end
  local text, _, why = template.fill(row.template, row.parameters)
  return text or error(why)
end

function specification.of(row) return json.decode(specification.text(row)) end

return specification
