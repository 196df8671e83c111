-- What jobs depend on, when they are created: jobs of the same owner, which exist already. So there can be no circle.
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local json = require "house.json"
local waiting = require "orrery.data.waiting"

local dependencies = {}

---For a specification that its schema has passed. @return {pointer:string, detail:string}[]|nil problems
function dependencies.check(job, owner, prefix)
  local problems, seen = json.list {}, {}
  for i, each in ipairs(job.depends_on or {}) do
    local key = ids.key(each.job)
    local row = key and jobs.get(key)
    local detail = not (row and row.owner == owner) and ("there is no job %s"):format(each.job)
      or seen[key] and "names a job for the second time"
    if detail then
      problems[#problems + 1] = { pointer = ("%s/depends_on/%d/job"):format(prefix or "", i - 1), detail = detail }
    else
      seen[key] = true
    end
  end
  return #problems > 0 and problems or nil
end

---Notes what a job depends on, or each of the jobs `first` to `last`; guarded: what they depend on is still there.
function dependencies.add(change, job, owner, first, last)
  for _, each in ipairs(job.depends_on or {}) do
    waiting.depend(change, ids.key(each.job), owner, first, last or first, each.condition or "completed")
  end
end

---Notes again what a job depends on that is tried once more → how many jobs that is; those that were deleted do not count.
function dependencies.add_again(change, job, key)
  local needs = json.list {}
  for _, each in ipairs(job.depends_on or {}) do
    local need = ids.key(each.job)
    if jobs.get(need) then
      needs[#needs + 1] = need
      waiting.depend_again(change, need, key, each.condition or "completed")
    end
  end
  if job.depends_on then waiting.count_again(change, key, json.encode(needs)) end
  return #needs
end

return dependencies
