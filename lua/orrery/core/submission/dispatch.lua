-- Handing pending jobs to a resource. The attempt and its tag are durable before the plug-in is asked, so that after a
-- crash the scheduler can be asked whether it happened.
local assignment = require "orrery.core.submission.assignment"
local arrays = require "orrery.core.submission.arrays"
local clock = require "house.clock"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local task = require "house.task"
local jobs = require "orrery.data.jobs"
local landing = require "orrery.core.submission.landing"
local lifecycle = require "orrery.core.job.lifecycle"
local specification = require "orrery.core.job.specification"
local submission = require "orrery.core.submission"
local turns = require "orrery.core.submission.turns"

local dispatch = {}

local CROWD = 128       -- jobs in one call
local MOST_BYTES = 1 << 24 -- of specifications in one call; a larger one goes alone
local SINGLY_MS = 600000 -- in which a sweep whose array was refused is made no array of
local BUSY_MS = 5000    -- before a job that was turned away is offered again
local AGAIN_MS = 1000   -- before a store that failed is used again

-- What a job is submitted by is read when it is needed and kept no longer: it may be large. Of a sweep's, what is made of its
-- template counts: a short one may become long.
local function specify(job)
  local row = jobs.specification(job.key) or {}
  local made, text = pcall(specification.text, row)
  job.spec, job.bytes = made and text or nil, made and #text or 0
  if not made then job.template, job.parameters = row.template, row.parameters end -- for make_members to say so
end

local function forget(job)
  job.spec, job.template, job.parameters, job.item, job.bytes, job.base = nil, nil, nil, nil, nil, nil
end

-- As many of the chosen as may be in memory at once, with their specifications; the others stay where they are.
local function take(chosen)
  local bytes = 0
  for i, job in ipairs(chosen) do
    specify(job)
    bytes = bytes + job.bytes
    if i > 1 and bytes > MOST_BYTES then return { table.unpack(chosen, 1, i - 1) } end
  end
  return chosen
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

-- From jobs to submissions -----------------------------------------------------------------------------------------

-- An attempt that was submitted before, and is not known to have run, goes on in its directory: should the earlier submission
-- come true after all, whichever comes first claims it, and nothing is run twice.
local function number_attempt(job)
  if job.submission then return end
  job.attempt = job.attempt + 1
  job.directory = submission.directory(job.base, job, job.attempt)
end

-- What is to be run for each. A job that nothing can be made of ends here, and holds up no other.
local function make_members(resource, chosen)
  local batch, good = lifecycle.batch(), {}
  for _, job in ipairs(chosen) do
    number_attempt(job)
    local ok, item = pcall(submission.member, job, resource)
    if ok then
      good[#good + 1], job.item = job, item
    else
      forget(job)
      batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", attempt = job.attempt,
        message = "its specification cannot be used: " .. tostring(item) })
    end
  end
  return commit(resource, batch) and good or {}
end

-- Submissions with their tags → true when they are durable.
local function begin(resource, groups)
  local batch = lifecycle.batch()
  local first = ids.new(#groups)
  for i, group in ipairs(groups) do
    for element, job in ipairs(group) do
      batch:move(job, "SUBMITTING", { attempt = job.attempt, submission = first + i - 1, resource = resource.name,
        account = job.account or false, element = #group > 1 and element, submitted_at = batch.at, reason = false,
        message = false, directory = job.directory })
      resource:hold(job)
    end
  end
  return commit(resource, batch)
end

-- What the plug-in is given of each.
local function build(resource, groups)
  local items = json.list {}
  for i, group in ipairs(groups) do
    local members = {}
    for m, job in ipairs(group) do members[m] = job.item end
    items[i] = submission.build(members, group[1].submission, resource)
    for _, job in ipairs(group) do forget(job) end
  end
  return items
end

-- What came of them ------------------------------------------------------------------------------------------------

local function back_off(batch, resource, group, why)
  for _, job in ipairs(group) do
    batch:move(job, "PENDING", { reason = "BACKOFF", message = why or false, due_at = batch.at + BUSY_MS, submitted_at = false })
    resource:release(job)
  end
end

local function reject(batch, resource, group, why)
  local problem = json.encode { type = "/problems/scheduler-rejected", title = "The scheduler refused the job", status = 422,
    detail = why }
  for _, job in ipairs(group) do
    batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", message = why, problem = problem })
    resource:release(job)
  end
end

local function doubt(resource, group)
  for _, job in ipairs(group) do resource:doubt(job) end
end

local function settle_report(resource, batch, group, report)
  local failure = resource.failure(report)
  if not failure then
    if landing.land(resource, batch, group, report, #group > 1 and #group or nil) then return resource:took(#group) end
    resource:troubled("submit", "nonsense: neither an error nor native ids of its own")
    doubt(resource, group)
  elseif failure.class == "rejected" and #group > 1 then -- it may be the array that is refused, and none of its jobs
    resource.singly[group[1].sweep] = clock.monotonic() + SINGLY_MS
    back_off(batch, resource, group, failure.message)
  elseif failure.class == "rejected" then reject(batch, resource, group, failure.message)
  elseif failure.class == "busy" then
    back_off(batch, resource, group, failure.message)
    resource:turned_down(#group)
    resource.turned_away[group[1].owner] = clock.monotonic() + BUSY_MS -- the owner's others would fare no better
  elseif failure.class == "unavailable" then
    back_off(batch, resource, group, failure.message)
    resource:lost(failure.message)
  else
    resource:troubled("submit", failure.message)
    doubt(resource, group)
  end
end

local function submit(resource, groups)
  local reported, accounts, went_well = {}, {}, false
  for i, group in ipairs(groups) do accounts[i] = group[1].account end
  local came_to = resource:call("submit", build(resource, groups), function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      reported[i] = true
      settle_report(resource, batch, groups[i], report)
    end
    commit(resource, batch)
  end, accounts)
  local batch = lifecycle.batch()
  for i, group in ipairs(groups) do
    local code, why = came_to(i)
    went_well = went_well or code == "ok"
    if not reported[i] and code == "unavailable" then back_off(batch, resource, group, why) -- the plug-in was never reached
    elseif not reported[i] then doubt(resource, group) end
  end
  commit(resource, batch)
  return went_well
end

-- As many submissions as may be made now; the jobs of the others stay where they are.
local function ration(resource, groups)
  local tokens = resource.tokens
  if not tokens then return end
  local most = math.min(tokens:available(clock.monotonic()), #groups)
  resource.rationed = most < #groups
  for i = most + 1, #groups do
    for _, job in ipairs(groups[i]) do forget(job) end
    groups[i] = nil
  end
  tokens:take(most)
end

---When more may be submitted, in milliseconds from now; nil: nothing waits for that.
function dispatch.next_ms(resource) return resource.rationed and resource.tokens:next_ms(clock.monotonic()) or nil end

---Hands over as many pending jobs as the resource has room for → true if there may be more.
function dispatch.run(resource)
  local in_doubt = resource.state == "down" or resource.troubles.submit -- then one job shows whether it works again
  local most = resource:most_of_array()
  local room = math.min(resource:free(), in_doubt and 1 or math.max(CROWD, most))
  if room <= 0 or not resource:ready() or (dispatch.next_ms(resource) or 0) > 0 then return false end
  resource.rationed = false
  local waiting = turns.choose(resource, room)
  local assigned, left = assignment.sort(resource, waiting)
  if not commit(resource, left) then return false end
  local chosen = take(assigned)
  local groups = arrays.group(make_members(resource, chosen), most, function(sweep)
    return (resource.singly[sweep] or 0) > clock.monotonic()
  end)
  ration(resource, groups)
  if #groups == 0 then return #chosen > 0 and not resource.rationed end
  local last = groups[#groups]
  resource.last_turn = last[#last].owner
  if not begin(resource, groups) then return false end
  local went_well = submit(resource, groups)
  return went_well and not resource.rationed and (#waiting == room or #chosen < #assigned)
end

return dispatch
