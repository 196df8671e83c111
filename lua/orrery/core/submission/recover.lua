-- Submissions of unknown fate: a crash, a time-out or a plug-in's "unknown" between the ask and the answer. The scheduler
-- is asked for their tags; only "certainly not there" lets a job be submitted again.
local clock = require "house.clock"
local json = require "house.json"
local claim = require "orrery.core.submission.claim"
local dispatch = require "orrery.core.submission.dispatch"
local evidence = require "orrery.core.submission.evidence"
local landing = require "orrery.core.submission.landing"
local lifecycle = require "orrery.core.job.lifecycle"
local tag = require "orrery.core.submission.tag"

local recover = {}

local AGAIN_MS, CROWD = 5000, 256
local SETTLE_MS = 2000 -- between the two looks that "absent" takes where a batch system is asked

-- Submissions of which it is time to ask: their jobs, by the submission, in the order of an array's elements.
local function due(resource)
  local list, by_submission, count, now = {}, {}, 0, clock.monotonic()
  for _, job in pairs(resource.submitting) do
    local group = by_submission[job.submission]
    if job.find_at and job.find_at <= now and (group or count < CROWD) then
      if not group then
        group, count = {}, count + 1
        by_submission[job.submission], list[count] = group, group
      end
      group[#group + 1] = job
    end
  end
  for _, group in ipairs(list) do
    table.sort(group, function(a, b) return (a.element or 0) < (b.element or 0) end)
  end
  return list
end

local function find_again(group, after_ms)
  for _, job in ipairs(group) do job.find_at = clock.monotonic() + after_ms end
end

-- A batch system that wakes from a freeze may answer before it does what it was asked earlier, and one whose accounting
-- lags does not know a job that has run: what the attempt's record says counts for more, and absent is absent twice.
-- → those that are absent
local function doubt_absence(resource, batch, group)
  local records, absent, again = evidence.records(resource, group), {}, {}
  for i, job in ipairs(group) do
    local holder = claim.holder(job, records[i])
    if holder and not resource.live[holder.native_id] then
      batch:move(job, "QUEUED", { native_id = holder.native_id, submission = holder.submission })
      resource:submitted(job, holder.native_id)
    elseif job.absent then absent[#absent + 1] = job
    else job.absent, again[#again + 1] = true, job end
  end
  find_again(again, SETTLE_MS)
  return absent
end

-- Their attempts go on: should they come true after all, they have the claim.
local function give_back(resource, batch, group)
  for _, job in ipairs(group) do
    batch:move(job, "PENDING", { submitted_at = false, due_at = batch.at + AGAIN_MS, reason = "BACKOFF",
      doubted = claim.doubted(job), message = "the scheduler does not have it: it was never submitted" })
    resource:release(job)
  end
end

local function settle_found(resource, batch, group, report)
  if not landing.land(resource, batch, group, report, group[#group].element) then return false end
  for _, job in ipairs(group) do batch:tell(job, "job.found", { native_id = job.native_id }) end
  resource.next_poll = 0
  return true
end

local function settle(resource, batch, group, report)
  if report.answer == "absent" or report.answer == "found" then resource:untroubled "submit" end -- it is known what came of it
  if report.answer == "absent" then
    give_back(resource, batch, resource.info.honours.batch and doubt_absence(resource, batch, group) or group)
  elseif report.answer == "unknown" or report.error then
    resource.failing = true -- it answers, but no better than if it did not
  elseif report.answer ~= "found" or not settle_found(resource, batch, group, report) then
    resource:troubled("find", "nonsense: neither absent nor found with native ids of its own")
  end
end

function recover.run(resource)
  local list = resource:ready() and due(resource) or {}
  if #list == 0 then return end
  local items, accounts = json.list {}, {}
  for i, group in ipairs(list) do
    accounts[i] = group[1].account
    items[i] = { tag = tag.of(group[1].submission), size = group[#group].element }
    find_again(group, AGAIN_MS)
  end
  resource:call("find", items, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do settle(resource, batch, list[i], report) end
    dispatch.commit(resource, batch)
  end, accounts)
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
