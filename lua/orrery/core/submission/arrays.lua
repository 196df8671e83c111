-- Which of the jobs that are handed over together become one submission: those of one sweep and one account that need the same
-- are an array, where the scheduler has arrays; they may differ in what they run. Any other job is a submission by itself.
local arrays = {}

local MOST_BYTES = 2 << 20 -- of an array's script; Slurm takes 4 MiB
local OVERHEAD = 512       -- what a member adds to it beside its specification
local MOST_OPEN = 16       -- groups of a sweep that are looked at

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for name, value in pairs(a) do
    if not equal(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

-- How much a job adds to the script; what all members have in common stands there once.
local function bytes_of(job, first)
  local shared = job ~= first and job.item.script == first.item.script and job.item.script or ""
  return math.max(job.bytes - #shared, 0) + OVERHEAD
end

local function takes(group, job, most)
  local first = group[1]
  return #group < most and group.bytes + bytes_of(job, first) <= MOST_BYTES
    and first.account == job.account
    and equal(first.item.resources, job.item.resources) and equal(first.item.attributes, job.item.attributes)
end

-- The group of its sweep that takes the job | nil
local function find(open, job, most)
  for i = #open, math.max(#open - MOST_OPEN + 1, 1), -1 do
    if takes(open[i], job, most) then return open[i] end
  end
end

---Groups jobs.
---@param jobs table[] rows with `item` (submission.member) and `bytes` (the length of its specification)
---@param most integer the most members of an array; less than 2: no arrays
---@param singly fun(sweep:integer):boolean sweeps that are made no arrays of
---@return table[][] groups in the order of their first jobs
function arrays.group(jobs, most, singly)
  local groups, by_sweep = {}, {}
  for _, job in ipairs(jobs) do
    local open = job.sweep and not singly(job.sweep) and by_sweep[job.sweep] or {}
    local group = find(open, job, most)
    if not group then
      group = { bytes = 0 }
      groups[#groups + 1], open[#open + 1] = group, group
      if job.sweep then by_sweep[job.sweep] = open end
    end
    group[#group + 1] = job
    group.bytes = group.bytes + bytes_of(job, group[1])
  end
  return groups
end

return arrays
