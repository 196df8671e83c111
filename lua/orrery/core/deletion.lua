-- Deleting whole simulations, a chunk at a time. A simulation that is being deleted is gone for its users at once.
local clock = require "house.clock"
local db = require "house.db"
local jobs = require "orrery.data.jobs"
local log = require "house.log"
local simulations = require "orrery.data.simulations"

local deletion = {}

local CHUNK = 300

---Deletes some more → true if there is more to do.
function deletion.run()
  local simulation = simulations.to_delete()
  if not simulation then return false end
  local change, now = db.change(), clock.now()
  local list = jobs.of_simulation(simulation.key, 0, CHUNK)
  for _, job in ipairs(list) do jobs.delete(change, job.key, job.owner, now) end
  if #list < CHUNK then
    simulations.delete(change, simulation.key)
    jobs.bury(change, simulation.key, simulation.owner, now)
  end
  local ok, code, why = change:commit()
  if not ok then log.warn("simulation not deleted", { code = code, error = why }) end
  return ok
end

return deletion
