-- Where jobs that name no resource go: to any that fits, whose they are from the first attempt on. One that takes none any
-- more lets go of those that wait for it, so that another may have them.
local db = require "house.db"
local jobs = require "orrery.data.jobs"
local log = require "house.log"

local placement = {}

local NAMED = 0 -- the kind of jobs that name their resource

---@param resource resource it is drained, or disabled
function placement.let_go(resource)
  local change = db.change()
  for _, queue in ipairs(jobs.queues(resource.name)) do
    if queue.kind ~= NAMED then jobs.let_go(change, queue) end
  end
  if change:size() == 0 then return end
  local ok, _, why = change:commit()
  if not ok then log.warn("jobs not let go", { resource = resource.name, error = why }) end
end

return placement
