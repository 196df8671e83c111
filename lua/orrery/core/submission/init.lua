-- From a job's row to what a plug-in's submit is given (the table "A submission" of schedulers/README.md).
local attempt = require "orrery.core.submission.attempt"
local ids = require "house.ids"
local json = require "house.json"
local rules = require "orrery.core.job.spec"
local specification = require "orrery.core.job.specification"
local tag = require "orrery.core.submission.tag"

local submission = {}

local DURATION = 3600 -- seconds, where the job says none

---An attempt's own directory. Names of ids only, so nothing a user wrote can lead it elsewhere.
function submission.directory(base, job, number)
  return ("%s/%s/%s/%d"):format(base, ids.text(job.simulation), ids.text(job.key), number)
end

---The same as a place for house.files: beneath the base everything is the house's own, and no link is followed.
---@param job table row: directory, resource, account
function submission.place(job)
  local base, own = job.directory:match "^(.*/)([^/]+/[^/]+/[^/]+)$"
  return { base = base, own = own, resource = job.resource, account = job.account }
end

local function absolute(path, directory)
  if not path or path:sub(1, 1) == "/" then return path end
  return directory .. "/" .. path
end

local function attributes_for(scheduler, given)
  local attributes = {}
  for name, value in pairs(given or {}) do attributes[name] = value end
  local custom = {}
  for key, value in pairs(attributes.custom_attributes or {}) do
    local plugin, option = key:match("^([^.]+)%.(.+)$")
    if plugin == scheduler then custom[option] = value end
  end
  attributes.custom_attributes = custom
  attributes.duration = attributes.duration or DURATION
  return attributes
end

---What is to be run for a job. Raises where nothing can be made of it. A resource that had never been reached when the job was
---created has said only since then what it honours.
---@param job table row: key, simulation, attempt, directory, inputs, name, spec or template and parameters
---@param resource resource it is open
function submission.member(job, resource)
  local spec = specification.of(job)
  local problem = rules.unhonoured(spec, resource.info.honours, resource.name, resource.scheduler)
  if problem then error(problem.pointer .. ": " .. problem.detail, 0) end
  local directory = spec.directory or job.directory
  local item = {
    job = ids.text(job.key), name = spec.name or "job",
    attempt_directory = job.directory, directory = directory,
    stdin = absolute(spec.stdin_path, directory),
    stdout = absolute(spec.stdout_path, directory) or job.directory .. "/stdout",
    stderr = absolute(spec.stderr_path, directory) or job.directory .. "/stderr",
    environment = spec.environment or {}, inherit_environment = spec.inherit_environment or false,
    resources = spec.resources or {}, attributes = attributes_for(resource.scheduler, spec.attributes),
  }
  if job.inputs then
    item.inputs = job.inputs
    if not resource.info.honours.batch and not resource.info.honours.inputs then
      error(("resource %s is of scheduler %s, which gives jobs no files"):format(resource.name, resource.scheduler), 0)
    end
  end
  if spec.script then
    item.script, item.arguments = spec.script, spec.arguments or json.list {}
  else
    item.argv = json.list { spec.executable, table.unpack(spec.arguments or {}) }
  end
  return item
end

---What submit is given: one member, or several as an array.
---@param members table[] see submission.member
---@param number integer the submission's
function submission.build(members, number, resource)
  local item, honours = members[1], resource.info.honours
  item.tag = tag.of(number)
  if #members > 1 then item.size = #members end
  if honours.batch then item.batch = attempt.script(members, honours) end
  return item
end

---What the scheduler needs to speak of a submitted job: the table "A ref".
function submission.ref(job)
  local ref = { native_id = job.native_id, tag = tag.of(job.submission), submitted_at = job.submitted_at,
    directory = job.directory }
  if job.account then ref.account = job.account end -- a fifth field takes as much room again, and there may be 10,000
  return ref
end

return submission
