-- The log. Events are only ever appended, in the commit that changed what they tell of.
local db = require "house.db"
local json = require "house.json"

local events = {}

local insert = db.statement "INSERT INTO events(at, type, owner, simulation, job, data) VALUES(?, ?, ?, ?, ?, ?)"
local of_job = db.statement [[
  SELECT number, at, type, data FROM events WHERE job = ? AND type <> 'jobs.created' AND number > ?
  ORDER BY number LIMIT ?]]

local columns = "number, at, type, owner, simulation, job, data"

-- Some users' events are large: of a chunk no more is read than `bytes`, a parameter, allows to be in memory at once, but always
-- one.
local function chunk_where(condition, limit, bytes)
  return db.statement(([[SELECT %s FROM (
      SELECT %s, sum(length(data)) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM events WHERE %s ORDER BY number LIMIT %s)
    WHERE before IS NULL OR before < %s ORDER BY number]]):format(columns, columns, condition, limit, bytes))
end

local some_after = chunk_where("number > ?1", "?2", "?3")
local between = chunk_where("number > ?1 AND number <= ?2 AND (?3 IS NULL OR owner = ?3) AND (?4 IS NULL OR simulation = ?4)",
  "?5", "?6")
local about_job = chunk_where("job = ?1 AND type <> 'jobs.created' AND number > ?2 AND number <= ?3", "?4", "?5")
local chunk_of = db.statement("SELECT " .. columns
  .. " FROM events WHERE type = 'jobs.created' AND job <= ? ORDER BY job DESC LIMIT 1")

-- What is a deleted job's or simulation's own, as far as all readers have come. That it was deleted is told for longer.
local read_by_all = " AND number <= coalesce((SELECT min(number) FROM readers), 9223372036854775807)"
local of_job_alone = "job = ? AND type NOT IN ('jobs.created', 'job.deleted')"
local of_simulation_alone = "simulation = ? AND (job IS NULL OR type = 'jobs.created') AND type <> 'simulation.deleted'"
local forget_job = db.statement("DELETE FROM events WHERE " .. of_job_alone .. read_by_all)
local forget_simulation = db.statement("DELETE FROM events WHERE " .. of_simulation_alone .. read_by_all)
local some_forgotten = db.statement("SELECT key FROM deleted INDEXED BY deleted_with_events WHERE events IS NOT NULL"
  .. read_by_all:gsub("number <=", "events <=") .. " ORDER BY events LIMIT ?")
local forgotten = db.statement "UPDATE deleted SET events = NULL WHERE key = ?"

local newest = db.statement "SELECT seq FROM sqlite_sequence WHERE name = 'events'" -- though it may be gone again
local oldest = db.statement "SELECT events_from FROM installation"

local first_from = db.statement "SELECT number, at FROM events WHERE number >= ? ORDER BY number LIMIT 1"

---@param data table|nil what happened, in words of the event's type
function events.append(change, at, type, owner, simulation, job, data)
  change:add(insert, 1, at, type, owner, simulation, job, data and json.encode(data))
end

---What an event tells, in the words of its type; of a row that was tampered with: perhaps nothing.
---@return table
function events.words(row)
  local words = row.data and json.decode(row.data)
  return type(words) == "table" and words or {}
end

local MOST_JOBS = 1000000 -- of a sweep: what says that it is of more was tampered with, and whoever counts them would not end

---How many jobs it is of, beginning with its own.
function events.jobs(row)
  if not row.job then return 0 end
  local count = row.type == "jobs.created" and math.tointeger(events.words(row).count)
  return count and count > 0 and count <= MOST_JOBS and count or 1
end

---The events of one job after a number, oldest first.
function events.of_job(job, after, limit) return db.rows(of_job, job, after, limit) end

---The event by which a sweep's job came to be, which it shares with its chunk.
function events.creation_of(job)
  local row = db.row(chunk_of, job)
  return row and job < row.job + events.jobs(row) and row or nil
end

-- Up to which number rows are all that there are: a chunk that has grown to its limit, or may have, is followed by others.
local function reached(rows, last, limit, bytes)
  local size = 0
  for _, row in ipairs(rows) do size = size + #(row.data or "") end
  return (#rows >= limit or size >= bytes) and rows[#rows].number or last
end

---Those after a number, up to another; of an owner and of a simulation, where these are given. Fewer than `limit` if their data
---come to so many bytes before.
---@return table[] rows as `cloud.text` takes them
---@return integer number up to which these are all
function events.between(number, last, owner, simulation, limit, bytes)
  local rows = db.rows(between, number, last, owner, simulation, limit, bytes)
  return rows, reached(rows, last, limit, bytes)
end

---Those about one job, with the one by which it came to be, likewise.
function events.about_job(job, number, last, limit, bytes)
  local rows, created = db.rows(about_job, job, number, last, limit, bytes), events.creation_of(job)
  if created and created.number > number and created.number <= last then
    table.insert(rows, 1, created) -- nothing happened to it earlier
  end
  return rows, reached(rows, last, limit, bytes)
end

---Deletes what happened to a deleted job. What some reader has yet to read stays; data.jobs notes that it is to go.
function events.forget_job(change, job) change:add(forget_job, nil, job) end

---The same of a simulation, and of the creation of its sweeps' jobs.
function events.forget_simulation(change, simulation) change:add(forget_simulation, nil, simulation) end

---Some of the deleted jobs and simulations whose events had to stay, and need not any more: {key}.
function events.to_forget(limit) return db.rows(some_forgotten, limit) end

function events.forget(change, key)
  change:add(forget_job, nil, key)
  change:add(forget_simulation, nil, key)
  change:add(forgotten, nil, key)
end

local MOST_BYTES = 8 << 20

---The events after a number, oldest first, as `cloud.text` takes them. At most `limit`, and fewer if they are large: there
---are no more if there are none.
function events.after(number, limit) return db.rows(some_after, number, limit, MOST_BYTES) end

---The number of the last event that was appended.
function events.newest() return db.value(newest) or 0 end

---The number from which on keeping has removed nothing: whoever has come as far as the one before misses nothing.
function events.oldest() return db.value(oldest) or 1 end

---The number of the last event before a time. Some tell of what was found out late, so it is as near as the log is in order.
function events.before(time)
  local low, high = 0, events.newest() -- those up to `low` were before, those beyond `high` were not
  while low < high do
    local middle = (low + high + 1) // 2
    local event = db.row(first_from, middle)
    if event and event.number <= high and event.at < time then low = event.number else high = middle - 1 end
  end
  return low
end

return events
