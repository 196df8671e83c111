-- Signals for running jobs: recorded and answered 202; the control worker has them sent.
local clock = require "house.clock"
local db = require "house.db"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local events = require "orrery.data.events"
local job_api = require "orrery.api.jobs"
local jobs = require "orrery.data.jobs"
local json = require "house.json"
local orders = require "orrery.data.orders"
local problem = require "orrery.api.problem"

-- To stop and to go on have verbs of their own.
local NAMES = { "HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "ALRM", "WINCH", "URG", "XCPU" }

local function running_job(context, id)
  local row = access.job(context, id)
  if row.state ~= "ACTIVE" and row.state ~= "SUSPENDED" then
    problem.raise("illegal-transition", ("The job is %s; only one that runs can be sent a signal."):format(row.state))
  end
  return row
end

local function signal(context, id)
  return answer.once(context, function(finish)
    local row, name, change = running_job(context, id), context.body.name, db.change()
    orders.insert(change, row.key, "signal", json.encode { name = name })
    events.append(change, clock.now(), "job.signal", row.owner, row.simulation, row.key, { name = name })
    return finish(change, 202, nil, db.json(job_api.shape, jobs.one_any, row.key))
  end, function() running_job(context, id) end) -- it has ended in between
end

return {
  { method = "POST", path = "/v1/jobs/{id}/signal", rpc = "jobs.signal", summary = "Send a signal to a running job", status = 202,
    handler = signal, response = "job", body = { type = "object", help = "which signal", fields = {
      name = { type = "text", choices = NAMES, required = true, help = "its name without SIG" } } } },
}
