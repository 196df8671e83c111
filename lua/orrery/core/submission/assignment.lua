-- As which account each of the jobs that were chosen is handed over. What holds at this moment counts: the site's hook, and the
-- resource's settings, may say something else than when the job was created.
local account = require "orrery.core.account"
local clock = require "house.clock"
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"
local maps = require("orrery.core.config").maps

local assignment = {}

local ELSEWHERE_MS = 60000 -- in which nothing of an owner's is taken that may go to another resource
local AWAY_MS = 5000       -- in which nothing of an owner's is taken whose accounts are all in trouble
local AGAIN_MS = 1000      -- at least, before a job is looked at again whose account is in trouble

local function request_of(job)
  return { owner = job.owner, simulation = ids.text(job.simulation), job = ids.text(job.key) }
end

-- One that goes on in its attempt keeps its account: its directory is there, and a submission that may yet come true. So does
-- one whose inputs are there.
-- → account | nil (the service's own), nil | nil, why not
local function account_of(settings, job)
  if not account.allowed(settings, job.may_run_as) then
    return nil, ("resource %s runs jobs as %s, which is not for whoever made this one"):format(settings.name,
      maps(settings) and "their owners' accounts" or "the server's own user")
  elseif job.submission or job.inputs then return job.account
  elseif maps(settings) then return account.of(settings, request_of(job)) end
end

local function may_go_elsewhere(resource, job)
  if job.resource then return false end
  for _, other in pairs(resource.others) do
    if other ~= resource and not select(2, account_of(other.settings, job)) then return true end
  end
  return false
end

-- It ends, unless another resource may take it, or an earlier submission of it may yet come true.
local function refuse(resource, batch, job, why)
  if job.doubted then jobs.postpone(batch.change, job.key, batch.at + ELSEWHERE_MS, why)
  elseif may_go_elsewhere(resource, job) then
    resource.elsewhere[job.owner] = clock.monotonic() + ELSEWHERE_MS
    jobs.explain(batch.change, job.key, job.state, why)
  else
    batch:move(job, "FAILED", { reason = "SUBMIT_REJECTED", message = why })
  end
end

-- Whether its account takes it now. Those of an account on trial wait for the first of them.
local function admit(resource, batch, job, tried)
  local name = job.account
  local base, after_ms, why = resource:admits(name)
  if base and not (tried[name] and resource:on_trial(name)) then
    if name then tried[name] = true end
    job.base = base
    return true
  elseif why then
    jobs.postpone(batch.change, job.key, batch.at + math.max(after_ms, AGAIN_MS), why)
    return false, true
  end
  return false
end

---Sorts the chosen jobs: those that are handed over now, each with its `account` and its `base`; those that can be nowhere end, and the
---others wait.
---@param chosen table[] rows
---@return table[] assigned
---@return lifecycle.batch batch what became of the others, to be committed
function assignment.sort(resource, chosen)
  local batch, assigned, tried, fine, troubled = lifecycle.batch(), {}, {}, {}, {}
  for _, job in ipairs(chosen) do
    local name, why = account_of(resource.settings, job)
    if why then refuse(resource, batch, job, why)
    else
      local admitted, in_trouble
      job.account = name
      admitted, in_trouble = admit(resource, batch, job, tried)
      if admitted then assigned[#assigned + 1] = job end
      if in_trouble then troubled[job.owner] = true else fine[job.owner] = true end
    end
  end
  for owner in pairs(troubled) do
    if not fine[owner] then resource.turned_away[owner] = clock.monotonic() + AWAY_MS end
  end
  return assigned, batch
end

return assignment
