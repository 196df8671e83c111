-- Whether a job can run somewhere here: checked when it is created, so that nobody waits for what can never be.
local json = require "house.json"
local data = require "orrery.data.resources"
local spec = require "orrery.core.job.spec"

local fitting = {}

-- By name: {text, info = decoded}, decoded once for as long as the text stays the same; and at times anew, since resources
-- come and go.
local known = setmetatable({}, { __mode = "v" })

local function info_of(row)
  local entry = known[row.name]
  if not entry or entry.text ~= row.info then
    entry = { text = row.info, info = json.decode(row.info) }
    known[row.name] = entry
  end
  return entry.info
end

local function problem_on(row, job, prefix)
  return spec.unhonoured(job, info_of(row).honours, row.name, row.scheduler, prefix)
end

---For a specification that its schema has passed. @return {pointer:string, detail:string}[]|nil problems
function fitting.check(job, prefix)
  local problems = spec.inconsistent(job, prefix)
  if problems then return problems end
  if job.resource then
    local row = data.get(job.resource)
    if not row then
      return { { pointer = (prefix or "") .. "/resource", detail = ("there is no resource %s"):format(job.resource) } }
    end
    local found = problem_on(row, job, prefix)
    return found and { found }
  end
  local first
  for _, row in ipairs(data.all()) do
    local found = problem_on(row, job, prefix)
    if not found then return nil end
    first = first or found
  end
  return first and { first }
end

---Whether a resource is known to have no such verb; one that was never reached may have it.
function fitting.lacks(name, verb)
  local row = data.get(name)
  local info = row and info_of(row)
  if not info or not info.plugin then return false end
  for _, each in ipairs(info.verbs) do
    if each == verb then return false end
  end
  return true
end

return fitting
