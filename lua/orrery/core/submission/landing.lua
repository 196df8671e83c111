-- Submissions that have come to their scheduler: each of their jobs gets its native id.
local status = require "orrery.core.job.status"

local landing = {}

-- The native ids of the jobs, of all that the report gives; nil unless they are whole, and nobody else's.
local function natives_of(resource, group, report, size)
  local natives, own, seen = size and report.native_ids or { report.native_id }, {}, {}
  if type(natives) ~= "table" or #natives ~= (size or 1) then return nil end
  for i, job in ipairs(group) do
    local id = natives[job.element or 1]
    if not status.is_native_id(id) or resource.live[id] or seen[id] then return nil end
    own[i], seen[id] = id, true
  end
  return own
end

---@param group table[] jobs of one submission
---@param size integer|nil how many members its array has; nil: it is a single job
---@return boolean landed false: the report has no native ids that can be theirs
function landing.land(resource, batch, group, report, size)
  local natives = natives_of(resource, group, report, size)
  if not natives then return false end
  for i, job in ipairs(group) do
    batch:move(job, "QUEUED", { native_id = natives[i] })
    resource:submitted(job, natives[i])
  end
  return true
end

return landing
