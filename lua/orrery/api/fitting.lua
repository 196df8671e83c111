-- Whether a job can run somewhere here: checked when it is created, so that nobody waits for what can never be.
local digest = require "house.digest"
local json = require "house.json"
local data = require "orrery.data.resources"
local spec = require "orrery.core.spec"

local fitting = {}

local known = {} -- by name: {info = text, honours = decoded}, decoded once for as long as the text stays the same

local function honours_of(row)
  local entry = known[row.name]
  if not entry or entry.info ~= row.info then
    entry = { info = row.info, honours = json.decode(row.info).honours }
    known[row.name] = entry
  end
  return entry.honours
end

---The kind of a job for its row: which queue it waits in.
function fitting.kind(job)
  return job.resource and 0 or tonumber(digest.sha256(spec.kind(job)):sub(1, 15), 16)
end

local function problem_on(row, job, prefix)
  return spec.unhonoured(job, honours_of(row), row.name, row.scheduler, prefix)
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

return fitting
