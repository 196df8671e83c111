-- Jobs that their scheduler will never start by itself, as it says: they tell why, and are given up when nobody has put
-- it right for long.
local clock = require "house.clock"
local dispatch = require "orrery.core.submission.dispatch"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"

local stuck = {}

---Takes down whether a live job is stuck, by the latest report of it, which was turned into steps already.
function stuck.note(batch, job, report)
  local why = report.stuck
  job.stuck_since = why and (job.stuck_since or clock.monotonic())
  if why == job.message then return end
  job.message = why
  jobs.explain(batch.change, job.key, job.state, why, report.native_state)
  if why then batch:tell(job, "job.stuck", { message = why, native_state = report.native_state }) end
end

local function hopeless(resource)
  local list, now = {}, clock.monotonic()
  for _, job in pairs(resource.live) do
    if job.stuck_since and now - job.stuck_since >= resource.settings.stuck_ms and job.wanted ~= "CANCEL" then
      list[#list + 1] = job
    end
  end
  return list
end

---Gives up jobs that have been stuck for long: a job ends when its scheduler has let go of it, not before.
function stuck.give_up(resource)
  local list = hopeless(resource)
  if #list == 0 then return end
  resource:call_on("cancel", list, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      local job = list[i]
      if not resource.failure(report) then
        resource:release(job) -- while it still has its native id: it may be tried again
        batch:move(job, "FAILED", { reason = "LAUNCH_FAILED", message = job.message })
      end
    end
    dispatch.commit(resource, batch)
  end)
end

return stuck
