-- Deleting: whole simulations, a chunk at a time, and the directories of deleted jobs. A simulation that is being deleted
-- is gone for its users at once.
local clock = require "house.clock"
local db = require "house.db"
local events = require "orrery.data.events"
local files = require "orrery.core.files"
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
local function place_of(row)
  local id = ("%x"):rep(8) .. "%-" .. (("%x"):rep(4) .. "%-"):rep(3) .. ("%x"):rep(12)
  local base, own = row.directory:match("^(/.*/)(" .. id .. "/" .. id .. ")/%d+$")
  return base and { base = base, own = own, resource = row.resource, account = row.account, key = row.key }
end

-- By the account that they are removed as: one that cannot be reached keeps no other's.
local function places_by_account(rows)
  local groups, by_name = {}, {}
  for _, row in ipairs(rows) do
    local place, name = place_of(row), row.resource .. "/" .. (row.account or "")
    if place and not by_name[name] then
      by_name[name] = {}
      groups[#groups + 1] = by_name[name]
    end
    if place then table.insert(by_name[name], place) end
  end
  return groups
end

local function remove_some(places)
  local resource, account = places[1].resource, places[1].account
  local removed, _, why = files.remove(resource .. " (removals)", places, DEADLINE_MS)
  if not removed then
    return log.warn("directories not removed", { resource = resource, account = account, error = why })
  end
  local change = db.change()
  for i, place in ipairs(places) do
    if removed[i] then removals.done(change, place.key)
    else log.warn("directory not removed", { path = place.base .. place.own }) end
  end
  change:commit()
end

---Removes the directories of deleted jobs, all that can be removed now. Runs as a task of its own: disks are slow.
function deletion.remove_directories()
  local after = 0
  repeat
    local rows = removals.some(after, CHUNK)
    for _, places in ipairs(places_by_account(rows)) do remove_some(places) end
    after = #rows > 0 and rows[#rows].key or after
  until #rows < CHUNK
end

return deletion
