-- `orrery alter`: changes jobs that were created already. A scheduler that has a job is asked to change it, which may take a
-- moment, and which it may refuse; the job's history tells.
local exit = require "orrery.cli.exit"
local jobspec = require "orrery.cli.jobspec"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local alter = {
  name = "alter",
  summary = "change what jobs ask for: their time, their queue",
  client = true,
}

function alter.declare(command)
  command:argument("job", "ids of jobs"):argname "JOB":args "+"
  command:group("What to change", table.unpack(jobspec.declare_changes(command)))
  command:epilog "A job that its scheduler has already is altered by it, if it can. `orrery job JOB` shows what came of it."
end

local refusals = { [404] = true, [409] = true, [410] = true }
local done = { [200] = "is altered", [202] = "its scheduler is asked to alter it" }

function alter.run(arguments)
  local changes = jobspec.changes(arguments)
  if next(changes) == nil then exit.fail(exit.USAGE, "what is to be changed? give --duration or another option") end
  local opened, code = session.open(arguments), exit.OK
  for _, id in ipairs(arguments.job) do
    local status, answer, body = opened:patch(session.path("/v1/jobs", id), changes, refusals)
    if refusals[status] then
      out.say(text.clean(("orrery: %s: %s"):format(id, answer.detail or answer.title)))
      code = exit.FAILED
    elseif arguments.json then out.json(body)
    else out.line(("job %s: %s"):format(answer.id, done[status])) end
  end
  return code
end

return alter
