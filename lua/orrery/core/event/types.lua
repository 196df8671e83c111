-- The types of events, each declared once: what it tells, of what, and what its data look like. What describes events to
-- the world is made of this; whoever appends one keeps to it (tests/api/event_types_spec.lua holds the log against it).
local states = require "orrery.core.job.states"

---@class event.type
---@field help string what it tells
---@field of string what it tells of: a job, a chunk of a sweep's jobs, a simulation, a resource, a webhook, or the house
---@field data schema beside the names of what it tells of, which `cloud` adds
local types = {}

local function text(help) return { type = "text", help = help } end
local function needed(field)
  field.required = true
  return field
end
local function object(fields) return { type = "object", fields = fields } end

local function state(help) return needed { type = "text", choices = states.all, help = help } end
local function wish(help)
  return needed { type = "text", choices = { "RUN", "HOLD", "SUSPEND", "CANCEL" }, help = help }
end
local function state_of_simulation(help)
  return needed { type = "text", choices = { "NEW", "ACTIVE", "COMPLETED", "FAILED", "CANCELED" }, help = help }
end
local function state_of_resource(help)
  return needed { type = "text", choices = { "starting", "up", "degraded", "down" }, help = help }
end

local reason, message = text "why, in one word", text "why, for people"
local native_id = text "what its scheduler calls it"
local exit_code, signal = { type = "integer", help = "with which it ended" }, { type = "integer", help = "that ended it" }
local attempt = { type = "integer", min = 0, help = "which of its attempts it is about" }
local sweep_id = needed(text "the sweep")
local by = { type = "either", text "who wanted it", { type = "null", help = "nobody: it was kept long enough" } }
local changes = needed { type = "map", of = { type = "any" }, help = "what is another now" }
local resource = needed(text "its name")

types["job.created"] = { of = "job", help = "A job was created.",
  data = object { to = state "its first state", reason = reason } }

types["jobs.created"] = { of = "chunk", help = "A sweep's jobs were created: as many as it says, beginning with the first. "
  .. "GET /v1/jobs?sweep=ID lists them.", data = object { sweep_id = sweep_id, to = state "their first state",
    count = needed { type = "integer", min = 1, help = "how many" } } }

types["job.state"] = { of = "job", help = "A job's state changed.", data = object {
  from = state "the state it was in", to = state "the state it is in", reason = reason, message = message, exit_code = exit_code,
  signal = signal, native_id = native_id, native_state = text "its scheduler's own word for its state",
  resource = text "where it is", account = text "the account it runs as there", attempt = attempt } }

types["job.retry"] = { of = "job", help = "An attempt failed, and another one follows.", data = object {
  attempt = attempt, reason = reason, message = message, exit_code = exit_code, signal = signal } }

types["job.wanted"] = { of = "job", help = "Somebody wants something else of a job.",
  data = object { from = wish "what was wanted", to = wish "what is wanted" } }

types["job.signal"] = { of = "job", help = "A signal was asked for.",
  data = object { name = needed(text "its name, without SIG") } }

types["job.alter"] = { of = "job", help = "A job's scheduler is asked to alter it.", data = object { changes = changes } }

types["job.altered"] = { of = "job", help = "A job was altered.", data = object { changes = changes } }

types["job.refused"] = { of = "job", help = "What was wanted of a job was refused; it stays as it was.", data = object {
  verb = needed(text "what was asked for"), message = message, name = text "of the signal, where one was asked for",
  wanted = text "what was wanted, where that was it", changes = { type = "map", of = { type = "any" },
    help = "the alteration, where one was asked for" } } }

types["job.found"] = { of = "job", help = "A job whose submission was in doubt was found at its scheduler.",
  data = object { native_id = native_id } }

types["job.stuck"] = { of = "job", help = "A job's scheduler says that it cannot start it.",
  data = object { message = message, native_state = text "its scheduler's own word for its state" } }

types["job.deleted"] = { of = "job", help = "A job was deleted by itself, without its simulation.", data = object { by = by } }

types["sweep.created"] = { of = "simulation", help = "A sweep was created, with all of its jobs.", data = object {
  sweep_id = sweep_id, jobs = needed { type = "integer", min = 1, help = "how many it has" } } }

types["simulation.created"] = { of = "simulation", help = "A simulation was created.",
  data = object { name = needed(text "its name") } }

types["simulation.state"] = { of = "simulation", help = "A simulation's state changed, which follows from those of its jobs.",
  data = object { from = state_of_simulation "the state it was in", to = state_of_simulation "the state it is in" } }

types["simulation.wanted"] = { of = "simulation", help = "Somebody wants something else of all jobs of a simulation.",
  data = object { from = wish "what was wanted", to = wish "what is wanted" } }

types["simulation.altered"] = { of = "simulation", help = "A simulation's name, description, tags or limit was changed.",
  data = object { changes = changes } }

types["simulation.deleted"] = { of = "simulation", help = "A simulation was deleted, with all that was its own.",
  data = object { by = by } }

types["resource.state"] = { of = "resource", help = "A resource is in another state.", data = object {
  resource = resource, from = state_of_resource "the state it was in", to = state_of_resource "the state it is in",
  message = message } }

types["resource.drained"] = { of = "resource", help = "A resource gets no new jobs.",
  data = object { resource = resource, by = by } }

types["resource.enabled"] = { of = "resource", help = "A resource that was drained gets jobs again.",
  data = object { resource = resource, by = by } }

types["webhook.disabled"] = { of = "webhook", help = "A webhook was disabled: nothing reaches its receiver, or somebody wants "
  .. "it so.", data = object { webhook_id = needed(text "the webhook"), reason = needed(text "why, for people") } }

types["webhook.missed"] = { of = "webhook", help = "A webhook was behind, and when it came to these events, some of them were "
  .. "gone from the log.", data = object { webhook_id = needed(text "the webhook"),
    from = needed { type = "integer", min = 1, help = "the number of the first" },
    to = needed { type = "integer", min = 1, help = "the number of the last" } } }

types["token.revoked"] = { of = "house", help = "A token was revoked.",
  data = object { token_id = needed(text "its identifier"), by = by } }

return types
