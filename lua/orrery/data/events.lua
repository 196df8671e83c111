-- The log. Events are only ever appended, in the commit that changed what they tell of.
local db = require "house.db"
local json = require "house.json"

local events = {}

local insert = db.statement "INSERT INTO events(at, type, owner, simulation, job, data) VALUES(?, ?, ?, ?, ?, ?)"
local of_job = db.statement [[
  SELECT number, at, type, data FROM events WHERE job = ? AND type <> 'jobs.created' AND number > ?
  ORDER BY number LIMIT ?]]
local chunk_of = db.statement [[
  SELECT number, at, job, data FROM events WHERE type = 'jobs.created' AND job <= ? ORDER BY job DESC LIMIT 1]]
local forget = db.statement "DELETE FROM events WHERE simulation = ? AND job IS NULL"
local forget_chunks = db.statement [[
  DELETE FROM events WHERE number IN (
    SELECT e.number FROM sweeps w CROSS JOIN events e INDEXED BY events_of_chunks
    WHERE w.simulation = ? AND w.ready = 1 AND e.type = 'jobs.created'
      AND e.job BETWEEN w.first_job AND w.first_job + w.jobs - 1)]]
local newest = db.statement "SELECT seq FROM sqlite_sequence WHERE name = 'events'" -- though it may be gone again
local oldest = db.statement "SELECT events_from FROM installation"

---@param data table|nil what happened, in words of the event's type
function events.append(change, at, type, owner, simulation, job, data)
  change:add(insert, 1, at, type, owner, simulation, job, data and json.encode(data))
end

---The events of one job after a number, oldest first, with `data` decoded.
function events.of_job(job, after, limit)
  local rows = db.rows(of_job, job, after, limit)
  for _, row in ipairs(rows) do row.data = row.data and json.decode(row.data) or {} end
  return rows
end

---The event by which a sweep's job came to be, which it shares with its chunk.
function events.creation_of(job)
  local row = db.row(chunk_of, job)
  if not row then return nil end
  row.data = json.decode(row.data)
  return job < row.job + row.data.count and row or nil
end

---Deletes what happened to a simulation, and the creation of its sweeps, while these are known; its jobs' own events go
---with the jobs (data.jobs).
function events.forget(change, simulation)
  change:add(forget, nil, simulation)
  change:add(forget_chunks, nil, simulation)
end

---The number of the last event that was appended.
function events.newest() return db.value(newest) or 0 end

---The number from which on keeping has removed nothing: whoever has come as far as the one before misses nothing.
function events.oldest() return db.value(oldest) or 1 end

return events
