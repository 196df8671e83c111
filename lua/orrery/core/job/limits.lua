-- `max_active`: of a simulation's or a sweep's jobs only so many are handed over at once. The others wait at its gate, outside
-- of the queues that core.submission.turns chooses from, and are let through as those before them end.
local data = require "orrery.data.limits"
local db = require "house.db"
local jobs = require "orrery.data.jobs"
local log = require "house.log"

local limits = {}

local CROWD = 500 -- jobs in one commit

local function commit(change)
  local ok, code, why = change:commit()
  if not ok then log.warn("limits not applied", { code = code, error = why }) end
  return ok
end

-- Jobs that were there before their simulation had a limit → true if there are more.
local function gate_some()
  local simulation = data.to_gate()
  if not simulation then return false end
  local list, change = jobs.of_simulation(simulation.key, simulation.gate_after, CROWD), db.change()
  data.gate(change, simulation, list, #list < CROWD)
  return commit(change)
end

-- How many more may pass a gate. `passed` counts those of each simulation that this commit lets through already.
local function room_at(gate, passed)
  local room = CROWD
  if gate.max_active then
    room = math.min(room, gate.max_active - data.active_of_simulation(gate.simulation, gate.max_active)
      - (passed[gate.simulation] or 0))
  end
  if gate.max_active_of_sweep then
    room = math.min(room, gate.max_active_of_sweep - data.active_of_sweep(gate.sweep, gate.max_active_of_sweep))
  end
  return room
end

-- → true if more may pass
local function let_through()
  local change, count, passed = nil, 0, {}
  for _, gate in ipairs(data.gates()) do
    local room = math.min(room_at(gate, passed), CROWD - count)
    local keys = room > 0 and data.first(gate.gate, room) or {}
    if #keys > 0 then
      change = change or db.change()
      data.pass(change, keys)
      count, passed[gate.simulation] = count + #keys, (passed[gate.simulation] or 0) + #keys
    end
  end
  return change ~= nil and commit(change) and count == CROWD
end

---Lets a crowd of jobs through → true if there is more to do now.
function limits.run()
  local more = gate_some()
  return let_through() or more
end

return limits
