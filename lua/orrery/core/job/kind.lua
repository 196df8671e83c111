-- The kind of a job as its row has it: the number of the queue it waits in (core.submission.turns), 0 where it names its resource.
local digest = require "house.digest"
local spec = require "orrery.core.job.spec"

---@param job table a specification
---@param may_run_as integer of its row: a resource runs jobs as the service's account, or as their owners'
return function(job, may_run_as)
  if job.resource then return 0 end
  return tonumber(digest.sha256(may_run_as .. " " .. spec.kind(job)):sub(1, 15), 16)
end
