-- Trying again. A job with retries left does not fail when an attempt does, if it is for a reason that it may be tried again
-- for: it is pending as before, and waits a while. An ended job is tried again when its owner asks for it.
local jobs = require "orrery.data.jobs"
local states = require "orrery.core.job.states"
local specification = require "orrery.core.job.specification"

local retry = {}

local FIRST_MS, LAST_MS = 1000, 300000 -- before an attempt; twice as long before each further one

local function has(list, reason)
  for _, each in ipairs(list) do
    if each == reason then return true end
  end
  return false
end

---Columns of a job that is to be handed over anew: nothing is left of the attempt before but its directory.
function retry.fresh()
  return { reason = false, message = false, problem = false, due_at = false, submission = false, element = false,
    doubted = false, native_id = false, native_state = false, exit_code = false, signal = false, usage = false,
    submitted_at = false, started_at = false, ended_at = false, results = false }
end

---What becomes of a job whose attempt has failed.
---@param job table row: key, wanted, attempt, retries (nil where no attempt can have failed)
---@param failure table columns, had it failed for good: reason, message, …
---@return table|nil fields the columns of a job that is tried again; nil: it has failed for good
function retry.instead(job, failure, now)
  if (job.retries or 0) == 0 or job.wanted == "CANCEL" then return nil end
  local spec = specification.of(jobs.specification(job.key))
  if not has(spec.retries.reasons or states.blameless, failure.reason) then return nil end
  local fields = retry.fresh()
  fields.reason, fields.retries = "BACKOFF", job.retries - 1
  fields.message = ("attempt %d failed: %s"):format(job.attempt, failure.message or failure.reason)
  fields.due_at = now + math.min(FIRST_MS << math.min(job.attempt - 1, 20), LAST_MS)
  return fields
end

return retry
