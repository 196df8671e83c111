-- Sweeps: from a template and a parameter space to jobs. Nothing here holds all jobs at once: the i-th job's parameters
-- are computed from i, and jobs are stored as their parameters alone.
local axes = require "orrery.core.sweep.axes"
local extremes = require "orrery.core.sweep.extremes"
local json = require "house.json"
local sampling = require "orrery.core.sweep.sampling"
local spec = require "orrery.core.job.spec"
local template = require "house.template"

local sweep = {}

sweep.schema = { type = "object", help = "a parameter space that expands into jobs", fields = {
  template = { type = "any", required = true, help = "a job specification with ${parameter} in its texts. It is checked "
    .. "with the extremes of all parameters, combined: at most " .. extremes.MOST .. " of these, fewest changes first" },
  parameters = axes.schema,
  combine = { type = "text", choices = { "product", "zip" }, help = "every combination (default), or the i-th values together" },
  sample = sampling.schema,
  max_active = spec.max_active,
} }

local function count_jobs(space, combine, most)
  local jobs = combine == "zip" and space[1].count or 1
  for _, axis in ipairs(space) do
    if combine == "zip" then
      if axis.count ~= jobs then
        return nil, { { pointer = "/parameters/" .. axis.name,
          detail = ("has %d values, but zip needs as many as %s has: %d"):format(axis.count, space[1].name, jobs) } }
      end
    else
      jobs = jobs * axis.count
    end
    if jobs > most then
      return nil, { { pointer = "/parameters", detail = ("expands into more than %d jobs"):format(most) } }
    end
  end
  return jobs
end

-- The axes as they are given, and as jobs take their values from them.
---@return {space:axes.axis[], axes:axes.axis[], combine:string|nil, jobs:integer}|nil
---@return table|nil problems
local function open(body, most)
  local sample = body.sample
  if sample and body.combine then
    return nil, { { pointer = "/combine", detail = "cannot stand beside sample, which draws all values" } }
  end
  local space, problems = axes.open(body.parameters, sample ~= nil)
  if not space then return nil, problems end
  if sample then
    if sample.count > most then
      return nil, { { pointer = "/sample/count", detail = ("must be at most %d here"):format(most) } }
    end
    return { space = space, axes = sampling.draw(space, sample), jobs = sample.count }
  end
  local combine = body.combine or "product"
  local jobs, too_many = count_jobs(space, combine, most)
  if not jobs then return nil, too_many end
  return { space = space, axes = space, combine = combine, jobs = jobs }
end

-- Which parameters the texts of a template name; undeclared ones are problems with their pointer.
local function scan(node, pointer, declared, used, problems)
  if type(node) == "string" then
    local rest = node:gsub("%$%${", "")
    for name in rest:gmatch("%${([^}]*)}?") do
      if declared[name] and rest:find("${" .. name .. "}", 1, true) then
        used[name] = true
      else
        problems[#problems + 1] = { pointer = pointer,
          detail = ("${%s} is not a declared parameter (write $${ for a literal ${)"):format(name) }
      end
    end
  elseif type(node) == "table" then
    for key, member in pairs(node) do
      local at = pointer .. "/" .. (type(key) == "number" and key - 1 or tostring(key))
      if type(key) == "string" and key:find("${", 1, true) then
        problems[#problems + 1] = { pointer = at, detail = "a parameter cannot stand in a key" }
      end
      scan(member, at, declared, used, problems)
    end
  end
end

-- The template as it is stored: JSON, but where a number or a truth value belongs, "${n}" stands without its quotes and
-- becomes the parameter itself.
local function compile(s, value)
  if type(value) == "string" and (s.type == "integer" or s.type == "number" or s.type == "boolean") then
    return value:match "^%${[^}]*}$" or json.encode(value)
  end
  if type(value) ~= "table" or s.type ~= "object" or json.is_list(value) then return json.encode(value) end
  local members = {}
  for name, member in pairs(value) do
    members[#members + 1] = json.encode(name) .. ":" .. compile(s.fields[name] or { type = "any" }, member)
  end
  table.sort(members)
  return "{" .. table.concat(members, ",") .. "}"
end

local function fill(text, parameters)
  local filled, _, why = template.fill(text, json.encode(parameters))
  if not filled then return nil, why end
  return json.decode(filled)
end

-- Checks the template with the values of the used axes that stand for all.
local function check_template(filled, used, combine, check_job)
  return extremes.try(used, combine == "zip", function(numbers)
    local values, changed = {}, {}
    for a, axis in ipairs(used) do
      local value = axis.at(numbers[a])
      values[axis.name] = value
      if numbers[a] > 0 then changed[#changed + 1] = ("%s = %s"):format(axis.name, tostring(value):sub(1, 64)) end
    end
    local job, why = fill(filled, values)
    local problems = job and check_job(job, "/template") or why and { { pointer = "/template", detail = why } }
    for _, problem in ipairs(#changed > 0 and problems or {}) do
      problem.detail = ("%s (with %s)"):format(problem.detail, table.concat(changed, ", "))
    end
    return problems
  end)
end

---@class sweep.plan a checked sweep
---@field jobs integer
---@field template string JSON
---@field combine string|nil absent: the values are drawn

---Checks a body that its schema has accepted. A sample has its seed.
---@param check_job fun(job:table, prefix:string):table|nil what a filled template must pass
---@return sweep.plan|nil plan
---@return table|nil problems
function sweep.plan(body, most, check_job)
  local plan, problems = open(body, most)
  if not plan then return nil, problems end
  if type(body.template) ~= "table" or json.is_list(body.template) then
    return nil, { { pointer = "/template", detail = "must be an object" } }
  end
  local declared, named, used, first = {}, {}, {}, {}
  problems = json.list {}
  for _, axis in ipairs(plan.space) do declared[axis.name] = true end
  scan(body.template, "/template", declared, named, problems)
  if #problems > 0 then return nil, problems end

  if json.encode(body.template.depends_on):find("${", 1, true) then
    return nil, { { pointer = "/template/depends_on", detail = "all jobs of a sweep depend on the same; no parameter here" } }
  end
  plan.template = compile(spec.schema, body.template)
  for _, axis in ipairs(plan.space) do
    if named[axis.name] then used[#used + 1] = axis end
  end
  problems = check_template(plan.template, used, plan.combine, check_job)
  if problems then return nil, problems end

  for _, axis in ipairs(plan.axes) do first[axis.name] = axis.at(0) end
  local why
  plan.first, why = fill(plan.template, first)
  if not plan.first then return nil, { { pointer = "/template", detail = why } } end
  plan.body, plan.parameters = json.encode(body.template), json.encode(body.parameters)
  plan.sample = body.sample and json.encode(body.sample)
  -- Columns of a job that the template does not vary are computed once.
  plan.varies = false
  for _, field in ipairs { "name", "resources", "priority", "resource", "hold", "tags", "not_before", "retries" } do
    local part = body.template[field]
    if part ~= nil and json.encode(part):find("${", 1, true) then plan.varies = true end
  end
  return plan
end

---The parameters of job `i` (from 0) as JSON, and the job's specification when the plan's columns vary.
function sweep.job(plan, i)
  local pieces = plan.pieces
  if not pieces then -- the JSON of every value is made once, where there are few
    pieces = {}
    for a, axis in ipairs(plan.axes) do
      pieces[a] = setmetatable({}, { __index = function(cache, at)
        local text = json.encode(axis.name) .. ":" .. json.encode(axis.at(at))
        if axis.count <= 10000 then cache[at] = text end
        return text
      end })
    end
    plan.pieces = pieces
  end
  local parts, rest = {}, i
  for a = #plan.axes, 1, -1 do
    if plan.combine == "product" then
      local count = plan.axes[a].count
      parts[a] = pieces[a][rest % count]
      rest = rest // count
    else
      parts[a] = pieces[a][i]
    end
  end
  local parameters = "{" .. table.concat(parts, ",") .. "}"
  if not plan.varies then return parameters, plan.first end
  return parameters, json.decode((template.fill(plan.template, parameters)))
end

return sweep
