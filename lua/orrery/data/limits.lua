-- Jobs that wait at the gate of a simulation or sweep, of which no more than `max_active` may be handed over at once.
local db = require "house.db"
local visible = require "orrery.data.visible"

local limits = {}

-- Those who wait for nothing else: the index jobs_gated, where a gate is named.
local at_gate = "j.state = 'PENDING' AND j.wanted = 'RUN' AND j.due_at IS NULL AND j.waits = 0"

-- From one gate to the next by the index, however many wait at each.
local gates = db.statement(([[
  WITH RECURSIVE known(gate) AS (
    SELECT (SELECT min(j.gate) FROM jobs j INDEXED BY jobs_gated WHERE <at_gate> AND j.gate > 0)
    UNION ALL
    SELECT (SELECT min(j.gate) FROM jobs j INDEXED BY jobs_gated WHERE <at_gate> AND j.gate > known.gate)
    FROM known WHERE known.gate IS NOT NULL)
  SELECT s.key AS simulation, s.max_active, w.key AS sweep, w.max_active AS max_active_of_sweep, g.gate
  FROM known g LEFT JOIN sweeps w ON w.key = g.gate JOIN simulations s ON s.key = coalesce(w.simulation, g.gate)
  ORDER BY g.gate]]):gsub("<at_gate>", at_gate))
local function let_through(index, column)
  return db.statement(([[
    SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY %s WHERE %s = ? AND let_through = 1
      AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELED') LIMIT ?)]]):format(index, column))
end
local of_simulation = let_through("jobs_let_through", "simulation")
local of_sweep = let_through("jobs_let_through_of_sweeps", "sweep")
local first = db.statement("SELECT j.key FROM jobs j INDEXED BY jobs_gated WHERE " .. at_gate .. " AND j.gate = ? AND "
  .. visible.condition .. " ORDER BY j.priority DESC, j.key LIMIT ?")
local pass = db.statement "UPDATE jobs SET gate = NULL, let_through = 1 WHERE key = ? AND gate IS NOT NULL"

local set = db.statement [[
  UPDATE simulations SET max_active = ?1, gating = CASE WHEN ?1 IS NULL THEN 0 WHEN max_active IS NULL THEN 1 ELSE gating END,
    gate_after = CASE WHEN max_active IS NULL THEN 0 ELSE gate_after END
  WHERE key = ?2 AND deleting = 0]]
local to_gate = db.statement "SELECT key, gate_after FROM simulations WHERE gating = 1 ORDER BY key LIMIT 1"
local gated = db.statement "UPDATE simulations SET gate_after = ?, gating = ? WHERE key = ? AND gating = 1"
local gate = db.statement [[
  UPDATE jobs SET gate = CASE WHEN state IN ('NEW', 'PENDING') THEN ?2 END, let_through = state NOT IN ('NEW', 'PENDING')
  WHERE key = ?1 AND gate IS NULL AND let_through = 0 AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELED')]]

---The gate that a new job comes to, by the rows of its simulation and, if it has one, its sweep; nil: none.
function limits.gate_of(simulation, sweep)
  return sweep and sweep.max_active and sweep.key or simulation.max_active and simulation.key or nil
end

---Where jobs wait: {gate, simulation, max_active, sweep, max_active_of_sweep}; the maxima are nil where there is no limit.
function limits.gates() return db.rows(gates) end

---How many jobs have been let through and not ended; not counted beyond `most`.
function limits.active_of_simulation(key, most) return db.value(of_simulation, key, most) end
function limits.active_of_sweep(key, most) return db.value(of_sweep, key, most) end

---The keys of the first jobs at a gate: the more urgent first, then the older.
function limits.first(key, most)
  local keys = db.rows(first, key, most)
  for i, row in ipairs(keys) do keys[i] = row.key end
  return keys
end

function limits.pass(change, keys) change:add_rows(pass, nil, 1, keys) end

---Gives a simulation another limit (nil: none).
function limits.set(change, simulation, most) change:add(set, 1, most, simulation) end

---A simulation whose jobs have yet to obey its limit: {key, gate_after} | nil
function limits.to_gate() return db.row(to_gate) end

---Those jobs of it wait at its gate, if they wait at none; such as were handed over count as let through.
function limits.gate(change, simulation, list, done)
  local cells = {}
  for _, job in ipairs(list) do cells[#cells + 1], cells[#cells + 2] = job.key, simulation.key end
  if #list > 0 then change:add_rows(gate, nil, 2, cells) end
  change:add(gated, nil, #list > 0 and list[#list].key or simulation.gate_after, done and 0 or 1, simulation.key)
end

return limits
