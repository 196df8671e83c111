-- Looking at the jobs a resource holds: those it says have changed at once, all of them at intervals. What is reported
-- becomes transitions; a job that is missing is not done but unknown, until it has been missing for long.
local clock = require "house.clock"
local ids = require "house.ids"
local log = require "house.log"
local attempt = require "orrery.core.submission.attempt"
local claim = require "orrery.core.submission.claim"
local dispatch = require "orrery.core.submission.dispatch"
local evidence = require "orrery.core.submission.evidence"
local lifecycle = require "orrery.core.job.lifecycle"
local status = require "orrery.core.job.status"
local stuck = require "orrery.core.resource.stuck"

local monitor = {}

local CROWD = 16384
local SLOW_MS = 1000
local RESULTS_TRIES = 3        -- before a job ends without the results that its disk does not give

-- Only the time counts in which the scheduler answers: one that comes back from a failure may not know its jobs yet.
local function missing(resource, batch, job)
  local now = clock.monotonic()
  if not job.missing_since or job.missing_since < resource:silent_until(job.account) then job.missing_since = now end
  if now - job.missing_since < resource.settings.lost_ms then return end
  local to = job.wanted == "CANCEL" and "CANCELED" or "FAILED"
  resource:release(job)
  batch:move(job, to, { reason = to == "FAILED" and "LOST" or false,
    message = "the scheduler does not know the job any more, and nothing tells how it ended" })
end

-- What the attempts' own records say of jobs that the scheduler has forgotten, or of whose end it says no more than how the
-- script around it ended. One whose attempt belongs to another native job is looked for under the name of that.
local function consult_records(resource, batch, list, reports)
  if not resource.info.honours.batch then return false end
  local asked, at = {}, {}
  for i, report in pairs(reports) do
    if report.absent or report.final and attempt.is_own(report.exit_code) then
      asked[#asked + 1], at[#at + 1] = list[i], i
    end
  end
  local records, unread = evidence.records(resource, asked)
  for k, job in ipairs(asked) do
    local i, record = at[k], records[k]
    local holder = claim.holder(job, record)
    if not record then
      if claim.is_another_s(job, reports[i]) then reports[i] = { absent = true } -- whose record cannot be read yet
      elseif not unread then reports[i] = attempt.status_without_record(reports[i]) end
      if unread and reports[i].absent and job.wanted ~= "CANCEL" then reports[i], job.missing_since = nil, nil end
    elseif record.native == job.native_id then
      if record.over then reports[i] = attempt.status(record, reports[i]) end
    elseif holder and claim.adopt(resource, batch, job, holder) then
      reports[i], resource.next_poll = nil, 0
    end
  end
  return unread
end

local function nonsense(resource, job, what)
  resource:troubled("monitor", "nonsense: " .. what)
  log.debug("nonsense from a plug-in", { resource = resource.name, job = ids.text(job.key), what = what })
end

-- Splits reports into steps to take; ended jobs come with them.
local function judge(resource, batch, list, reports)
  local moving, ended = {}, {}
  for i, report in pairs(reports) do
    local job = list[i]
    local wrong = status.nonsense(report)
    if wrong then nonsense(resource, job, wrong)
    elseif report.error then
      log.debug("monitor failed", { job = ids.text(job.key), error = report.error.message })
      if report.error.class == "unavailable" then resource:lost(report.error.message or "the scheduler does not answer") end
    elseif report.absent then missing(resource, batch, job)
    else
      job.missing_since = nil
      local steps = status.steps(job, report)
      if not lifecycle.ended[report.state] then stuck.note(batch, job, report) end
      if #steps > 0 then
        moving[#moving + 1] = { job = job, steps = steps }
        if lifecycle.ended[steps[#steps][1]] then ended[#ended + 1] = job end
      end
    end
  end
  return moving, ended
end

local function take(resource, list, reports)
  local batch, asked_at = lifecycle.batch(), clock.monotonic()
  local silent = consult_records(resource, batch, list, reports)
  local moving, ended = judge(resource, batch, list, reports)
  local results, unread = evidence.results(resource, ended)
  if (silent or unread) and resource.calling and clock.monotonic() - asked_at > SLOW_MS then -- the other accounts' jobs have waited as well
    resource:lost "the files of its jobs cannot be read"
  end
  for _, move in ipairs(moving) do
    local job, last = move.job, move.steps[#move.steps]
    local has_ended = lifecycle.ended[last[1]]
    if has_ended and unread then job.unread = (job.unread or 0) + 1 end
    if not has_ended or not unread or job.unread >= RESULTS_TRIES then -- else: at the next poll again
      if results[job] then last[2].results = results[job] end
      if has_ended then resource:release(job) end -- while it still has its native id: it may be tried again
      batch:walk(job, move.steps)
    end
  end
  dispatch.commit(resource, batch)
end

local function ask(resource, list)
  for first = 1, #list, CROWD do
    local crowd = { table.unpack(list, first, math.min(first + CROWD - 1, #list)) }
    resource:call_on("monitor", crowd, function(reports) take(resource, crowd, reports) end)
  end
end

---Looks at the jobs whose native ids changed; at all of them when the poll is due.
---@param changed string[] native ids
function monitor.run(resource, changed)
  local list = {}
  if not resource:ready() then return end
  if clock.monotonic() >= resource.next_poll then
    resource.next_poll = clock.monotonic() + resource.settings.poll_ms
    for _, job in pairs(resource.live) do list[#list + 1] = job end
  else
    for _, native_id in ipairs(changed) do
      local job = resource.live[native_id]
      if job and list[job] == nil then
        list[job] = true
        list[#list + 1] = job
      end
    end
  end
  if #list > 0 then ask(resource, list) end
  stuck.give_up(resource)
end

---When the next poll is due, in milliseconds from now; nil when there is no job to look at.
function monitor.next_ms(resource)
  return next(resource.live) and math.max(resource.next_poll - clock.monotonic(), 0)
end

return monitor
