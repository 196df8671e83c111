-- Handing pending jobs to a resource. The attempt and its tag are durable before the plug-in is asked, so that after a
-- crash the scheduler can be asked whether it happened.
local clock = require "house.clock"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local task = require "house.task"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.lifecycle"
local status = require "orrery.core.status"
local submission = require "orrery.core.submission"
local turns = require "orrery.core.turns"

local dispatch = {}

local CROWD = 128       -- jobs in one call
local MOST_BYTES = 1 << 24 -- of specifications in one call; a larger one goes alone
local BUSY_MS = 5000    -- before a job that was turned away is offered again
local SETTLE_MS = 2000  -- before a submission of unknown fate is looked for
local AGAIN_MS = 1000   -- before a store that failed is used again

-- What a job is submitted by is read when it is needed and kept no longer: it may be large.
local function specify(job)
  local row = jobs.specification(job.key) or {}
  job.spec, job.template, job.parameters = row.spec, row.template, row.parameters
  return #(row.spec or row.template or "")
end

local function forget(job) job.spec, job.template, job.parameters = nil, nil, nil end

-- As many of the chosen as may be in memory at once, with their specifications; the others stay where they are.
local function take(chosen)
  local bytes = 0
  for i, job in ipairs(chosen) do
    bytes = bytes + specify(job)
    if i > 1 and bytes > MOST_BYTES then return { table.unpack(chosen, 1, i - 1) } end
  end
  return chosen
end

local function back_off(batch, job, reason, why)
  batch:move(job, "PENDING", { reason = reason, message = why or false, due_at = batch.at + BUSY_MS,
    submission = false, submitted_at = false })
end

local function settle_report(resource, batch, job, report)
  local failure, native_id = resource.failure(report), report.native_id
  if status.is_native_id(native_id) and not resource.live[native_id] then
    batch:move(job, "QUEUED", { native_id = native_id })
    resource:submitted(job, native_id)
  elseif failure and failure.class == "rejected" then
    local why = failure.message
    batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", message = why,
      problem = json.encode { type = "/problems/scheduler-rejected", title = "The scheduler refused the job",
        status = 422, detail = why } })
    resource:release(job)
  elseif failure and (failure.class == "busy" or failure.class == "unavailable") then
    back_off(batch, job, "BACKOFF", failure.message)
    resource:release(job)
    if failure.class == "unavailable" then resource:lost(failure.message)
    else resource.turned_away[job.owner] = clock.monotonic() + BUSY_MS end -- the owner's others would fare no better
  else
    if not failure then resource:troubled("submit", "nonsense: neither an error nor a native_id of its own") end
    job.find_at = clock.monotonic() + SETTLE_MS
  end
end

-- Commits; after a failure memory may be ahead of the store, so it is read again. A store that is in trouble (a full
-- disk) is not asked again at once.
local function commit(resource, batch)
  local ok, code, why = batch:commit()
  if ok then return true end
  if code ~= "no_space" then -- of which the store itself speaks, once
    log.warn("transitions not committed", { resource = resource.name, code = code, error = why })
  end
  if code ~= "conflict" then task.sleep(AGAIN_MS) end
  resource:load()
  return false, code
end
dispatch.commit = commit

-- Attempts with their tags → true when they are durable.
local function begin_attempts(resource, chosen)
  local batch = lifecycle.batch()
  local first = ids.new(#chosen)
  for i, job in ipairs(chosen) do
    local attempt = job.attempt + 1
    batch:move(job, "SUBMITTING", { attempt = attempt, submission = first + i - 1, resource = resource.name,
      submitted_at = batch.at, reason = false, message = false,
      directory = submission.directory(resource.settings.base, job, attempt) })
    resource.submitting[job.key] = job
    resource.held = resource.held + 1
  end
  return commit(resource, batch)
end

-- What the plug-in is given. A job that nothing can be made of ends here, and holds up no other.
local function build(resource, chosen)
  local batch, good, items = lifecycle.batch(), {}, json.list {}
  for _, job in ipairs(chosen) do
    local ok, item = pcall(submission.build, job, resource)
    forget(job)
    if ok then
      good[#good + 1] = job
      items[#items + 1] = item
    else
      batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", message = "its specification cannot be used: " .. tostring(item) })
      resource:release(job)
    end
  end
  commit(resource, batch)
  return good, items
end

---Hands over as many pending jobs as the resource has room for → true if there may be more.
function dispatch.run(resource)
  local in_doubt = resource.state == "down" or resource.troubles.submit -- then one job shows whether it works again
  local room = math.min(resource:free(), in_doubt and 1 or CROWD)
  if room <= 0 or not resource:ready() then return false end
  local waiting = turns.choose(resource, room)
  local chosen = take(waiting)
  if #chosen == 0 then return false end
  resource.last_turn = chosen[#chosen].owner
  if not begin_attempts(resource, chosen) then return false end
  local items
  chosen, items = build(resource, chosen)
  if #items == 0 then return true end
  local reported = {}
  local code, why = resource:call("submit", { items = items }, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      reported[i] = true
      settle_report(resource, batch, chosen[i], report)
    end
    commit(resource, batch)
  end)
  local batch = lifecycle.batch()
  for i, job in ipairs(chosen) do
    if not reported[i] then
      if code == "unavailable" then -- the plug-in was never reached
        back_off(batch, job, "BACKOFF", why)
        resource:release(job)
      else
        job.find_at = clock.monotonic() + SETTLE_MS
      end
    end
  end
  commit(resource, batch)
  return code == "ok" and (#waiting == room or #chosen < #waiting)
end

return dispatch
