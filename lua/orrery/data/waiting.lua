-- Jobs that are not ready to be handed over: they wait for their time, or for other jobs.
local db = require "house.db"

local waiting = {}

-- For their time --------------------------------------------------------------------------------------------------

local next_due = db.statement [[
  SELECT min(due_at) FROM jobs INDEXED BY jobs_due WHERE state = 'PENDING' AND due_at IS NOT NULL]]
local due = db.statement [[
  SELECT key FROM jobs INDEXED BY jobs_due WHERE state = 'PENDING' AND due_at IS NOT NULL AND due_at <= ?
  ORDER BY due_at LIMIT ?]]
local come = db.statement "UPDATE jobs SET due_at = NULL WHERE key = ? AND state = 'PENDING'"

---When the next job's time has come | nil
function waiting.next_due() return db.value(next_due) end

---Keys of jobs whose time has come.
function waiting.due(now, limit)
  local keys = db.rows(due, now, limit)
  for i, row in ipairs(keys) do keys[i] = row.key end
  return keys
end

---From now on these jobs do not wait for their time.
function waiting.come(change, keys) change:add_rows(come, nil, 1, keys) end

-- For other jobs --------------------------------------------------------------------------------------------------

local depend = db.statement [[
  INSERT INTO dependencies(needs, first_job, last_job, condition)
  SELECT j.key, ?2, ?3, ?4 FROM jobs j WHERE j.key = ?1 AND j.owner = ?5]]
local ended_already = db.statement [[
  INSERT OR IGNORE INTO outcomes(job, state)
  SELECT key, state FROM jobs WHERE key = ? AND state IN ('COMPLETED', 'FAILED', 'CANCELED')]]
local ended = db.statement [[
  INSERT OR IGNORE INTO outcomes(job, state)
  SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM dependencies WHERE needs = ?1)]]
-- Once more, for a job that has been tried already; it may still be among those of a sweep that do not know.
local depend_again = db.statement [[
  INSERT INTO dependencies(needs, first_job, last_job, condition)
  SELECT j.key, ?2, ?2, ?3 FROM jobs j WHERE j.key = ?1 AND NOT EXISTS (
    SELECT 1 FROM dependencies d WHERE d.needs = ?1 AND ?2 BETWEEN d.first_job AND d.last_job)]]
local count_again = db.statement [[
  UPDATE jobs SET waits = (SELECT count(*) FROM dependencies d, json_each(?2) n
                           WHERE d.needs = n.value AND ?1 BETWEEN d.first_job AND d.last_job)
  WHERE key = ?1]]
local unended = db.statement "DELETE FROM outcomes WHERE job = ?"
local outcomes = db.statement "SELECT job, state FROM outcomes ORDER BY job LIMIT ?"
local still = db.statement "UPDATE outcomes SET state = state WHERE job = ? AND state = ?"
local all_told = db.statement [[
  DELETE FROM outcomes WHERE job = ?1 AND NOT EXISTS (SELECT 1 FROM dependencies WHERE needs = ?1)]]
local dependants = db.statement [[
  SELECT first_job, last_job, condition FROM dependencies WHERE needs = ? ORDER BY first_job LIMIT ?]]
local told = db.statement "DELETE FROM dependencies WHERE needs = ? AND first_job = ?"
local told_up_to = db.statement "UPDATE dependencies SET first_job = ?3 WHERE needs = ?1 AND first_job = ?2"
local who_wait = db.statement [[
  SELECT key, simulation, owner, state FROM jobs
  WHERE key BETWEEN ? AND ? AND waits > 0 AND state IN ('NEW', 'PENDING')]]
local met = db.statement "UPDATE jobs SET waits = waits - 1 WHERE key = ? AND waits > 0"

---The jobs `first` to `last` depend on one of the same owner; guarded: it exists. It may have ended already.
function waiting.depend(change, needs, owner, first, last, condition)
  change:add(depend, 1, needs, first, last, condition, owner)
  change:add(ended_already, nil, needs)
end

---The job depends on another as at first, if that is still there. It may have ended already.
function waiting.depend_again(change, needs, job, condition)
  change:add(depend_again, nil, needs, job, condition)
  change:add(ended_already, nil, needs)
end

---How many of these jobs (a JSON list of their keys) it waits for.
function waiting.count_again(change, job, needs) change:add(count_again, 1, job, needs) end

---The job has not ended after all: those that do not know of its end yet wait for the next one.
function waiting.unended(change, job) change:add(unended, nil, job) end

---Part of every end of a job: notes it, if others depend on the job.
function waiting.ended(change, job, state) change:add(ended, nil, job, state) end

---Some jobs that ended and of which others have to know it: {job, state}.
function waiting.outcomes(limit) return db.rows(outcomes, limit) end

---Guards that it is still so.
function waiting.still(change, outcome) change:add(still, 1, outcome.job, outcome.state) end

---What depends on a job: {first_job, last_job, condition}.
function waiting.dependants(job, limit) return db.rows(dependants, job, limit) end

---Those from `first` to `last` that wait for other jobs.
function waiting.who_wait(first, last) return db.rows(who_wait, first, last) end

---A condition of each of these jobs is met.
function waiting.met(change, keys) change:add_rows(met, nil, 1, keys) end

---The dependants up to this one know the outcome.
function waiting.told(change, outcome, dependant, last)
  if last == dependant.last_job then change:add(told, 1, outcome.job, dependant.first_job)
  else change:add(told_up_to, 1, outcome.job, dependant.first_job, last + 1) end
end

---Forgets the outcome, unless somebody is yet to know it.
function waiting.all_told(change, outcome) change:add(all_told, nil, outcome.job) end

return waiting
