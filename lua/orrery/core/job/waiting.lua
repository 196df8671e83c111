-- Pending jobs that nobody may be given yet: they wait for their time (`not_before`, back-off) or for other jobs
-- (`depends_on`). They are in none of the queues that core.submission.turns chooses from, and come into one here. An end is noted for
-- those who depend on it in the commit that makes it an end; there may be a million of them, so they are told in chunks.
local clock = require "house.clock"
local data = require "orrery.data.waiting"
local ids = require "house.ids"
local lifecycle = require "orrery.core.job.lifecycle"
local log = require "house.log"

local waiting = {}

local CROWD = 500    -- jobs in one commit
local LEAST_MS = 100 -- between two looks, so that a store in trouble is not asked without pause

local function commit(batch)
  local ok, code, why = batch:commit()
  if not ok and code ~= "conflict" then log.warn("waiting jobs not brought on", { code = code, error = why }) end
  return ok
end

-- → true if there are more
local function bring_due()
  local keys = data.due(clock.now(), CROWD)
  if #keys == 0 then return false end
  local batch = lifecycle.batch()
  data.come(batch.change, keys)
  return commit(batch) and #keys == CROWD
end

local function is_met(condition, state) return condition == "ended" or condition:upper() == state end

-- Tells the jobs `first` to `last` how one that they depend on ended. `failed` are the keys of those that this batch has
-- failed already.
local function tell(batch, outcome, condition, first, last, failed)
  local met, good = {}, is_met(condition, outcome.state)
  for _, job in ipairs(data.who_wait(first, last)) do
    if good then met[#met + 1] = job.key
    elseif not failed[job.key] then
      failed[job.key] = true
      batch:move(job, "FAILED", { reason = "DEPENDENCY",
        message = ("it depends on job %s, which is %s"):format(ids.text(outcome.job), outcome.state) })
    end
  end
  if #met > 0 then data.met(batch.change, met) end
end

-- → true if there are more
local function tell_dependants()
  local batch, room, failed = lifecycle.batch(), CROWD, {}
  for _, outcome in ipairs(data.outcomes(CROWD)) do
    if room == 0 then break end
    data.still(batch.change, outcome)
    for _, dependant in ipairs(data.dependants(outcome.job, room)) do
      local last = math.min(dependant.last_job, dependant.first_job + room - 1)
      tell(batch, outcome, dependant.condition, dependant.first_job, last, failed)
      data.told(batch.change, outcome, dependant, last)
      room = room - (last - dependant.first_job + 1)
      if room == 0 then break end
    end
    data.all_told(batch.change, outcome)
  end
  if batch:empty() then return false end
  return commit(batch) -- those that failed may have dependants of their own
end

---Brings on a chunk of the jobs that need to wait no longer → true if there is more to do now.
function waiting.run()
  local more = bring_due()
  return tell_dependants() or more
end

---When there will be something to do, in milliseconds from now; nil when nothing waits for its time.
function waiting.next_ms()
  local due_at = data.next_due()
  return due_at and math.max(due_at - clock.now(), LEAST_MS)
end

return waiting
