-- Signals for jobs that are yet to be sent.
local db = require "house.db"

local signals = {}

local insert = db.statement [[
  INSERT INTO signals(resource, job, name)
  SELECT resource, key, ?2 FROM jobs WHERE key = ?1 AND state IN ('ACTIVE', 'SUSPENDED')]]
local some = db.statement [[
  SELECT s.number, s.name, s.job AS key, j.native_id FROM signals s LEFT JOIN jobs j ON j.key = s.job
  WHERE s.resource = ? ORDER BY s.number LIMIT ?]]
local take = db.statement "DELETE FROM signals WHERE number = ?"

---Guarded: the job is running, or suspended.
function signals.insert(change, job, name) change:add(insert, 1, job, name) end

---The oldest for jobs of a resource: {number, name, key, native_id}.
function signals.some(resource, limit) return db.rows(some, resource, limit) end

function signals.take(change, number) change:add(take, 1, number) end

return signals
