-- `orrery signal`: sends a signal to a job that runs.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"

local signal = {
  name = "signal",
  summary = "send a signal to a job that runs",
  client = true,
}

function signal.declare(command)
  command:argument("job", "the job's id"):argname "JOB"
  command:argument("signal", "its name: USR1, TERM"):argname "NAME"
end

function signal.run(arguments)
  local name = arguments.signal:upper():gsub("^SIG", "")
  local _, job, body = session.open(arguments):post(session.path("/v1/jobs", arguments.job, "signal"), { name = name })
  if arguments.json then out.json(body) else out.line(("job %s: is sent %s"):format(job.id, name)) end
  return exit.OK
end

return signal
