-- Retention: a site may say for how many days simulations that have ended are kept, and for how many the directories of
-- their jobs. What is older goes, a chunk in a commit. All that is under way can be seen in the store, so after a crash
-- the next round goes on.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local log = require "house.log"
local commit = require "orrery.core.commit"
local data = require "orrery.data.retention"

local retention = {}

local CHUNK, DAY_MS = 300, 24 * 3600000

-- Marks simulations as deleted; deletion.run takes them and their jobs away.
local function expire(before, now, counts)
  repeat
    local rows, change = data.expired(before, CHUNK), db.change()
    for _, row in ipairs(rows) do
      data.expire(change, row.key, before, now)
      counts.simulations, counts.jobs = counts.simulations + 1, counts.jobs + (row.jobs or 0)
    end
    if #rows > 0 then commit(change) end
  until #rows < CHUNK
end

local function empty(simulation, before, counts)
  local after = 0
  repeat
    local chunk, change = data.chunk(simulation, after, CHUNK), db.change()
    local more = chunk.jobs == CHUNK
    if chunk.jobs > 0 then data.empty(change, simulation, after, chunk.last, before) end
    if not more then data.emptied(change, simulation, before) end
    commit(change)
    after, counts.directories = chunk.last, counts.directories + chunk.jobs
  until not more
end

---One round: all that is too old now.
function retention.run()
  local days, now = config.retention, clock.now()
  local counts = { simulations = 0, jobs = 0, directories = 0 }
  if days.jobs_days then expire(now - days.jobs_days * DAY_MS, now, counts) end
  if days.directories_days then
    local before = now - days.directories_days * DAY_MS
    for simulation in data.with_directories, before do empty(simulation, before, counts) end
  end
  if counts.simulations + counts.directories > 0 then log.info("kept long enough", counts) end
end

return retention
