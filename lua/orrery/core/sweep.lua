-- Sweeps: from a template and a parameter space to jobs. Nothing here holds all jobs at once: the i-th job's parameters
-- are computed from i, and jobs are stored as their parameters alone.
local json = require "house.json"
local spec = require "orrery.core.spec"
local template = require "house.template"

local sweep = {}

local MOST_PARAMETERS, NAME = 32, "^[%a_][%w_]*$"

local scalar = { type = "either", { type = "text", max = 65536 }, { type = "number" }, { type = "boolean" } }
local range = { type = "object", help = "from, to and either step or count", fields = {
  from = { type = "number", required = true, help = "the first value" },
  to = { type = "number", required = true, help = "the last value, where the steps meet it" },
  step = { type = "number", help = "between two values; may be negative" },
  count = { type = "integer", min = 1, max = 1000000, help = "how many values, evenly spaced" },
} }

sweep.schema = { type = "object", help = "a parameter space that expands into jobs", fields = {
  template = { type = "any", required = true, help = "a job specification with ${parameter} in its texts" },
  parameters = { type = "map", required = true, max = MOST_PARAMETERS, key_pattern = NAME,
    key_format = "a name: letters, digits and _", help = "for each parameter a list of values, or a range",
    of = { type = "either", { type = "list", of = scalar, max = 1000000 }, range } },
  combine = { type = "text", choices = { "product", "zip" }, help = "every combination (default), or the i-th values together" },
} }

-- 0.1 + 2 × 0.1 is 0.30000000000000004; people mean 0.3.
local function clean(number)
  local rounded = tonumber(("%.12g"):format(number))
  return math.type(rounded) == "float" and rounded or rounded + 0.0
end

-- A range as {count, at(i)}, i from 0 | nil, detail
local function open_range(r)
  local from, to, step, count = r.from, r.to, r.step, r.count
  if (step == nil) == (count == nil) then return nil, "must have either step or count" end
  if step == 0 then return nil, "step must not be 0" end
  local span = to + 0.0 - from -- the difference of two integers could overflow
  if math.abs(span) == math.huge then return nil, "from and to are too far apart" end
  if step then
    local steps = span / step
    if steps < 0 then return nil, "step leads away from to" end
    if steps > 1e6 then return nil, "has more than 1000000 values" end
    count = math.floor(steps + 1e-9) + 1
  else
    step = count > 1 and span / (count - 1) or 0
  end
  if math.type(from) == "integer" and math.type(step) == "integer" then
    return { count = count, steady = true, at = function(i) return from + i * step end }
  end
  return { count = count, steady = true, at = function(i) return clean(from + i * step) end }
end

local function open_list(list)
  return { count = #list, at = function(i) return list[i + 1] end }
end

-- The axes by name, in the order of their names | nil, problems
local function open_axes(parameters)
  local axes = {}
  for name, values in pairs(parameters) do
    local axis, detail
    if json.is_list(values) then axis, detail = open_list(values), nil
    else axis, detail = open_range(values) end
    if axis and axis.count == 0 then axis, detail = nil, "must have at least one value" end
    if not axis then return nil, { { pointer = "/parameters/" .. name, detail = detail } } end
    axis.name = name
    axes[#axes + 1] = axis
  end
  if #axes == 0 then return nil, { { pointer = "/parameters", detail = "must have at least one parameter" } } end
  table.sort(axes, function(a, b) return a.name < b.name end)
  return axes
end

local function count_jobs(axes, combine, most)
  local jobs = combine == "zip" and axes[1].count or 1
  for _, axis in ipairs(axes) do
    if combine == "zip" then
      if axis.count ~= jobs then
        return nil, { { pointer = "/parameters/" .. axis.name,
          detail = ("has %d values, but zip needs as many as %s has: %d"):format(axis.count, axes[1].name, jobs) } }
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

-- Which values of an axis stand for all of them: what a field refuses, it refuses for the longest text, for one that is
-- no single line, or for the smallest or the largest number.
local function samples(axis)
  local found = {}
  local function better(key, i, is_better)
    if found[key] == nil or is_better(axis.at(i), axis.at(found[key])) then found[key] = i end
  end
  local stride = axis.steady and math.max(axis.count - 1, 1) or 1 -- a range's ends are its extremes
  for i = 0, axis.count - 1, stride do
    local v = axis.at(i)
    if type(v) == "string" then
      better("long", i, function(a, b) return #a > #b end)
      better("short", i, function(a, b) return #a < #b end)
      if v:find("%c") then found.control = i end
      if v:sub(1, 1) ~= "/" then found.relative = i end
    elseif type(v) == "number" then
      better("least", i, function(a, b) return a < b end)
      better("most", i, function(a, b) return a > b end)
      if math.type(v) == "float" then found.real = i end
    else
      found[tostring(v)] = i
    end
  end
  return found
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

---@class sweep.plan a checked sweep
---@field jobs integer
---@field template string JSON

---Checks a body that its schema has accepted.
---@param check_job fun(job:table, prefix:string):table|nil what a filled template must pass
---@return sweep.plan|nil plan
---@return table|nil problems
function sweep.plan(body, most, check_job)
  local axes, problems = open_axes(body.parameters)
  if not axes then return nil, problems end
  local combine, jobs = body.combine or "product"
  jobs, problems = count_jobs(axes, combine, most)
  if not jobs then return nil, problems end
  if type(body.template) ~= "table" or json.is_list(body.template) then
    return nil, { { pointer = "/template", detail = "must be an object" } }
  end
  local declared, used = {}, {}
  problems = json.list {}
  for _, axis in ipairs(axes) do declared[axis.name] = true end
  scan(body.template, "/template", declared, used, problems)
  if #problems > 0 then return nil, problems end

  local plan = { axes = axes, jobs = jobs, combine = combine, template = compile(spec.schema, body.template),
    body = json.encode(body.template), parameters = json.encode(body.parameters) }
  -- The parameters of a job that takes value `i` of an axis.
  local function with(axis, i)
    local parameters = {}
    for _, each in ipairs(axes) do parameters[each.name] = each.at((each == axis or combine == "zip") and i or 0) end
    return parameters
  end
  plan.first = fill(plan.template, with(axes[1], 0))
  problems = check_job(plan.first, "/template")
  if problems then return nil, problems end
  for _, axis in ipairs(axes) do
    if used[axis.name] then
      for _, i in pairs(samples(axis)) do
        problems = check_job(fill(plan.template, with(axis, i)), "/template")
        if problems then
          for _, problem in ipairs(problems) do
            problem.detail = ("%s (with %s = %s)"):format(problem.detail, axis.name, tostring(axis.at(i)):sub(1, 64))
          end
          return nil, problems
        end
      end
    end
  end
  -- Columns of a job that the template does not vary are computed once.
  plan.varies = false
  for _, field in ipairs { "name", "resources", "priority", "resource", "hold", "tags" } do
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
    if plan.combine == "zip" then
      parts[a] = pieces[a][i]
    else
      local count = plan.axes[a].count
      parts[a] = pieces[a][rest % count]
      rest = rest // count
    end
  end
  local parameters = "{" .. table.concat(parts, ",") .. "}"
  if not plan.varies then return parameters, plan.first end
  return parameters, json.decode((template.fill(plan.template, parameters)))
end

return sweep
