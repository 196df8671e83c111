-- Deleting: whole simulations, a chunk at a time, and the directories of deleted jobs. A simulation that is being deleted
-- is gone for its users at once.
local clock = require "house.clock"
local db = require "house.db"
local events = require "orrery.data.events"
local files = require "house.files"
local jobs = require "orrery.data.jobs"
local log = require "house.log"
local removals = require "orrery.data.removals"
local simulations = require "orrery.data.simulations"

local deletion = {}

local CHUNK, DEADLINE_MS = 300, 60000

---Deletes some more of the simulations that are to go → true if there is more to do.
function deletion.run()
  local simulation = simulations.to_delete()
  if not simulation then return false end
  local change, now = db.change(), clock.now()
  local list = jobs.of_simulation(simulation.key, 0, CHUNK)
  for _, job in ipairs(list) do jobs.delete(change, job, now) end
  if #list < CHUNK then
    events.forget(change, simulation.key)
    simulations.delete(change, simulation.key)
    jobs.bury(change, simulation.key, simulation.owner, now)
  end
  local ok, code, why = change:commit()
  if not ok then log.warn("simulation not deleted", { code = code, error = why }) end
  return ok
end

-- A job's directory holds its attempts': BASE/SIMULATION/JOB of BASE/SIMULATION/JOB/ATTEMPT. Whatever does not look so is
-- not ours to remove.
local function job_directory(attempt)
  local id = ("%x"):rep(8) .. "%-" .. (("%x"):rep(4) .. "%-"):rep(3) .. ("%x"):rep(12)
  return attempt:match("^(/.+/" .. id .. "/" .. id .. ")/%d+$")
end

local function remove_some(resource, rows)
  local paths, keys = {}, {}
  for _, row in ipairs(rows) do
    local path = job_directory(row.directory)
    if path and row.resource == resource then
      paths[#paths + 1] = path
      keys[#keys + 1] = row.key
    end
  end
  local removed, _, why = files.remove(resource .. " (removals)", paths, DEADLINE_MS)
  if not removed then return log.warn("directories not removed", { resource = resource, error = why }) end
  local change = db.change()
  for i, key in ipairs(keys) do
    if removed[i] then removals.done(change, key)
    else log.warn("directory not removed", { path = paths[i] }) end
  end
  change:commit()
end

---Removes the directories of deleted jobs, all that can be removed now. Runs as a task of its own: disks are slow.
function deletion.remove_directories()
  local after = 0
  repeat
    local rows, resources = removals.some(after, CHUNK), {}
    for _, row in ipairs(rows) do
      after = row.key
      resources[row.resource] = true
    end
    for resource in pairs(resources) do remove_some(resource, rows) end
  until #rows < CHUNK
end

return deletion
