-- What has been kept long enough: simulations by the time at which they ended. One that has become active again since it
-- was looked for is left alone by every statement here.
local db = require "house.db"

local retention = {}

local expired = db.statement [[
  SELECT s.key, (SELECT sum(c.jobs) FROM counts c WHERE c.simulation = s.key) AS jobs
  FROM simulations s INDEXED BY simulations_by_end
  WHERE s.ended_at < ? AND s.deleting = 0 ORDER BY s.ended_at LIMIT ?]]
local expire = db.statement "UPDATE simulations SET deleting = 1 WHERE key = ? AND deleting = 0 AND ended_at < ?"

local tell_expired = db.statement [[
  INSERT INTO events(at, type, owner, simulation, data)
  SELECT ?3, 'simulation.deleted', owner, key, '{"by":null}' FROM simulations
  WHERE key = ?1 AND deleting = 0 AND ended_at < ?2]]

local with_directories = db.statement [[
  SELECT key FROM simulations INDEXED BY simulations_to_empty
  WHERE ended_at < ? AND deleting = 0 AND emptied = 0 ORDER BY ended_at LIMIT 1]]
local chunk = db.statement [[
  SELECT count(*) AS jobs, max(key) AS last FROM (
    SELECT key FROM jobs WHERE simulation = ? AND key > ? AND coalesce(directory, inputs) IS NOT NULL ORDER BY key LIMIT ?)]]
local theirs = [[ WHERE simulation = ?1 AND key > ?2 AND key <= ?3 AND coalesce(directory, inputs) IS NOT NULL
    AND EXISTS (SELECT 1 FROM simulations s WHERE s.key = ?1 AND s.ended_at < ?4)]]
local note = db.statement([[
  INSERT OR IGNORE INTO removals(key, resource, directory, account)
  SELECT key, resource, coalesce(directory, inputs), account FROM jobs]] .. theirs)
local forget = db.statement("UPDATE jobs SET directory = NULL, inputs = NULL" .. theirs)
local emptied = db.statement "UPDATE simulations SET emptied = 1 WHERE key = ? AND ended_at < ?"

---Simulations that ended before a time, the oldest first, with the number of their jobs.
function retention.expired(before, limit) return db.rows(expired, before, limit) end

---From here on the simulation is being deleted (core.job.deletion).
function retention.expire(change, key, before, now)
  change:add(tell_expired, nil, key, before, now)
  change:add(expire, nil, key, before)
end

---@return integer|nil key of a simulation that ended before a time, and may still have directories
function retention.with_directories(before) return db.value(with_directories, before) end

---@return {jobs:integer, last:integer|nil} chunk of the simulation's jobs beyond a key that have directories
function retention.chunk(simulation, after, limit) return db.row(chunk, simulation, after, limit) end

---The directories of the jobs of a chunk are to be removed (data.removals), and are the jobs' no more.
function retention.empty(change, simulation, after, last, before)
  change:add(note, nil, simulation, after, last, before)
  change:add(forget, nil, simulation, after, last, before)
end

function retention.emptied(change, simulation, before) change:add(emptied, nil, simulation, before) end

return retention
