-- The job specification: PSI/J's words, and ours in addition (see docs of the fields' `help`). Here is what one must look
-- like, and what the house itself reads out of it.
local moment = require "orrery.core.moment"
local states = require "orrery.core.job.states"

local spec = {}

local function text(help, more)
  local s = { type = "text", help = help }
  for name, value in pairs(more or {}) do s[name] = value end
  return s
end

local function count(help, max) return { type = "integer", min = 1, max = max or 1000000, help = help } end

local line = { type = "text", line = true, max = 4096 }

local dependency = { type = "object", help = "a job and how it must end", fields = {
  job = { type = "text", max = 64, required = true, help = "its id" },
  condition = { type = "text", choices = { "completed", "failed", "ended" },
    help = "completed (default), failed, or ended: in whatever way" },
} }

local resources = { type = "object", help = "what the job needs", fields = {
  node_count = count "nodes",
  process_count = count "processes in all",
  processes_per_node = count "processes on each node",
  cpu_cores_per_process = count "cores of each process (default 1)",
  gpu_cores_per_process = { type = "integer", min = 0, max = 1000000, help = "GPUs of each process" },
  exclusive_node_use = { type = "boolean", help = "no other job on its nodes" },
  memory = { type = "integer", min = 1, max = math.maxinteger, help = "bytes of memory" },
} }

local attributes = { type = "object", help = "how the scheduler treats the job", fields = {
  duration = { type = "integer", min = 1, max = 31536000,
    help = "wall time in seconds, suspended time not counted (default 3600)" },
  queue_name = text("the queue or partition", { line = true, max = 256 }),
  account = text("the account that is charged", { line = true, max = 256 }),
  reservation_id = text("the reservation to run in", { line = true, max = 256 }),
  custom_attributes = { type = "map", of = { type = "any" }, max = 256, key_pattern = "^[%w_-]+%.[%w_.-]+$",
    key_format = '"PLUG-IN.OPTION"', help = 'options of one scheduler, by "PLUG-IN.OPTION"' },
} }

local retries = { type = "object", help = "whether it is tried again when an attempt fails", fields = {
  count = { type = "integer", min = 0, max = 1000, help = "so many times (default 0)" },
  reasons = { type = "list", of = { type = "text", choices = states.failures }, max = #states.failures,
    help = "only when it fails for one of these reasons (default: those for which it cannot be blamed itself, "
      .. table.concat(states.blameless, ", ") .. ")" },
} }

spec.tags = { type = "map", of = line, max = 64, key_pattern = "^[%w_.:/-]+$", key_format = "letters, digits and _.:/-",
  help = "free labels: text by name" }

spec.max_active = { type = "integer", min = 1, max = 1000000, help = "so many of its jobs at most are handed over at once" }

spec.fields = {
  name = text("for people", { line = true, max = 256 }),
  executable = text("the program: an absolute path, or a name looked up in the job's PATH", { min = 1, max = 4096, line = true }),
  arguments = { type = "list", of = { type = "text", max = 1048576 }, max = 10000, help = "its arguments, passed as they are" },
  script = text("instead of an executable: the body of a script, run by its #! line or by /bin/sh", { min = 1, max = 4194304 }),
  directory = text("where it starts: an absolute path (default: the attempt's own directory)",
    { line = true, max = 4096, pattern = "^/", format = "an absolute path" }),
  environment = { type = "map", of = { type = "text", max = 1048576 }, max = 10000, key_pattern = "^[%a_][%w_]*$",
    key_format = "a variable's name: letters, digits and _", help = "variables to set" },
  inherit_environment = { type = "boolean", help = "true: on top of the account's login environment (default false)" },
  stdin_path = text("the file it reads", { line = true, min = 1, max = 4096 }),
  stdout_path = text("the file its output goes to (default: stdout, in the attempt's directory)", { line = true, min = 1, max = 4096 }),
  stderr_path = text("the file its errors go to (default: stderr)", { line = true, min = 1, max = 4096 }),
  resources = resources,
  attributes = attributes,
  resource = text("where it must run; absent: wherever it fits",
    { line = true, max = 64, pattern = "^[%w_-]+$", format = "a resource's name" }),
  priority = { type = "integer", min = -1000, max = 1000, help = "larger goes first among the owner's jobs" },
  hold = { type = "boolean", help = "true: waits for release" },
  not_before = { type = "time", help = "it is not handed over before this time" },
  depends_on = { type = "list", of = dependency, max = 100,
    help = "jobs of the same owner that must have ended before it is handed over; it fails when one ends in another way" },
  retries = retries,
  tags = spec.tags,
}

spec.schema = { type = "object", fields = spec.fields, help = "a job specification" }

---How many cores the job takes.
function spec.cores(job)
  local r = job.resources or {}
  local processes = r.process_count or (r.node_count or 1) * (r.processes_per_node or 1)
  return processes * (r.cpu_cores_per_process or 1)
end

---The time before which the job is not handed over, if that is still to come.
function spec.due_at(job, now)
  local due_at = job.not_before and moment.parse(job.not_before)
  return due_at and due_at > now and due_at or nil
end

---How many attempts may follow one that fails.
function spec.retries(job) return job.retries and job.retries.count or 0 end

---What the schema alone cannot say. @return {pointer:string, detail:string}[]|nil
function spec.inconsistent(job, prefix)
  if (job.executable == nil) ~= (job.script == nil) then return nil end
  if job.script then
    return { { pointer = (prefix or "") .. "/script", detail = "must be absent when there is an executable" } }
  end
  return { { pointer = (prefix or "") .. "/executable", detail = "is required, or a script instead of it" } }
end

local function flatten(job)
  local used = {}
  for name, value in pairs(job) do
    if name == "resources" or name == "attributes" then
      for inner in pairs(value) do used[#used + 1] = name .. "." .. inner end
    else
      used[#used + 1] = name
    end
  end
  return used
end

-- Fields that the house itself serves, whatever the scheduler.
local ours = { name = true, submit = true, hold = true, priority = true, tags = true, resource = true,
  not_before = true, depends_on = true, retries = true }

-- A number of cores as it counts for the kind of a job: of more than 99 the first two digits, and 0 for the rest. So a sweep
-- over cores makes some hundreds of kinds, not a million.
local function rounded(cores)
  local unit = 1
  while cores // unit > 99 do unit = unit * 10 end
  return cores // unit * unit
end

---What decides where the job fits, as a text: where one fits, so do all of the same kind, as far as cores are rounded.
function spec.kind(job)
  local seen, words = {}, {}
  local function add(word)
    if not seen[word] and not ours[word] then words[#words + 1] = word end
    seen[word] = true
  end
  for _, field in ipairs(flatten(job)) do add(field) end
  for key in pairs(job.attributes and job.attributes.custom_attributes or {}) do add(key:match "^[^.]+%.") end
  table.sort(words)
  return table.concat(words, " ") .. " " .. rounded(spec.cores(job))
end

-- A resource that was never reached has not said which it knows, and some plug-ins never do: nothing is held against them.
local function unknown_field(job, honours, resource, scheduler, prefix)
  if not honours.fields then return nil end
  local known = honours.known
  if not known then
    known = {}
    for _, field in ipairs(honours.fields) do known[field] = true end
    honours.known = known
  end
  for _, field in ipairs(flatten(job)) do
    if not ours[field] and not known[field] then
      return { pointer = (prefix or "") .. "/" .. field:gsub("%.", "/"),
        detail = ("resource %s cannot honour this field; leave it out or choose another resource"):format(resource) }
    end
  end
  for key in pairs(job.attributes and job.attributes.custom_attributes or {}) do
    if key:match("^[^.]+") ~= scheduler then
      return { pointer = (prefix or "") .. "/attributes/custom_attributes/" .. key,
        detail = ("resource %s is of scheduler %s, which does not know this option"):format(resource, scheduler) }
    end
  end
end

---Whether a resource can run the job, by what its plug-in honours.
---@param honours {fields:string[], cores:integer|nil}
---@return {pointer:string, detail:string}|nil problem
function spec.unhonoured(job, honours, resource, scheduler, prefix)
  local problem = unknown_field(job, honours, resource, scheduler, prefix)
  if problem then return problem end
  if honours.cores and spec.cores(job) > honours.cores then
    return { pointer = (prefix or "") .. "/resources",
      detail = ("needs %d cores; resource %s gives a job at most %d"):format(spec.cores(job), resource, honours.cores) }
  end
end

---Whether a resource can run a job of the same kind as this one: if it takes too many cores itself, another may not.
function spec.kind_fits(job, honours, resource, scheduler)
  return not unknown_field(job, honours, resource, scheduler) and rounded(spec.cores(job)) <= (honours.cores or math.huge)
end

return spec
