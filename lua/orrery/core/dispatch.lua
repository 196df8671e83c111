-- Handing pending jobs to a resource. The attempt and its tag are durable before the plug-in is asked, so that after a
-- crash the scheduler can be asked whether it happened.
local clock = require "house.clock"
local config = require "house.config"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.lifecycle"
local spec = require "orrery.core.spec"
local submission = require "orrery.core.submission"

local dispatch = {}

local CROWD = 128       -- jobs in one call
local BUSY_MS = 5000    -- before a job that was turned away is offered again
local SETTLE_MS = 2000  -- before a submission of unknown fate is looked for

-- The owners' turns: one job of each in every round, so a large sweep does not starve the next user.
local function take_turns(queues, most)
  local chosen, round = {}, 1
  repeat
    local any = false
    for _, queue in ipairs(queues) do
      if queue[round] and #chosen < most then
        chosen[#chosen + 1] = queue[round]
        any = true
      end
    end
    round = round + 1
  until not any
  return chosen
end

local function more_urgent(a, b)
  if a.priority ~= b.priority then return a.priority > b.priority end
  return a.key < b.key
end

-- An owner's jobs for this resource, and those for any that it can honour; the more urgent first.
local function queue_of(resource, owner, cores, now, most)
  local queue = jobs.pending(resource.name, owner, cores, now, most)
  local mixed = #queue > 0
  for _, job in ipairs(jobs.pending(nil, owner, cores, now, most)) do
    if #config.resources == 1
      or not spec.unhonoured(submission.spec_of(job), resource.info.honours, resource.name, resource.scheduler) then
      queue[#queue + 1] = job
    end
  end
  if mixed then table.sort(queue, more_urgent) end
  return queue
end

local function choose(resource, most)
  local now, owners, queues = clock.now(), {}, {}
  for _, which in ipairs { resource.name, false } do
    for _, row in ipairs(jobs.pending_owners(which or nil)) do owners[row.owner] = true end
  end
  local cores = math.tointeger(resource.info.honours.cores) or math.maxinteger
  local names = {}
  for owner in pairs(owners) do names[#names + 1] = owner end
  table.sort(names)
  for _, owner in ipairs(names) do queues[#queues + 1] = queue_of(resource, owner, cores, now, most) end
  return take_turns(queues, most)
end

local function back_off(batch, job, reason, why)
  batch:move(job, "PENDING", { reason = reason, message = why or false, due_at = batch.at + BUSY_MS,
    submission = false, submitted_at = false })
end

local function settle_report(resource, batch, job, report)
  local failure = type(report) == "table" and report.error
  if type(report) == "table" and type(report.native_id) == "string" and report.native_id ~= "" then
    batch:move(job, "QUEUED", { native_id = report.native_id })
    resource:submitted(job, report.native_id)
  elseif failure and failure.class == "rejected" then
    local why = tostring(failure.message)
    batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", message = why,
      problem = json.encode { type = "/problems/scheduler-rejected", title = "The scheduler refused the job",
        status = 422, detail = why } })
    resource:release(job)
  elseif failure and (failure.class == "busy" or failure.class == "unavailable") then
    back_off(batch, job, "BACKOFF", tostring(failure.message))
    resource:release(job)
    if failure.class == "unavailable" then resource:failed("down", tostring(failure.message)) end
  else
    if not failure then resource:failed("degraded", "submit reported nonsense") end
    job.find_at = clock.monotonic() + SETTLE_MS
  end
end

-- Commits; after a failure memory may be ahead of the store, so it is read again.
local function commit(resource, batch)
  local ok, code, why = batch:commit()
  if ok then return true end
  log.warn("transitions not committed", { resource = resource.name, code = code, error = why })
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
      submitted_at = batch.at, reason = false, message = false, due_at = false,
      directory = submission.directory(resource.settings.base, job, attempt) })
    resource.submitting[job.key] = job
    resource.held = resource.held + 1
  end
  return commit(resource, batch)
end

---Hands over as many pending jobs as the resource has room for → true if there may be more.
function dispatch.run(resource)
  local room = math.min(resource:free(), CROWD)
  if room <= 0 or not resource:ready() then return false end
  local chosen = choose(resource, room)
  if #chosen == 0 or not begin_attempts(resource, chosen) then return false end
  local items = json.list {}
  for i, job in ipairs(chosen) do items[i] = submission.build(job, resource.scheduler) end
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
  if code == "ok" then resource:answered() end
  return #chosen == room
end

return dispatch
