-- How a resource is, by the site's service "resource-status": what a plug-in's `status` would say of its scheduler.
local bus = require "house.bus"
local config = require "house.config"
local json = require "house.json"
local service = require "orrery.core.service"
local status = require "orrery.core.job.status"

local resource_status = {}

local settings = config.resource_status

local question = { service = "resource-status", method = "status", most = 1 << 20, timeout_ms = settings.timeout_ms,
  help = "How a resource's scheduler is.", asks = { type = "object", fields = {
    resource = { type = "text", required = true, help = "its name" },
    scheduler = { type = "text", required = true, help = "the plug-in that drives it" } } },
  shape = status.shape_of_resource }

resource_status.question = question

---Whether a resource's status is the service's to tell.
---@param its table the resource's settings
function resource_status.is_external(its) return (its.status or settings.service) == "external" end

local changed   -- who wants to know when it says that it should be asked anew
local listening -- from the first question on: where none is asked, the broker need not look at one binding more for every event

local function listen()
  if listening or not changed then return end
  listening = true
  bus.subscribe("resource-status.changed", function(_, body)
    local told = json.decode(body)
    local name = type(told) == "table" and told.resource
    changed(type(name) == "string" and name or nil)
  end)
end

---Asks about a resource. Waits.
---@return table|nil report
---@return string|nil why there is none
function resource_status.ask(name, scheduler)
  listen()
  local report, code, why = service.ask(question, { resource = name, scheduler = scheduler })
  if report then return report end
  return nil, code == "refused" and "it refuses to tell" .. (why and ": " .. why or "") or why
end

---Calls `on_change` with the name of a resource of which the service says that it should be asked anew; nil: of all.
---@param on_change fun(name:string|nil)
function resource_status.watch(on_change) changed = on_change end

return resource_status
