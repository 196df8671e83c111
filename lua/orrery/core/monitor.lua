-- Looking at the jobs a resource holds: those it says have changed at once, all of them at intervals. What is reported
-- becomes transitions; a job that is missing is not done but unknown, until it has been missing for long.
local clock = require "house.clock"
local files = require "house.files"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local dispatch = require "orrery.core.dispatch"
local lifecycle = require "orrery.core.lifecycle"
local status = require "orrery.core.status"
local submission = require "orrery.core.submission"

local monitor = {}

local CROWD = 1000
local RESULTS_BYTES = 65536    -- the largest results.json that is taken in
local RESULTS_TRIES = 3        -- before a job ends without the results that its disk does not give

-- Only an object of scalars becomes a row of results; anything else is left where it is.
local function checked_results(text)
  local value = text and json.decode(text)
  if type(value) ~= "table" or json.is_list(value) then return nil end
  for _, member in pairs(value) do
    if type(member) == "table" then return nil end
  end
  return json.encode(value)
end

-- What the ended jobs left in results.json, by job. On a lane of its own: downloads must not be in its way.
local function collect_results(resource, ended)
  local places, found = {}, {}
  for i, job in ipairs(ended) do places[i] = submission.place(job.directory) end
  if #places == 0 then return found end
  local texts, _, why = files.slurp(resource.name .. " (results)", places, "results.json", RESULTS_BYTES,
    resource.settings.timeout_ms)
  if not texts then
    log.warn("results not read", { resource = resource.name, error = why })
    return found, true
  end
  for i, job in ipairs(ended) do found[job] = checked_results(texts[i]) end
  return found
end

-- Only the time counts in which the scheduler answers: one that comes back from a failure may not know its jobs yet.
local function missing(resource, batch, job)
  local now = clock.monotonic()
  if not job.missing_since or job.missing_since < resource.lost_at then job.missing_since = now end
  if now - job.missing_since < resource.settings.lost_ms then return end
  local to = job.wanted == "CANCEL" and "CANCELED" or "FAILED"
  batch:move(job, to, { reason = to == "FAILED" and "LOST" or false,
    message = "the scheduler does not know the job any more, and nothing tells how it ended" })
  resource:release(job)
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
      if #steps > 0 then
        moving[#moving + 1] = { job = job, steps = steps }
        if lifecycle.ended[steps[#steps][1]] then ended[#ended + 1] = job end
      end
    end
  end
  return moving, ended
end

local function take(resource, list, reports)
  local batch = lifecycle.batch()
  local moving, ended = judge(resource, batch, list, reports)
  local results, unread = collect_results(resource, ended)
  for _, move in ipairs(moving) do
    local job, last = move.job, move.steps[#move.steps]
    local has_ended = lifecycle.ended[last[1]]
    if has_ended and unread then job.unread = (job.unread or 0) + 1 end
    if not has_ended or not unread or job.unread >= RESULTS_TRIES then -- else: at the next poll again
      if results[job] then last[2].results = results[job] end
      batch:walk(job, move.steps)
      if has_ended then resource:release(job) end
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
end

---When the next poll is due, in milliseconds from now; nil when there is no job to look at.
function monitor.next_ms(resource)
  return next(resource.live) and math.max(resource.next_poll - clock.monotonic(), 0)
end

return monitor
