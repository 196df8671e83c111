-- Simulations and the counts of their jobs.
local db = require "house.db"
local events = require "orrery.data.events"

local simulations = {}

local columns = [[s.key AS id, s.key AS born, s.owner, s.name, s.description, s.tags, s.state, s.wanted, s.max_active, s.ended_at,
  (SELECT '{"total":' || coalesce(sum(c.jobs), 0) ||
          coalesce(',' || group_concat('"' || c.state || '":' || c.jobs), '') || '}'
   FROM (SELECT state, jobs FROM counts WHERE simulation = s.key AND jobs > 0 ORDER BY state) c) AS counts,
  coalesce((SELECT round(1.0 * sum(CASE WHEN c.state IN ('COMPLETED', 'FAILED', 'CANCELED') THEN c.jobs ELSE 0 END)
                         / nullif(sum(c.jobs), 0), 4)
            FROM counts c WHERE c.simulation = s.key), 0.0) AS progress]]
local source = " FROM simulations s "

simulations.one = db.statement("SELECT " .. columns .. source .. "WHERE s.key = ? AND s.deleting = 0")
---The simulation as it is about to be: wanted, key.
simulations.one_next = db.statement("SELECT " .. columns:gsub("s%.wanted", "? AS wanted") .. source
  .. "WHERE s.key = ? AND s.deleting = 0")

---The statement of a page: which filters it has decides which. An owner's are fewer than all that are in some state.
---Its parameters: the filters' values in the order owner, state, name, then the key to go on from, then the limit.
function simulations.page(filter, descending)
  local where = { "s.deleting = 0" }
  if filter.owner then where[#where + 1] = "s.owner = ?" end
  if filter.state then where[#where + 1] = "s.state = ?" end
  if filter.name then where[#where + 1] = "s.name = ?" end
  where[#where + 1] = descending and "s.key < ?" or "s.key > ?"
  local from = source .. (filter.owner and "INDEXED BY simulations_by_owner " or "")
  return db.statement("SELECT " .. columns .. from .. "WHERE " .. table.concat(where, " AND ")
    .. " ORDER BY s.key " .. (descending and "DESC" or "ASC") .. " LIMIT ?")
end

local brief = db.statement "SELECT key, owner, name, state, wanted, max_active, deleting FROM simulations WHERE key = ?"
local insert = db.statement [[
  INSERT INTO simulations(key, owner, name, description, tags, max_active) VALUES(?, ?, ?, ?, ?, ?)]]
local update = db.statement [[
  UPDATE simulations SET name = coalesce(?, name), description = coalesce(?, description), tags = coalesce(?, tags)
  WHERE key = ? AND deleting = 0]]
local want = db.statement [[
  UPDATE simulations SET wanted = ?, steer = 1, steer_after = 0 WHERE key = ? AND deleting = 0]]
local touch = db.statement "UPDATE simulations SET key = key WHERE key = ? AND deleting = 0"
local touch_as = db.statement [[
  UPDATE simulations SET key = key WHERE key = ? AND deleting = 0
    AND replace(wanted, 'CANCEL', 'RUN') = replace(?, 'CANCEL', 'RUN') AND max_active IS ?]]
local count = db.statement [[
  INSERT INTO counts(simulation, state, jobs) VALUES(?, ?, ?)
  ON CONFLICT(simulation, state) DO UPDATE SET jobs = jobs + excluded.jobs]]
local state_event = db.statement [[
  INSERT INTO events(at, type, owner, simulation, data)
  SELECT ?, 'simulation.state', s.owner, s.key, '{"from":"' || s.state || '","to":"' || t.state || '"}'
  FROM simulation_totals t, simulations s WHERE t.simulation = ? AND s.key = ? AND s.state <> t.state]]
local settle = db.statement [[
  UPDATE simulations SET (state, ended_at) = (
    SELECT t.state, CASE WHEN t.state IN ('NEW', 'ACTIVE') THEN NULL ELSE ? END
    FROM simulation_totals t WHERE t.simulation = ?), emptied = 0
  WHERE key = ? AND state <> (SELECT t.state FROM simulation_totals t WHERE t.simulation = ?)]]
local to_steer = db.statement "SELECT key, owner, wanted, steer_after FROM simulations WHERE steer = 1 ORDER BY key LIMIT 16"
local steered = db.statement [[
  UPDATE simulations SET steer_after = ?, steer = ?, wanted = CASE WHEN ? THEN 'RUN' ELSE wanted END
  WHERE key = ? AND wanted = ?]]
local mark_deleting = db.statement [[
  UPDATE simulations SET deleting = 1 WHERE key = ? AND deleting = 0 AND state <> 'ACTIVE']]
local to_delete = db.statement "SELECT key, owner FROM simulations WHERE deleting = 1 ORDER BY key LIMIT 1"
local bury = db.statement "INSERT OR IGNORE INTO deleted(key, owner, deleted_at) VALUES(?, ?, ?)"
local delete = db.statement "DELETE FROM simulations WHERE key = ?"
-- Its own events that some reader has yet to read go later.
local leave_events = db.statement [[
  UPDATE deleted SET events = (
    SELECT max(number) FROM events WHERE simulation = ?1 AND (job IS NULL OR type = 'jobs.created')
      AND number > (SELECT min(number) FROM readers))
  WHERE key = ?1]]
local delete_counts = db.statement "DELETE FROM counts WHERE simulation = ?"
-- One that is still being written is taken back by who writes it; its jobs are hidden as long as it is there.
local delete_sweeps = db.statement "DELETE FROM sweeps WHERE simulation = ? AND ready = 1"

function simulations.get(key) return db.row(brief, key) end

function simulations.insert(change, row)
  change:add(insert, 1, row.key, row.owner, row.name, row.description, row.tags, row.max_active)
end

---What is nil stays as it is.
function simulations.update(change, key, row) change:add(update, 1, row.name, row.description, row.tags, key) end

---Guards that the simulation is still there when its new jobs are committed.
function simulations.touch(change, key) change:add(touch, 1, key) end
---The same, and that its jobs are still wanted to do what they were when its row was read, and as many at once: new ones
---were made so.
function simulations.touch_as(change, row) change:add(touch_as, 1, row.key, row.wanted, row.max_active) end

function simulations.want(change, key, wanted) change:add(want, 1, wanted, key) end

---Moves the counts, then the simulation's own state, which follows from them.
---@param deltas table<string, integer> by state
function simulations.count(change, key, deltas, now)
  for state, jobs in pairs(deltas) do
    if jobs ~= 0 then change:add(count, 1, key, state, jobs) end
  end
  change:add(state_event, nil, now, key, key)
  change:add(settle, nil, now, key, key, key)
end

function simulations.to_steer() return db.rows(to_steer) end

---How far `wanted` has come. When it is done, a CANCEL is forgotten: jobs added later run.
function simulations.steered(change, key, wanted, after, done)
  change:add(steered, nil, after, not done, done and wanted == "CANCEL", key, wanted)
end

---From here on it is gone for its users. Guarded: none of its jobs is to end yet.
function simulations.mark_deleting(change, row, now)
  change:add(mark_deleting, 1, row.key)
  change:add(bury, nil, row.key, row.owner, now)
end

function simulations.to_delete() return db.row(to_delete) end

---Its jobs must be gone.
function simulations.delete(change, row, now)
  events.forget_simulation(change, row.key)
  change:add(delete_counts, nil, row.key)
  change:add(delete_sweeps, nil, row.key)
  change:add(delete, 1, row.key)
  change:add(bury, nil, row.key, row.owner, now)
  change:add(leave_events, 1, row.key)
end

return simulations
