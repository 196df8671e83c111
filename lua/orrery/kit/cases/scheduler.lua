-- Cases: what is asked of the scheduler itself.
local clock = require "house.clock"
local expect = require "orrery.kit.expect"
local room = require "orrery.kit.room"
local status = require "orrery.core.job.status"

local cases, case = room.new()

case("status tells how the scheduler is", { needs = { "status" } }, function(subject)
  local report = subject:call("status", { {} })[1]
  local wrong = report.error and report.error.message or status.nonsense_of_resource(report)
  expect.that(not wrong, function() return "status: " .. wrong end)
  expect.equal("up", report.state, "state of a scheduler that has just run jobs")
end)

case("estimate tells when a job would start, and submits nothing", { needs = { "estimate" } }, function(subject)
  local job = subject:job(room.shell "true")
  local report = subject:call("estimate", { job.item })[1]
  expect.equal("absent", subject:find(job).answer, "find of a job that was only asked about")
  if report.error then return end -- it may not know
  expect.that(math.type(report.start_at) == "integer", "start_at is no integer, but " .. tostring(report.start_at))
  expect.that(report.start_at > clock.now() - 60000, ("start_at %d is past"):format(report.start_at))
end)

return cases
