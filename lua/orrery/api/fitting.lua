-- Whether a job can run somewhere here, and as some account: checked when it is created, so that nobody waits for what can
-- never be.
local access = require "orrery.api.access"
local account = require "orrery.core.account"
local config = require "orrery.core.config"
local ids = require "house.ids"
local json = require "house.json"
local problem = require "orrery.api.problem"
local settings = require "orrery.core.settings"
local data = require "orrery.data.resources"
local spec = require "orrery.core.job.spec"

local fitting = {}

-- By name: {text, info = decoded}, decoded once for as long as the text stays the same; and at times anew, since resources
-- come and go.
local known = setmetatable({}, { __mode = "v" })

local function info_of(row)
  local entry = known[row.name]
  if not entry or entry.text ~= row.info then
    entry = { text = row.info, info = json.decode(row.info) }
    known[row.name] = entry
  end
  return entry.info
end

local function problem_on(row, job, prefix)
  return spec.unhonoured(job, info_of(row).honours, row.name, row.scheduler, prefix)
end

-- Why the resource does not run jobs for somebody → sentence | nil, and whether it runs jobs as their owners' accounts.
local function refusal_of(row, who)
  local its = settings.of(row)
  local maps = config.maps(its)
  if not account.allowed(its, who.may_run_as) then
    local what = ("Jobs would run on resource %s"):format(row.name)
    return access.why_not(who.owner, maps and account.OWNERS or account.SERVICE, what), maps
  elseif maps then
    local _, why = account.of(its, { owner = who.owner, simulation = who.simulation, job = who.job })
    return why, maps
  end
end

local EITHER = account.SERVICE + account.OWNERS

-- Whether there is a resource that runs jobs so, or none at all; and if not, what would be needed.
local function runs_anywhere(may_run_as)
  if may_run_as == EITHER then return true end
  local rows, needed = data.all(), account.SERVICE
  for _, row in ipairs(rows) do
    local its = settings.of(row)
    if account.allowed(its, may_run_as) then return true end
    if config.maps(its) then needed = account.OWNERS end
  end
  return #rows == 0, needed
end

---For whom a job is created, or tried again. Raises where none of theirs can run, whatever it is.
---@param most integer|nil the may_run_as of a job that is there: more it does not become
---@return {owner:string, simulation:string, job:string|nil, may_run_as:integer} who
function fitting.who(context, simulation, most)
  local owner = simulation.owner
  local may_run_as = access.may_run_as(context.principal, owner) & (most or EITHER)
  local runs, needed = runs_anywhere(may_run_as)
  if not runs then
    problem.raise("forbidden", access.why_not(owner, needed, "Jobs would run"))
  end
  return { owner = owner, simulation = ids.text(simulation.key), may_run_as = may_run_as }
end

---Raises unless a resource runs jobs for them.
function fitting.must_run(name, who)
  local row = data.get(name)
  local why = row and refusal_of(row, who)
  if why then problem.raise("forbidden", why) end
end

-- Of all that is wrong what helps most: that the job does not fit where they have an account; why they have none; that
-- they would need none if they were trusted.
local function check_any(job, prefix, who)
  local unfit, unmapped, untrusted
  for _, row in ipairs(data.all()) do
    local why, maps = nil, nil
    if who then why, maps = refusal_of(row, who) end
    local found = not why and problem_on(row, job, prefix)
    if not why and not found then return nil end
    if found then unfit = unfit or found
    elseif maps then unmapped = unmapped or why
    else untrusted = untrusted or why end
  end
  if unfit then return { unfit } end
  return (unmapped or untrusted) and { forbidden = unmapped or untrusted }
end

---For a specification that its schema has passed.
---@param who table|nil see fitting.who; nil: of a job that is there
---@return {pointer:string, detail:string}[]|nil problems see problem.of
function fitting.check(job, prefix, who)
  local problems = spec.inconsistent(job, prefix)
  if problems then return problems end
  if not job.resource then return check_any(job, prefix, who) end
  local row = data.get(job.resource)
  if not row then
    return { { pointer = (prefix or "") .. "/resource", detail = ("there is no resource %s"):format(job.resource) } }
  end
  local why = who and refusal_of(row, who)
  if why then return { forbidden = why } end
  local found = problem_on(row, job, prefix)
  return found and { found }
end

---Whether a resource is known to have no such verb; one that was never reached may have it.
function fitting.lacks(name, verb)
  local row = data.get(name)
  local info = row and info_of(row)
  if not info or not info.plugin then return false end
  for _, each in ipairs(info.verbs) do
    if each == verb then return false end
  end
  return true
end

return fitting
