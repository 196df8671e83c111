-- The inputs of a job: files that were sent before it has begun. They lie in a directory beside those of its attempts, of
-- which each begins with a copy. That directory is where the job will run, so from the first of them on it is settled
-- which resource runs the job, and as which account.
local account = require "orrery.core.account"
local files = require "orrery.core.files"
local ids = require "house.ids"
local json = require "house.json"
local maps = require("orrery.core.config").maps
local resources = require "orrery.data.resources"
local settings_of = require("orrery.core.settings").of
local states = require "orrery.core.job.states"
local submission = require "orrery.core.submission"

local inputs = {}

local NUMBER = 0 -- of their directory; those of attempts have others
local DEADLINE_MS = 20000

local has_begun = { ACTIVE = true, SUSPENDED = true, STAGE_OUT = true }

---Whether files that come for a job now are its inputs. Those of one that was handed over without any go where it runs.
---@param job table row: state, submission, inputs
function inputs.are_due(job)
  if states.live[job.state] then return job.inputs ~= nil and not has_begun[job.state] end
  return job.inputs ~= nil or not job.submission
end

---The place of those that a job has.
---@param job table row: inputs, resource, account
function inputs.place(job)
  return submission.place { directory = job.inputs, resource = job.resource, account = job.account }
end

-- The only resource that a job can run on → row | nil, sentence
local function resource_of(job)
  if job.resource then
    local row = resources.get(job.resource)
    return row, ("there is no resource %s"):format(job.resource)
  end
  local all = resources.all()
  return #all == 1 and all[1] or nil, "it is not settled which resource runs the job; name one in its specification"
end

-- As the account that would run the job if it were handed over now → account | nil, nil | nil, nil, why not
local function account_of(settings, job, may_run_as)
  if not account.allowed(settings, may_run_as) then
    return nil, ("resource %s does not run jobs of whoever made this one"):format(settings.name)
  elseif not maps(settings) then return nil end
  return account.of(settings, { owner = job.owner, simulation = ids.text(job.simulation), job = ids.text(job.key) })
end

local function base_of(settings, name)
  local values = { account = name }
  if settings.base:find("${home}", 1, true) then
    local home, code, why = files.home(settings.name, name, DEADLINE_MS)
    if not home then return nil, code, ("the home of the account is not known: %s"):format(why or code) end
    values.home = home
  end
  return (settings.base:gsub("%${(%l+)}", values))
end

---Where the first of them goes.
---@param job table row: key, simulation, owner, resource
---@param may_run_as integer of its specification
---@return table|nil place
---@return string|nil code
---@return string|nil why
function inputs.choose(job, may_run_as)
  local row, why = resource_of(job)
  if not row then return nil, "invalid", why end
  local settings = settings_of(row)
  if settings.problem then return nil, "unavailable", settings.problem end
  local info = json.decode(row.info)
  if info.plugin and not info.honours.batch and not info.honours.inputs then
    return nil, "invalid", ("resource %s is of scheduler %s, which gives jobs no files"):format(row.name, row.scheduler)
  end
  local name, base, code
  name, why = account_of(settings, job, may_run_as)
  if why then return nil, "forbidden", why end
  base, code, why = base_of(settings, name)
  if not base then return nil, code, why end
  return submission.place { directory = submission.directory(base, job, NUMBER), resource = row.name, account = name }
end

return inputs
