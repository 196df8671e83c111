-- `orrery jobs`: the list of jobs, the newest first.
local clock = require "house.clock"
local exit = require "orrery.cli.exit"
local listing = require "orrery.cli.listing"
local quantity = require "orrery.cli.quantity"
local report = require "orrery.cli.report"
local session = require "orrery.cli.session"

local jobs = {
  name = "jobs",
  summary = "list jobs, the newest first",
  client = true,
}

function jobs.declare(command)
  command:option("--simulation", "only those of this simulation"):argname "ID"
  command:option("--state", "only those in this state"):argname "STATE"
  command:option("--resource", "only those on this resource"):argname "NAME"
  command:option("--name", "only those of this name"):argname "NAME"
  listing.declare(command)
end

---How long a job has run, or ran; nil when it has not begun.
function jobs.took(job)
  local began = job.started_at and quantity.seconds(job.started_at)
  local ended = job.ended_at and quantity.seconds(job.ended_at)
  return began and quantity.short_duration(math.max((ended or clock.now() / 1000) - began, 0))
end

local columns = {
  { title = "ID", keep = true, cell = function(job) return job.id end },
  { title = "NAME", cell = function(job) return job.name end },
  { title = "STATE", state = true, cell = function(job) return job.state end },
  { title = "RESOURCE", cell = function(job) return job.resource end },
  { title = "TIME", align = "right", cell = jobs.took },
  { title = "REASON", cell = report.how },
}

function jobs.run(arguments)
  listing.fetch(session.open(arguments), arguments, "/v1/jobs", {
    simulation = arguments.simulation, state = arguments.state, resource = arguments.resource, name = arguments.name,
    order = "desc",
  }, columns, "jobs")
  return exit.OK
end

return jobs
