-- What a plug-in reports of a job (the table "A status" of schedulers/README.md): checked, since a plug-in may say
-- anything, and turned into the steps of the job's life that it implies.
local json = require "house.json"
local schema = require "orrery.core.schema"
local states_of_jobs = require "orrery.core.job.states"

local status = {}

local MOST_WORDS = 65536

local words = { type = "text", max = MOST_WORDS, pattern = "^[^\0]*$", format = "without NUL" }
local native_id = { type = "text", min = 1, max = 1024, line = true }
local time = { type = "integer", min = 0 }
local states = { type = "text", choices = { "QUEUED", "HELD", "ACTIVE", "SUSPENDED", "COMPLETED", "FAILED", "CANCELED" } }

local shape = { type = "object", fields = {
  absent = { type = "boolean" }, state = states, native_state = words, final = { type = "boolean" },
  reason = { type = "text", choices = states_of_jobs.reasons }, message = words, exit_code = { type = "integer" },
  signal = { type = "integer" }, started_at = time, ended_at = time, runs = { type = "integer" }, stuck = words,
  hosts = { type = "list", of = words },
  usage = { type = "object", fields = {
    wall_seconds = { type = "number" }, cpu_seconds = { type = "number" }, memory = { type = "integer" } } },
  error = { type = "object", fields = {
    class = { type = "text", choices = { "rejected", "busy", "unavailable", "unknown" } }, message = words } },
} }

---@return string|nil what is wrong with a report
function status.nonsense(report)
  if type(report) ~= "table" then return "a report is a " .. type(report) .. ", not a table" end
  local problems = schema.check(shape, report)
  if problems then return problems[1].pointer .. " " .. problems[1].detail end
  if not (report.absent or report.error or report.state) then return "a status has neither state nor absent nor error" end
end

---Whether a job can go by this native id.
function status.is_native_id(value) return schema.check(native_id, value) == nil end

---What a plug-in says in words, as it can be stored and shown | nil
function status.words(value)
  return type(value) == "string" and value:sub(1, MOST_WORDS):gsub("\0", " ") or nil
end

-- Of the scheduler itself, and of a queue: what is free, and what waits.
status.amounts = { "nodes_total", "nodes_free", "cores_total", "cores_free", "pending" }
status.members = { "state", "message", table.unpack(status.amounts) }
status.queue_members = { "name", "state", "max_duration", "max_jobs", table.unpack(status.amounts) }

local count = { type = "integer", min = 0 }
local function with_amounts(fields)
  for _, name in ipairs(status.amounts) do fields[name] = count end
  return { type = "object", fields = fields }
end

local line = { type = "text", min = 1, max = 256, line = true }
local queue = with_amounts { name = { type = "text", min = 1, max = 256, line = true, required = true, help = "the queue's" },
  state = line, max_duration = count, max_jobs = count }
status.shape_of_resource = with_amounts {
  state = { type = "text", choices = { "up", "degraded", "down" }, required = true, help = "how the scheduler is" },
  message = words, queues = { type = "list", of = queue } }

---@return string|nil what is wrong with what a scheduler says of itself
function status.nonsense_of_resource(report)
  local problems = schema.check(status.shape_of_resource, report)
  return problems and problems[1].pointer .. " " .. problems[1].detail
end

local function ending(job, report)
  local to, reason = report.state, report.reason
  if to == "COMPLETED" and (report.exit_code or 0) ~= 0 then to, reason = "FAILED", "EXIT_CODE" end
  if to == "FAILED" and not reason then reason = report.signal and "SIGNAL" or "EXIT_CODE" end
  -- A job that was to be cancelled and was killed for it ended as wanted; one that ended by itself keeps its result.
  if to == "FAILED" and reason == "SIGNAL" and job.wanted == "CANCEL" then to, reason = "CANCELED", nil end
  return to, {
    reason = to == "FAILED" and reason or false, message = report.message or false,
    exit_code = report.exit_code or false, signal = report.signal or false,
    usage = report.usage and json.encode(report.usage) or false, native_state = report.native_state or false,
    ended_at = report.ended_at,
  }
end

-- Many schedulers tell whole seconds, and machines' clocks differ: no job starts before it was submitted, or ends before
-- it started.
local function in_order(job, report)
  local submitted, started = job.submitted_at or 0, report.started_at
  started = started and math.max(started, submitted)
  local ended = report.ended_at and math.max(report.ended_at, started or job.started_at or submitted)
  return started, ended
end

---The steps that bring a job to what is reported: a list of {state, fields, at}, empty when it is there already.
function status.steps(job, report)
  local steps = {}
  local has_ended = states_of_jobs.ended[report.state]
  if has_ended and not report.final then return steps end
  report.started_at, report.ended_at = in_order(job, report)
  local waited = job.state ~= "ACTIVE" and job.state ~= "SUSPENDED"
  if report.started_at and waited and not job.started_at and (has_ended or report.state == "SUSPENDED") then
    steps[1] = { "ACTIVE", { started_at = report.started_at }, report.started_at }
  end
  if has_ended then
    local to, fields = ending(job, report)
    fields.started_at = report.started_at
    steps[#steps + 1] = { to, fields, report.ended_at }
  elseif report.state ~= job.state then
    local fields = { native_state = report.native_state }
    if report.state == "ACTIVE" and not job.started_at then fields.started_at = report.started_at end
    steps[#steps + 1] = { report.state, fields, report.state == "ACTIVE" and not job.started_at and report.started_at or nil }
  end
  return steps
end

return status
