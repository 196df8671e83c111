-- `orrery logs`: what a job has printed, or, followed, prints. `orrery run -- COMMAND` follows in the same way.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local output = require "orrery.cli.output"
local report = require "orrery.cli.report"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local logs = {
  name = "logs",
  summary = "print what a job has written to its standard output",
  client = true,
}

function logs.declare(command)
  command:argument("job", "the job's id"):argname "JOB"
  command:flag("-f --follow", "go on until the job has ended; end with its exit code")
  command:flag("-e --stderr", "print its standard error instead")
end

---Prints streams of a job until it has ended → the job's exit code. A signal ends the printing, not the job.
---@param streams table[] as output.follow takes them
function logs.follow(opened, id, streams)
  opened:catch_signals()
  local job = output.follow(opened, id, streams)
  if not job then return opened:leave("job", "logs -f", id) end
  if job.state ~= "COMPLETED" and job.reason ~= "EXIT_CODE" then -- an exit code speaks for itself
    local why = job.message or report.how(job)
    out.say(text.clean(("orrery: job %s: %s%s"):format(id, job.state, why ~= "" and ": " .. why or "")))
  end
  return output.exit_code(job)
end

function logs.run(arguments)
  local opened = session.open(arguments)
  local name = arguments.stderr and "stderr" or "stdout"
  if arguments.follow then return logs.follow(opened, arguments.job, { { name = name, write = out.bytes } }) end
  output.print(opened, arguments.job, name)
  return exit.OK
end

return logs
