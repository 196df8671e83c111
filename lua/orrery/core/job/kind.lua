-- The kind of a job as its row has it: the number of the queue it waits in (core.submission.turns), 0 where it names its resource.
local digest = require "house.digest"
local spec = require "orrery.core.job.spec"

---@param job table a specification
return function(job) return job.resource and 0 or tonumber(digest.sha256(spec.kind(job)):sub(1, 15), 16) end
