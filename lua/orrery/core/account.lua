-- As which account a job runs on a resource. Where a resource maps accounts, that is the one that the site's hook account.map
-- names, or, without the hook, the one that is called as the job's owner. What the hook does not answer is refused.
local hooks = require "orrery.core.hooks"
local settings_of = require "orrery.core.config"
local status = require "orrery.core.job.status"

local account = {}

-- As which accounts whoever made a job may run it; both, where their sum is given.
account.SERVICE, account.OWNERS = 1, 2

local HOOK = "account.map"

local function refuse(settings, request, why)
  return nil, ("resource %s has no account for %s: %s"):format(settings.name, request.owner, why)
end

-- What the hook says → account | nil, why not
local function ask(request)
  local ok, name, why = hooks.call(HOOK, { owner = request.owner, resource = request.resource, simulation = request.simulation,
    job = request.job })
  if not ok then return nil, "the site's hook account.map failed; the server's log tells how" end
  if name == nil and why == nil then return nil, "the site's hook account.map names none" end
  if name == nil and type(why) == "string" then return nil, status.words(why) end
  if type(name) == "string" and settings_of.is_account(name) then return name end
  hooks.failed(HOOK, type(name) == "string" and ("%q is no account's name"):format(name:sub(1, 64))
    or ("it returned a %s"):format(type(name == nil and why or name)))
  return nil, "the site's hook account.map returned no account's name"
end

local function of_owner(owner)
  if settings_of.is_account(owner) then return owner end
  return nil, "no account can be called so; an administrator can map it with hook(\"account.map\", …) in orrery.lua"
end

---Whether a resource runs jobs as the account that their `may_run_as` allows.
function account.allowed(settings, may_run_as)
  return may_run_as & (settings_of.maps(settings) and account.OWNERS or account.SERVICE) ~= 0
end

---@param settings table of a resource that maps accounts (core.config.maps)
---@param request {owner:string, simulation:string, job:string|nil} ids as texts
---@return string|nil account
---@return string|nil why not, for its owner to read
function account.of(settings, request)
  request.resource = settings.name
  local name, why
  if hooks.has(HOOK) then name, why = ask(request) else name, why = of_owner(request.owner) end
  if not name then return refuse(settings, request, why) end
  if name:lower() == "root" then return refuse(settings, request, "jobs do not run as root here") end
  return name
end

return account
