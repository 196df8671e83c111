-- Sending signals to running jobs. A signal must not come twice, so it is taken out of the store before its scheduler is
-- asked: one that a crash or a time-out overtakes may never come.
local data = require "orrery.data.signals"
local dispatch = require "orrery.core.dispatch"
local lifecycle = require "orrery.core.lifecycle"

local signals = {}

local CROWD = 256

local function refuse(batch, job, name, why)
  batch:tell(job, "job.refused", { verb = "signal", name = name, message = why })
end

-- Takes the oldest out of the store → the jobs to be sent the same signal, and its name.
local function take(resource)
  local list, name, batch = {}, nil, lifecycle.batch()
  for _, row in ipairs(data.some(resource.name, CROWD)) do
    local job = row.native_id and resource.live[row.native_id]
    name = name or row.name
    if row.name ~= name then break end
    data.take(batch.change, row.number)
    if job and not resource.info.verbs.signal then refuse(batch, job, name, resource.scheduler .. " has no signal")
    elseif job then list[#list + 1] = job end -- else: it has ended
  end
  return dispatch.commit(resource, batch) and list or {}, name
end

---Sends what is to be sent to the resource's jobs.
function signals.send(resource)
  if not resource:ready() then return end
  local list, name = take(resource)
  if #list == 0 then return end
  local reported = {}
  local code, why = resource:call_on("signal", list, function(reports)
    local batch = lifecycle.batch()
    for i, report in pairs(reports) do
      local failure = resource.failure(report)
      reported[i] = true
      if failure then refuse(batch, list[i], name, failure.message) end
    end
    dispatch.commit(resource, batch)
  end, { name = name })
  local batch = lifecycle.batch()
  for i, job in ipairs(list) do
    if not reported[i] then refuse(batch, job, name, ("it may not have come: %s"):format(why or code)) end
  end
  dispatch.commit(resource, batch)
end

return signals
