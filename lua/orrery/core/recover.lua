-- Submissions of unknown fate: a crash, a time-out or a plug-in's "unknown" between the ask and the answer. The scheduler
-- is asked for their tags; only "certainly not there" lets a job be submitted again.
local clock = require "house.clock"
local json = require "house.json"
local attempt = require "orrery.core.attempt"
local dispatch = require "orrery.core.dispatch"
local evidence = require "orrery.core.evidence"
local lifecycle = require "orrery.core.lifecycle"
local status = require "orrery.core.status"
local tag = require "orrery.core.tag"

local recover = {}

local AGAIN_MS, CROWD = 5000, 256
local SETTLE_MS = 2000 -- between the two looks that "absent" takes where a batch system is asked

local function due(resource)
  local list, now = {}, clock.monotonic()
  for _, job in pairs(resource.submitting) do
    if job.find_at and job.find_at <= now and #list < CROWD then list[#list + 1] = job end
  end
  return list
end

-- A batch system that wakes from a freeze may answer before it does what it was asked earlier, and one whose accounting
-- lags does not know a job that has run: what the attempt's record says counts for more, and absent is absent twice.
local function doubt_absence(resource, list, reports)
  local asked, at = {}, {}
  for i, report in pairs(reports) do
    if report.answer == "absent" then asked[#asked + 1], at[#at + 1] = list[i], i end
  end
  local claimants = evidence.records(resource, asked, attempt.claimant)
  for k, job in ipairs(asked) do
    if claimants[k] then reports[at[k]] = { answer = "found", native_id = claimants[k] }
    elseif not job.absent then
      job.absent, job.find_at = true, clock.monotonic() + SETTLE_MS
      reports[at[k]] = nil
    end
  end
end

function recover.run(resource)
  local list = resource:ready() and due(resource) or {}
  if #list == 0 then return end
  local items = json.list {}
  for i, job in ipairs(list) do
    items[i] = { tag = tag.of(job.submission) }
    job.find_at = clock.monotonic() + AGAIN_MS
  end
  resource:call("find", { items = items }, function(reports)
    local batch = lifecycle.batch()
    if resource.info.honours.batch then doubt_absence(resource, list, reports) end
    for i, report in pairs(reports) do
      local job, answer = list[i], report.answer
      if answer == "found" and status.is_native_id(report.native_id) and not resource.live[report.native_id] then
        batch:move(job, "QUEUED", { native_id = report.native_id })
        batch:tell(job, "job.found", { native_id = report.native_id })
        resource:submitted(job, report.native_id)
        resource.next_poll = 0
      elseif answer == "absent" then
        batch:move(job, "PENDING", { submission = false, submitted_at = false, due_at = batch.at + AGAIN_MS,
          reason = "BACKOFF", message = "the scheduler does not have it: it was never submitted" })
        resource:release(job)
      elseif answer == "unknown" or report.error then
        resource.failing = true -- it answers, but no better than if it did not
      else
        resource:troubled("find", "nonsense: neither absent nor found with a native_id of its own")
      end
    end
    dispatch.commit(resource, batch)
  end)
end

---When the next of them is due, in milliseconds from now; nil when there is none.
function recover.next_ms(resource)
  local least
  for _, job in pairs(resource.submitting) do
    if job.find_at and (not least or job.find_at < least) then least = job.find_at end
  end
  return least and math.max(least - clock.monotonic(), 0)
end

return recover
