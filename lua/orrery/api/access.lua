-- From an identifier in a path to the row, if the one who asks may see it. What is not theirs does not exist for them.
local config = require "house.config"
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local problem = require "orrery.api.problem"
local simulations = require "orrery.data.simulations"
local sweeps = require "orrery.data.sweeps"

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

function access.simulation(context, text)
  local row = find(context, "simulation", text, simulations.get)
  if row.deleting == 1 then problem.raise("gone", "This simulation was deleted.") end
  return row
end

function access.job(context, text) return find(context, "job", text, jobs.get) end
function access.sweep(context, text) return find(context, "sweep", text, sweeps.get) end

---Jobs run as the server's own user here, which is a matter of trust; so is reading what that user may read.
---@param what string|nil what would be done
function access.may_run(context, what)
  if context.principal.rank < 3 and not config.single_user then
    problem.raise("forbidden", (what or "Jobs would run") .. " as the server's own user; that is for administrators "
      .. "alone, unless the configuration says single_user = true.")
  end
end

return access
