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
local webhooks = require "orrery.data.webhooks"

local deletion = {}

local CHUNK, DEADLINE_MS = 300, 60000

-- Events of what was deleted go as soon as all readers of the log have read them.
local function forget()
  local list, change = events.to_forget(CHUNK), db.change()
  if #list == 0 then return false end
  for _, row in ipairs(list) do events.forget(change, row.key) end
  return change:commit()
end

---Deletes some more of the simulations that are to go → true if there is more to do.
function deletion.run()
  local simulation = simulations.to_delete()
  if not simulation then return forget() end
  local change, now = db.change(), clock.now()
  local list = jobs.of_simulation(simulation.key, 0, CHUNK)
  for _, job in ipairs(list) do jobs.delete(change, job, now) end
  if #list < CHUNK then
    simulations.delete(change, simulation, now)
    webhooks.end_of_simulation(change, simulation.key)
  end
  local ok, code, why = change:commit()
  if not ok then log.warn("simulation not deleted", { code = code, error = why }) end
  return ok
end

local ID = ("%x"):rep(8) .. "%-" .. (("%x"):rep(4) .. "%-"):rep(3) .. ("%x"):rep(12)

-- A job's directory holds its attempts': BASE/SIMULATION/JOB of BASE/SIMULATION/JOB/ATTEMPT. Whatever does not look so is
-- not ours to remove.
local function place_of(row)
  local base, own = row.directory:match("^(/.*/)(" .. ID .. "/" .. ID .. ")/%d+$")
  return base and { base = base, own = own, resource = row.resource, account = row.account }
end

local told = {} -- why those of an account on a resource were not removed, so that it is not said at every try

local function tell(whose, row, why)
  if why and told[whose] ~= why then
    log.warn("directories not removed", { resource = row.resource, account = row.account, error = why })
  end
  told[whose] = why
end

-- Those of one account on one resource → whether they could be looked at.
local function remove_some(whose, rows)
  local places, keys, resource = {}, {}, rows[1].resource
  for _, row in ipairs(rows) do
    local place = place_of(row)
    if place then places[#places + 1], keys[#keys + 1] = place, row.key end
  end
  local removed, _, why = files.remove(resource .. " (removals)", places, DEADLINE_MS)
  tell(whose, rows[1], why)
  if not removed then return false end
  local change = db.change()
  for i, key in ipairs(keys) do
    if removed[i] then removals.done(change, key)
    else log.warn("directory not removed", { resource = resource, path = places[i].base .. places[i].own }) end
  end
  change:commit()
  return true
end

---Removes the directories of deleted jobs, all that can be removed now. Runs as a task of its own: disks are slow. An account
---that does not answer costs the others one wait, however many directories it has.
function deletion.remove_directories()
  local after, silent = 0, {}
  repeat
    local rows, by_account = removals.some(after, CHUNK), {}
    for _, row in ipairs(rows) do
      local whose = row.resource .. "\0" .. (row.account or "")
      after = row.key
      by_account[whose] = by_account[whose] or {}
      table.insert(by_account[whose], row)
    end
    for whose, list in pairs(by_account) do silent[whose] = silent[whose] or not remove_some(whose, list) end
  until #rows < CHUNK
end

return deletion
