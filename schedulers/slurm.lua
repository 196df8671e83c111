-- Slurm, by its commands (sbatch, squeue, sacct, scontrol, scancel, sinfo), 20.11 and later. The tag is the job's name, by
-- which squeue and sacct find it; the user's own name goes into the comment. Suspending and resuming are for Slurm's
-- operators only.
--   options of the resource: partition, account, reservation (for jobs that name none), sbatch (a list of further
--     arguments of every submission), max_submitted (default 1000)
--   custom attributes of a job: any long option of sbatch, "slurm.constraint": "fast"; true for one without a value
local commands = require "common.commands"
local looking = require "slurm.looking"

local slurm = { version = "1" }

local OPTIONS = { partition = "text", account = "text", reservation = "text", sbatch = "list of texts",
  max_submitted = "whole number" }

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.node_count", "resources.process_count", "resources.processes_per_node",
  "resources.cpu_cores_per_process", "resources.gpu_cores_per_process", "resources.exclusive_node_use", "resources.memory",
  "attributes.duration", "attributes.queue_name", "attributes.account", "attributes.reservation_id",
  "attributes.custom_attributes" }

local DIALECT = {
  environment = { SLURM_TIME_FORMAT = "%s", SLURM_BITSTR_LEN = "0", LC_ALL = "C" }, -- lists of elements are told whole
  words = function(result) -- without the program's name in front
    local text = result.stderr ~= "" and result.stderr or result.stdout
    return (text:gsub("^%s*%l+: error: ", ""):gsub("\n%l+: error: ", "; "):gsub("%s+$", ""))
  end,
  down = { "Unable to contact slurm controller", "Connection timed out", "Connection reset", "Broken pipe", "Socket timed out",
    "Protocol authentication error", "Zero Bytes were transmitted", "Message send failure", "Message receive failure",
    "Communication connection failure", "Communication shutdown failure", "Unexpected message received",
    "Insane message length", "in standby mode", "Unspecified error", "Transport endpoint is not connected",
    "Software caused connection abort", "Network is", "No route to host", "Host is down", "socket", "slurm_msg_",
    "slurm_receive_msg" },
  unasked = { "connect failure", "Connection refused", "Unable to establish", "configuration source",
    "I/O error writing script" },
  busy = { "temporarily unable", "Job violates accounting/QOS policy", "MaxJobCount", "QOSMaxSubmitJobPerUserLimit",
    "AssocMaxSubmitJobLimit" },
}

local function settings_of(text)
  local settings = {}
  for name, value in text:gmatch "([%w_]+)%s*= ([^\n]*)" do settings[name] = value end
  return settings
end

function slurm.open(config, host)
  local problem = commands.check_options(config, "slurm", OPTIONS)
  if problem then return nil, problem end
  local self = { config = config, run = commands.runner(host.exec, DIALECT, config.timeout_ms // 2), each = host.each,
    now = host.monotonic, cancelled = {} }
  local result, failure = self.run { "scontrol", "show", "config" }
  if not result then return nil, failure.message end
  local settings = settings_of(result.stdout)
  self.accounting = settings.AccountingStorageType == "accounting_storage/slurmdbd"
  self.honours = { fields = FIELDS, max_submitted = config.max_submitted or 1000, operator = { "suspend", "resume" },
    batch = "SLURM_JOB_ID", index = "SLURM_ARRAY_TASK_ID", element = "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}",
    array_size = math.max((math.tointeger(tonumber(settings.MaxArraySize)) or 1) - 1, 0) } -- the largest index
  return self
end

-- Submitting -----------------------------------------------------------------------------------------------------

local function minutes(seconds) return (seconds + 59) // 60 end -- Slurm's limits are whole minutes
local function megabytes(bytes) return (bytes + 1048575) // 1048576 end

-- The arguments of sbatch. The command line wins over everything in a script or the environment.
local function arguments_of(self, item)
  local r, a, config = item.resources, item.attributes, self.config
  local argv = { "sbatch", "--parsable", "--no-requeue", "--export-file=/dev/null", "--job-name=" .. item.tag,
    "--comment=" .. item.name, "--chdir=/", "--input=/dev/null", "--output=/dev/null", "--error=/dev/null",
    "--time=" .. minutes(a.duration) }
  local function add(option, value)
    if value then argv[#argv + 1] = ("--%s=%s"):format(option, value) end
  end
  add("array", item.size and "1-" .. item.size)
  add("nodes", r.node_count)
  add("ntasks", r.process_count or r.processes_per_node and (r.node_count or 1) * r.processes_per_node)
  add("ntasks-per-node", r.processes_per_node)
  add("cpus-per-task", r.cpu_cores_per_process)
  add("gpus-per-task", r.gpu_cores_per_process)
  add("mem", r.memory and megabytes(r.memory) .. "M")
  add("partition", a.queue_name or config.partition)
  add("account", a.account or config.account)
  add("reservation", a.reservation_id or config.reservation)
  if r.exclusive_node_use then argv[#argv + 1] = "--exclusive" end
  for _, argument in ipairs(config.sbatch or {}) do argv[#argv + 1] = argument end
  for option, value in pairs(a.custom_attributes) do
    if value == true then argv[#argv + 1] = "--" .. option
    else add(option, tostring(value)) end
  end
  return argv
end

-- Options that would take the job out of our hands, keep sbatch from submitting it, or have it read files of this machine; and
-- what they may be cut short to, as sbatch has it.
local OURS = {}
for option in ([[array begin chdir clusters comment dependency error export export-file gid help hold input job-name no-requeue
  nodefile open-mode output parsable quiet requeue test-only uid usage version wait wrap]]):gmatch "%S+" do
  for length = 1, #option do OURS[option:sub(1, length)] = true end
end

local function misused(item)
  for option, value in pairs(item.attributes.custom_attributes) do
    if OURS[option] or not option:find "^[%l][%l%d-]+$" then return ("slurm.%s cannot be set here"):format(option) end
    if not commands.is_argument(value) then return ("slurm.%s must be a text of one line, a number or true"):format(option) end
  end
end

-- What sbatch is given for an item → its result | nil, the error
local function sbatch(self, item, options, ...)
  local why = misused(item)
  if why then return nil, { class = "rejected", message = why } end
  local argv = arguments_of(self, item)
  for _, argument in ipairs { ... } do argv[#argv + 1] = argument end
  return self.run(argv, options)
end

function slurm.submit(self, items, report)
  commands.submit(self, items, report, function(item)
    local result, failure = sbatch(self, item, { stdin = item.batch, changes = true })
    if not result then return nil, failure end
    local id = result.stdout:match "^(%d+)"
    if not id then return nil, { class = "unknown", message = "sbatch said " .. result.stdout } end
    return item.size and { native_ids = commands.elements(id .. "_%d", item.size) } or { native_id = id }
  end)
end

---When a job would start if it were submitted now.
function slurm.estimate(self, items, report)
  self.each(items, function(item, i)
    local result, failure = sbatch(self, item, { stdin = "#!/bin/sh\n" }, "--test-only")
    local seconds = result and math.tointeger(tonumber(result.stderr:match "to start at (%d+) "))
    if seconds then report(i, { start_at = seconds * 1000 })
    else report(i, { error = failure or { class = "unknown", message = DIALECT.words(result) } }) end
  end)
end

-- Looking --------------------------------------------------------------------------------------------------------

local REMEMBERED_MS = 600000

-- Elements of an array that are cancelled before they run leave no trace; that scancel went well is all there is.
local function remember_cancelled(self, ids, records)
  local now = self.now()
  for id, at in pairs(self.cancelled) do
    if now - at > REMEMBERED_MS then self.cancelled[id] = nil end
  end
  for _, id in ipairs(ids) do
    if records[id].state == "PENDING" then self.cancelled[id] = now end
  end
end

-- What accounting says of jobs → records | nil: it does not answer, which is no reason to call all of Slurm down. It is asked
-- again after some time, longer if it let us wait.
local function ask_accounting(self, look, which)
  if not self.accounting then return {} end
  local began = self.now()
  if self.blind and began < self.ask_at then return nil end
  local records, failure = look(self, which)
  local now = self.now()
  self.ask_at = now + 1000 + 2 * (now - began)
  self.blind = failure and "accounting does not answer: " .. failure.message
  return records
end

-- Jobs that have left the queue. What accounting does not say of their end yet, their records may.
local function report_gone(self, items, gone, report)
  local ids = {}
  for n, i in ipairs(gone) do ids[n] = items[i].native_id end
  local past = ask_accounting(self, looking.at_accounting, ids)
  for _, i in ipairs(gone) do
    local ref = items[i]
    local record = past and past[ref.native_id]
    local status = record and record.name == ref.tag and looking.status_of(record)
    if status and status.final then report(i, status)
    elseif self.cancelled[ref.native_id] then report(i, { state = "CANCELED", final = true, native_state = "CANCELLED" })
    elseif past then report(i, { absent = true })
    else report(i, { error = { class = "unknown", message = self.blind } }) end
  end
end

function slurm.monitor(self, items, report)
  local queue, failure = looking.at_queue(self)
  local gone = {}
  for i, ref in ipairs(items) do
    local record = queue and queue[ref.native_id]
    if not queue then report(i, { error = failure })
    elseif not record then gone[#gone + 1] = i
    elseif record.name ~= ref.tag then report(i, { absent = true })
    else report(i, looking.status_of(record)) end
  end
  if #gone > 0 then report_gone(self, items, gone, report) end
end

-- The jobs of some names, by name: the number of each, which an array's elements have in common. Second comes why there may
-- be more.
local function numbers_of(self, names)
  local numbers = {}
  local function add(records)
    for id, record in pairs(records) do numbers[record.name] = id:match "^%d+" end
  end
  local queue, failure = looking.at_queue(self, "--name=" .. table.concat(names, ","))
  if not queue then return {}, failure.message end
  local past = ask_accounting(self, looking.at_accounting_of_names, names) -- one that ended may have left the queue
  add(past or {})
  add(queue)
  return numbers, not past and self.blind or nil
end

function slurm.find(self, items, report)
  local names = {}
  for i, item in ipairs(items) do names[i] = item.tag end
  local numbers, why = numbers_of(self, names)
  for i, item in ipairs(items) do
    local number = numbers[item.tag]
    if number and item.size then
      report(i, { answer = "found", native_ids = commands.elements(number .. "_%d", item.size) })
    elseif number then report(i, { answer = "found", native_id = number })
    elseif why then report(i, { answer = "unknown", message = why })
    else report(i, { answer = "absent" }) end
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

-- A verb that Slurm has as a command: `argv_of(ids, more)`. Options: most (so many jobs at once), done (a function that is told
-- of which it went well), anybodys (an operator is called for the jobs of others).
local function by_command(argv_of, options)
  options = options or {}
  return function(self, items, report, more)
    local ids = {}
    for i, ref in ipairs(items) do ids[i] = ref.native_id end
    local queue, failure = looking.at_queue_for(self, ids, options.anybodys)
    commands.steer(self, items, report, queue, failure, function(some)
      local result, why = self.run(argv_of(some, more), { changes = true })
      if result and options.done then options.done(self, some, queue) end
      return result, why
    end, options.most)
  end
end

local ONE_OF_ANYBODY = { most = 1, anybodys = true }

slurm.cancel = by_command(function(ids) return { "scancel", table.unpack(ids) } end, { done = remember_cancelled })
slurm.hold = by_command(function(ids) return { "scontrol", "hold", table.concat(ids, ",") } end)
slurm.release = by_command(function(ids) return { "scontrol", "release", table.concat(ids, ",") } end)
slurm.suspend = by_command(function(ids) return { "scontrol", "suspend", ids[1] } end, ONE_OF_ANYBODY)
slurm.resume = by_command(function(ids) return { "scontrol", "resume", ids[1] } end, ONE_OF_ANYBODY)
slurm.signal = by_command(function(ids, more) return { "scancel", "--full", "--signal=" .. more.name, ids[1] } end, { most = 1 })

-- What scontrol calls what can be altered. Jobs that run may lose their time, and get more of Slurm's operators alone.
local ALTERABLE = { { "duration", "TimeLimit", minutes }, { "queue_name", "Partition" }, { "account", "Account" },
  { "reservation_id", "ReservationName" } }

slurm.alter = by_command(function(ids, more)
  local argv = { "scontrol", "update", "JobId=" .. ids[1] }
  for _, row in ipairs(ALTERABLE) do
    local name, word, convert = table.unpack(row)
    local value = more.changes.attributes[name]
    if value then argv[#argv + 1] = ("%s=%s"):format(word, convert and convert(value) or value) end
  end
  return argv
end, { most = 1 })

-- The scheduler itself -------------------------------------------------------------------------------------------

local function seconds_of(text)
  local days, rest = text:match "^(%d+)-(.*)$"
  local parts, total = {}, 0
  for part in (rest or text):gmatch "%d+" do parts[#parts + 1] = tonumber(part) end
  if #parts < 2 then return nil end -- infinite
  if #parts == 2 then table.insert(parts, 1, 0) end
  for _, part in ipairs(parts) do total = total * 60 + part end
  return math.tointeger(total + (tonumber(days) or 0) * 86400)
end

-- How many jobs wait, by partition; those that may run in several wait in each.
local function waiting(self)
  local result = self.run { "squeue", "--noheader", "--array", "--all", "--states=PENDING", "--format=%P" }
  local all, by_queue = 0, {}
  for line in (result and result.stdout or ""):gmatch "[^\n]+" do
    all = all + 1
    for name in line:gmatch "[^,%s]+" do by_queue[name] = (by_queue[name] or 0) + 1 end
  end
  return result and all, by_queue
end

function slurm.status(self, _, report)
  local result, failure = self.run { "sinfo", "--noheader", "--summarize", "--all", "--format=%R|%a|%l|%C|%F" }
  if not result then return report(1, { error = failure }) end
  local pending, by_queue = waiting(self)
  local status = { state = self.blind and "degraded" or "up", message = self.blind, queues = {}, pending = pending or nil }
  for name, state, limit, cores_free, cores_total, nodes_free, nodes_total in
    result.stdout:gmatch "([^|\n]*)|([^|]*)|([^|]*)|%d+/(%d+)/%d+/(%d+)|%d+/(%d+)/%d+/(%d+)\n" do
    local queue = { name = name, state = state, max_duration = seconds_of(limit) }
    if pending then queue.pending = by_queue[name] or 0 end
    local counts = { cores_free = cores_free, cores_total = cores_total, nodes_free = nodes_free, nodes_total = nodes_total }
    for word, count in pairs(counts) do
      queue[word] = math.tointeger(count)
      status[word] = math.max(status[word] or 0, queue[word]) -- partitions share nodes: the largest stands for all
    end
    status.queues[#status.queues + 1] = queue
  end
  report(1, status)
end

return slurm
