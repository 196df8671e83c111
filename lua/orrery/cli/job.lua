-- `orrery job`: everything about one job that is worth reading, and its history.
local exit = require "orrery.cli.exit"
local facts = require "orrery.cli.facts"
local jobs = require "orrery.cli.jobs"
local json = require "house.json"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local report = require "orrery.cli.report"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local job = {
  name = "job",
  summary = "show a job and its history",
  client = true,
}

function job.declare(command)
  command:argument("job", "the job's id"):argname "JOB"
end

local function command_of(spec)
  if spec.script then return "(a script)" end
  local words = { spec.executable }
  for _, argument in ipairs(spec.arguments or {}) do words[#words + 1] = text.shell(argument) end
  return table.concat(words, " ")
end

local function times(j)
  local parts = {}
  if j.state == "PENDING" and j.due_at then parts[1] = "due " .. quantity.time(j.due_at) end
  for _, moment in ipairs { "created", "submitted", "started", "ended" } do
    local time = j[moment .. "_at"]
    if time then parts[#parts + 1] = moment .. " " .. quantity.time(time) end
  end
  return table.concat(parts, ", ")
end

local function needs(spec)
  local parts = {}
  for _, group in ipairs { "resources", "attributes" } do
    for name, value in pairs(spec[group] or {}) do
      parts[#parts + 1] = ("%s %s"):format(name, type(value) == "table" and json.encode(value) or value)
    end
  end
  table.sort(parts)
  return table.concat(parts, ", ")
end

-- What has to be before it is handed over.
local function conditions(spec)
  local parts = {}
  if spec.not_before then parts[1] = "not before " .. quantity.time(spec.not_before) end
  for _, each in ipairs(spec.depends_on or {}) do
    parts[#parts + 1] = ("%s %s"):format(each.job, each.condition or "completed")
  end
  return table.concat(parts, ", ")
end

local function retries(spec)
  local r = spec.retries
  if not r then return nil end
  return ("%d%s"):format(r.count or 0, r.reasons and ", after " .. table.concat(r.reasons, ", ") or "")
end

local function usage(j)
  local u = j.usage
  if not u then return nil end
  local parts = {}
  if u.cpu_seconds then parts[1] = ("%.2f s of processor time"):format(u.cpu_seconds) end
  if u.memory then parts[#parts + 1] = quantity.size(u.memory) .. " of memory" end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

-- What is shown, line by line; nil leaves the line out.
local rows = {
  { "job", function(j) return j.id end },
  { "name", function(j) return j.name end },
  { "simulation", function(j) return j.simulation_id end },
  { "state", function(j) return j.state .. (j.wanted ~= "RUN" and (" (wanted: %s)"):format(j.wanted) or "") end },
  { "because", function(j) return j.reason and report.how(j) end },
  { "message", function(j) return j.message end },
  { "problem", function(j) return j.problem and (j.problem.detail or j.problem.title) end },
  { "command", function(j) return command_of(j.spec) end },
  { "parameters", function(j) return j.parameters and json.encode(j.parameters) end },
  { "needs", function(j) return needs(j.spec) end },
  { "waits for", function(j) return conditions(j.spec) end },
  { "retries", function(j) return retries(j.spec) end },
  { "resource", function(j)
    local there = j.native_id and (" (there %s, %s)"):format(j.native_id, j.native_state or "?") or ""
    return j.resource and j.resource .. there
  end },
  { "account", function(j) return j.account end },
  { "attempt", function(j) return j.attempt and j.attempt > 1 and j.attempt or nil end },
  { "directory", function(j) return j.directory end },
  { "times", times },
  { "took", jobs.took },
  { "used", usage },
}

local function print_history(opened, id)
  for event in opened:items(session.path("/v1/jobs", id, "history"), { limit = 1000 }) do
    session.without_nulls(event)
    local words = { "  " .. quantity.time(event.at), event.type }
    words[#words + 1] = event.from and event.to and event.from .. " -> " .. event.to or event.to
    words[#words + 1] = event.name
    words[#words + 1] = event.changes and needs(event.changes)
    words[#words + 1] = event.reason
    words[#words + 1] = event.message
    out.line(text.clean(table.concat(words, "  ")))
  end
end

function job.run(arguments)
  local opened = session.open(arguments)
  local value, body = opened:get(session.path("/v1/jobs", arguments.job))
  if arguments.json then
    out.json(body)
    return exit.OK
  end
  session.without_nulls(value)
  facts.print(rows, value)
  print_history(opened, value.id)
  return exit.OK
end

return job
