-- What the configuration says of the services that Orrery asks: who answers, and what holds while nobody does.
local service = {}

local WHO = { "builtin", "external" }

service.keys = {
  { "authentication.service", "choice", "builtin", choices = WHO,
    help = "who says whose a token is. builtin: the store; external: the service \"authentication\" on the bus, and the store for "
      .. "administrators' tokens" },
  { "authentication.lifetime_s", "integer", 60, min = 1, max = 86400, help = "seconds that its answer counts" },
  { "authentication.timeout_ms", "integer", 2000, min = 10, max = 60000, help = "time it may take for an answer" },
  { "authentication.away", "away", "refuse",
    help = "while it does not answer. refuse: so are requests, with 503; or the seconds that what it said last still counts" },
  { "authentication.highest_role", "choice", "operator", choices = { "user", "operator", "admin" },
    help = "the most that it can make somebody; more than this is taken for this" },
  { "resource_status.service", "choice", "builtin", choices = WHO,
    help = "who says how resources are. builtin: their plug-ins; external: the service \"resource-status\" on the bus; each "
      .. "resource may say otherwise" },
  { "resource_status.lifetime_s", "integer", 10, min = 1, max = 86400, help = "seconds between two questions about a resource" },
  { "resource_status.timeout_ms", "integer", 2000, min = 10, max = 60000, help = "time it may take for an answer" },
  { "resource_status.away", "away", "refuse",
    help = "while it does not answer. refuse: nothing is known of a resource; or the seconds that what it said last still counts" },
}

---What is wrong with the word "external" where there is no broker | nil
---@param config table the checked configuration
function service.without_broker(config)
  if config.bus and config.bus.url then return nil end
  return 'is "external", which needs bus.url in the configuration: the broker over which the service is asked'
end

---Which setting needs what the configuration has not.
---@return string|nil path
---@return string|nil detail
function service.contradiction(config)
  local detail = service.without_broker(config)
  if not detail then return end
  for _, name in ipairs { "authentication", "resource_status" } do
    if config[name].service == "external" then return name .. ".service", detail end
  end
  for _, resource in ipairs(config.resources) do
    if resource.status == "external" then return ("resource %q: status"):format(resource.name), detail end
  end
end

return service
