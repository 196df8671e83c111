-- Orders: what schedulers are yet to be told of jobs that they hold.
local db = require "house.db"

local orders = {}

-- By verb: for jobs in one of these states.
local function insert_for(states)
  return db.statement(([[
    INSERT INTO orders(resource, job, verb, words)
    SELECT resource, key, ?2, ?3 FROM jobs WHERE key = ?1 AND state IN (%s)]]):format(states))
end
local insert = { signal = insert_for "'ACTIVE', 'SUSPENDED'",
  alter = insert_for "'PENDING', 'STAGE_IN', 'SUBMITTING', 'QUEUED', 'HELD', 'ACTIVE', 'SUSPENDED', 'STAGE_OUT'" }
local count = db.statement "UPDATE jobs SET edition = edition + 1 WHERE key = ?"
local some = db.statement [[
  SELECT o.number, o.verb, o.words, o.job AS key, j.simulation, j.owner, j.state, j.native_id
  FROM orders o LEFT JOIN jobs j ON j.key = o.job
  WHERE o.resource = ? AND j.state IS NOT 'SUBMITTING' ORDER BY o.number LIMIT ?]]
local any = db.statement "SELECT 1 FROM orders WHERE job = ? AND verb = ? LIMIT 1"
local done = db.statement "DELETE FROM orders WHERE number = ?"

---Guarded: the job is in a state for it.
---@param words string JSON
function orders.insert(change, job, verb, words)
  change:add(insert[verb], 1, job, verb, words)
  if verb == "alter" then change:add(count, 1, job) end
end

---Whether there is one for a job.
function orders.any(job, verb) return db.value(any, job, verb) ~= nil end

---The oldest for jobs of a resource, but for those that wait for a native id: {number, verb, words}, and of the job key,
---simulation, owner, state, native_id; no state: it was deleted.
function orders.some(resource, limit) return db.rows(some, resource, limit) end

function orders.done(change, number) change:add(done, nil, number) end

return orders
