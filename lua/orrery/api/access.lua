-- From an identifier in a path to the row, if the one who asks may see it. What is not theirs does not exist for them.
local account = require "orrery.core.account"
local config = require "house.config"
local config_of = require "orrery.core.config"
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local problem = require "orrery.api.problem"
local resources = require "orrery.data.resources"
local settings = require "orrery.core.settings"
local simulations = require "orrery.data.simulations"
local sweeps = require "orrery.data.sweeps"
local webhooks = require "orrery.data.webhooks"

local access = {}

---Raises gone for what was deleted, not-found for everything else.
function access.absent(context, what, text)
  local key = ids.key(text)
  local owner = key and jobs.buried(key)
  if owner and (context.principal.sees_all or owner == context.principal.owner) then
    problem.raise("gone", ("This %s was deleted."):format(what))
  end
  problem.raise("not-found", ("There is no %s %s."):format(what, text))
end

local function find(context, what, text, get)
  local key = ids.key(text)
  local row = key and get(key)
  if not row or not (context.principal.sees_all or row.owner == context.principal.owner) then
    access.absent(context, what, text)
  end
  return row
end

function access.webhook(context, text) return find(context, "webhook", text, webhooks.get) end

function access.simulation(context, text)
  local row = find(context, "simulation", text, simulations.get)
  if row.deleting == 1 then problem.raise("gone", "This simulation was deleted.") end
  return row
end

function access.job(context, text) return find(context, "job", text, jobs.get) end
function access.sweep(context, text) return find(context, "sweep", text, sweeps.get) end

---As which accounts somebody may run an owner's jobs, and read what those may read (core.account). The service's account is a
---matter of trust; an owner's own is theirs, and nobody else runs anything as it but administrators, who could be anybody.
---@return integer
function access.may_run_as(principal, owner)
  local is_admin = principal.rank == 3
  return ((is_admin or config.single_user) and account.SERVICE or 0)
    + ((is_admin or principal.owner == owner) and account.OWNERS or 0)
end

---Why somebody may not.
---@param needed integer account.SERVICE or account.OWNERS
---@param what string what would be done
function access.why_not(owner, needed, what)
  if needed == account.OWNERS then
    return ("%s as the account of %s; that is for %s and administrators alone."):format(what, owner, owner)
  end
  return what .. " as the server's own user; that is for administrators alone, unless the configuration says single_user = true."
end

-- Why the account that a job ran as is not its owner's now: accounts are closed, and given to others → sentence | nil
local function is_lost(job)
  local row = resources.get(job.resource)
  local its = row and settings.of(row)
  if not its or not config_of.maps(its) then return nil end
  local name, why = account.of(its, { owner = job.owner, simulation = ids.text(job.simulation), job = ids.text(job.key) })
  if name == job.account then return nil end
  return ("as the account %s, which is not that of %s any more%s."):format(job.account, job.owner, why and ": " .. why or "")
end

---Raises unless files of a job may be read that lie where its user said, or written at all: that is done as its account.
---@param job table row: key, simulation, owner, resource, account
function access.may_use(context, job, what)
  local principal, needed = context.principal, job.account and account.OWNERS or account.SERVICE
  if access.may_run_as(principal, job.owner) & needed == 0 then
    problem.raise("forbidden", access.why_not(job.owner, needed, what))
  end
  local why = job.account and principal.rank < 3 and is_lost(job)
  if why then problem.raise("forbidden", what .. " " .. why) end
end

return access
