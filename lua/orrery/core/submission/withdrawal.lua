-- Withdrawing attempts: a job that is canceled while it waits to be submitted again, since its scheduler said that it does not
-- have it, might yet come true. So the house claims the attempt itself, and whatever comes runs nothing; or it finds that one
-- has come, which is canceled as any other job.
local attempt = require "orrery.core.submission.attempt"
local claim = require "orrery.core.submission.claim"
local dispatch = require "orrery.core.submission.dispatch"
local evidence = require "orrery.core.submission.evidence"
local files = require "orrery.core.files"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"
local log = require "house.log"
local submission = require "orrery.core.submission"

local withdrawal = {}

local CROWD = 256

---Whether an attempt has to be withdrawn before its job can end.
function withdrawal.is_due(resource, job)
  return job.doubted ~= nil and job.directory ~= nil and resource ~= nil
    and not (resource.info and not resource.info.honours.batch)
end

local function cancel(batch, job)
  batch:move(job, "CANCELED", { reason = false, message = "canceled before it ran" })
  jobs.settled(batch.change, job)
end

-- It has come: it is the scheduler's now, which will be asked to cancel it.
local function take_over(resource, batch, job, holder)
  batch:walk(job, { { "SUBMITTING", { submission = holder.submission, submitted_at = batch.at, due_at = false } },
    { "QUEUED", { native_id = holder.native_id, reason = false, message = false } } })
  batch:tell(job, "job.found", { native_id = holder.native_id })
  resource:hold(job)
  resource:submitted(job, holder.native_id)
end

-- As many as are looked at together; the others' turn comes when they are steered again.
local function take(resource)
  local list = {}
  for _, job in pairs(resource.withdrawing) do
    if #list < CROWD then list[#list + 1] = job end
  end
  resource.withdrawing = {}
  return list
end

---Withdraws the attempts of jobs that are to be canceled.
function withdrawal.run(resource)
  local list, places = take(resource), {}
  if #list == 0 then return end
  for i, job in ipairs(list) do places[i] = submission.place(job) end
  local made, _, why = files.make(evidence.lane(resource), places, attempt.claim, resource.settings.timeout_ms)
  if not made then return log.warn("attempts not withdrawn", { resource = resource.name, error = why }) end
  local batch, records = lifecycle.batch(), evidence.records(resource, list)
  for i, job in ipairs(list) do
    local holder = claim.holder(job, records[i])
    if made[i] == "made" then cancel(batch, job)
    elseif holder and not resource.live[holder.native_id] then take_over(resource, batch, job, holder) end
  end
  dispatch.commit(resource, batch)
end

return withdrawal
