-- Attempts that were claimed by another submission of them than the last: one that was given up, since its scheduler said that
-- it did not have it, and came true after all. The last one has run nothing then; the earlier one is the job.
local attempt = require "orrery.core.submission.attempt"
local jobs = require "orrery.data.jobs"
local status = require "orrery.core.job.status"
local tag = require "orrery.core.submission.tag"

local claim = {}

---Notes that a submission of the job may yet come true, when another one is made → the column.
function claim.doubted(job) return (job.doubted or "") .. job.submission .. " " end

-- What a record says is the job's own to write: it may name no submission but the job's, and nothing that is no native id.
local function is_own(job, submission)
  return submission == job.submission or (" " .. (job.doubted or "")):find((" %d "):format(submission), 1, true) ~= nil
end

---Who has claimed the attempt of a job, as far as its record tells.
---@param record table|nil see attempt.read
---@return {native_id:string, submission:integer}|nil
function claim.holder(job, record)
  local submission = record and tag.submission(record.tag)
  if not submission or not is_own(job, submission) or not status.is_native_id(record.native) then return nil end
  return { native_id = record.native, submission = submission }
end

---Whether a job ended as one does that finds its attempt claimed by another submission of it.
function claim.is_another_s(job, report) return job.doubted ~= nil and report.exit_code == attempt.CLAIMED end

---The job goes by the native id of the one that has the claim.
---@return boolean adopted false: that is another job's
function claim.adopt(resource, batch, job, holder)
  if resource.live[holder.native_id] then return false end
  jobs.adopt(batch.change, job.key, job.state, holder.native_id, holder.submission)
  batch:tell(job, "job.found", { native_id = holder.native_id })
  resource:adopt(job, holder.native_id)
  job.native_id, job.submission = holder.native_id, holder.submission
  return true
end

return claim
