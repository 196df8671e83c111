-- Slurm, by its commands (sbatch, squeue, sacct, scontrol, scancel, sinfo), 20.11 and later. The tag is the job's name, by
-- which squeue and sacct find it; the user's own name goes into the comment. Names are what others can write: they are
-- told from what Slurm says by a mark that nobody can guess. Suspending and resuming are for Slurm's operators only.
--   options of the resource: partition, account, reservation (for jobs that name none), sbatch (a list of further
--     arguments of every submission), max_submitted (default 1000)
--   custom attributes of a job: any long option of sbatch, "slurm.constraint": "fast"; true for one without a value
local slurm = { version = "1" }

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.node_count", "resources.process_count", "resources.processes_per_node",
  "resources.cpu_cores_per_process", "resources.gpu_cores_per_process", "resources.exclusive_node_use", "resources.memory",
  "attributes.duration", "attributes.queue_name", "attributes.account", "attributes.reservation_id",
  "attributes.custom_attributes" }

-- Commands -------------------------------------------------------------------------------------------------------

-- What Slurm says, without the program's name in front.
local function words_of(result)
  local text = result.stderr ~= "" and result.stderr or result.stdout
  return (text:gsub("^%s*%l+: error: ", ""):gsub("\n%l+: error: ", "; "):gsub("%s+$", ""))
end

local DOWN = { "Unable to contact slurm controller", "Connection refused", "Connection timed out", "Socket timed out",
  "Protocol authentication error", "Zero Bytes were transmitted", "Unable to establish", "slurm_load_jobs error: Unspecified" }
local BUSY = { "temporarily unable", "Job violates accounting/QOS policy", "MaxJobCount", "QOSMaxSubmitJobPerUserLimit",
  "AssocMaxSubmitJobLimit" }

local function names_one(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern, 1, true) then return true end
  end
  return false
end

-- Runs a command → its result | nil, the error that says why not. `changes`: it may have had its effect all the same.
local function run(self, argv, options, changes)
  options = options or {}
  options.timeout = self.command_ms
  options.environment = { SLURM_TIME_FORMAT = "%s", LC_ALL = "C" }
  local result, why = self.exec(argv, options)
  if not result then return nil, { class = "unavailable", message = why } end
  if result.timed_out then
    return nil, { class = changes and "unknown" or "unavailable", message = argv[1] .. " did not answer in time" }
  end
  if result.exit_code == 0 then return result end
  local words = words_of(result)
  if names_one(words, DOWN) then
    -- A frozen controller does what it was asked when it wakes; one that refuses the connection was not asked.
    local refused = words:find("Connection refused", 1, true) or words:find("Unable to contact", 1, true)
    return nil, { class = changes and not refused and "unknown" or "unavailable", message = words }
  end
  if names_one(words, BUSY) then return nil, { class = "busy", message = words } end
  return nil, { class = "rejected", message = words ~= "" and words or ("%s ended with %d"):format(argv[1], result.exit_code) }
end

-- Opening --------------------------------------------------------------------------------------------------------

local function settings_of(text)
  local settings = {}
  for name, value in text:gmatch "([%w_]+)%s*= ([^\n]*)" do settings[name] = value end
  return settings
end

local OPTIONS = { partition = true, account = true, reservation = true, sbatch = true, max_submitted = true, timeout_ms = true }

function slurm.open(config, host)
  for name in pairs(config) do
    if not OPTIONS[name] then error(("slurm has no option %s"):format(name), 0) end
  end
  local self = { config = config, exec = host.exec, command_ms = config.timeout_ms // 2 }
  local result, failure = run(self, { "scontrol", "show", "config" })
  if not result then error(failure.message, 0) end
  local settings = settings_of(result.stdout)
  self.accounting = settings.AccountingStorageType == "accounting_storage/slurmdbd"
  self.honours = { fields = FIELDS, batch = "SLURM_JOB_ID", max_submitted = config.max_submitted or 1000, array_size = 0 }
  return self
end

-- Submitting -----------------------------------------------------------------------------------------------------

local function minutes(seconds) return (seconds + 59) // 60 end -- Slurm's limits are whole minutes
local function megabytes(bytes) return (bytes + 1048575) // 1048576 end

-- The arguments of sbatch. The command line wins over everything in a script or the environment.
local function arguments_of(self, item)
  local r, a, config = item.resources, item.attributes, self.config
  local argv = { "sbatch", "--parsable", "--no-requeue", "--export-file=/dev/null", "--job-name=" .. item.tag, "--comment=" .. item.name,
    "--chdir=/", "--input=/dev/null", "--output=/dev/null", "--error=/dev/null", "--time=" .. minutes(a.duration) }
  local function add(option, value)
    if value then argv[#argv + 1] = ("--%s=%s"):format(option, value) end
  end
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

-- Options that would take the job out of our hands.
local OURS = {}
for option in ([[array begin chdir clusters comment dependency error export export-file gid hold input job-name no-requeue
  open-mode output parsable quiet requeue test-only uid wait wrap]]):gmatch "%S+" do OURS[option] = true end

local function misused(item)
  for option, value in pairs(item.attributes.custom_attributes) do
    if OURS[option] or not option:find "^[%l][%l%d-]+$" then return ("slurm.%s cannot be set here"):format(option) end
    if type(value) == "table" then return ("slurm.%s must be a text, a number or true"):format(option) end
  end
end

-- When the controller does not answer one, the others are not tried.
function slurm.submit(self, items, report)
  local down
  for i, item in ipairs(items) do
    local why = misused(item)
    if why then report(i, { error = { class = "rejected", message = why } })
    elseif down then report(i, { error = { class = "unavailable", message = down } })
    else
      local result, failure = run(self, arguments_of(self, item), { stdin = item.batch }, true)
      local id = result and result.stdout:match "^(%d+)"
      if id then report(i, { native_id = id })
      else report(i, { error = failure or { class = "unknown", message = "sbatch said " .. result.stdout } }) end
      if failure and failure.class ~= "rejected" then down = failure.message end
    end
  end
end

-- Looking --------------------------------------------------------------------------------------------------------

-- Slurm's words for a state: ours, and the reason of an end.
local STATES = {
  PENDING = { "QUEUED" }, CONFIGURING = { "QUEUED" }, REQUEUED = { "QUEUED" }, REQUEUE_FED = { "QUEUED" },
  REQUEUE_HOLD = { "HELD" }, RESV_DEL_HOLD = { "HELD" }, SPECIAL_EXIT = { "HELD" },
  RUNNING = { "ACTIVE" }, COMPLETING = { "ACTIVE" }, SIGNALING = { "ACTIVE" }, RESIZING = { "ACTIVE" }, STAGE_OUT = { "ACTIVE" },
  SUSPENDED = { "SUSPENDED" }, STOPPED = { "SUSPENDED" },
  COMPLETED = { "COMPLETED" }, CANCELLED = { "CANCELED" }, FAILED = { "FAILED" },
  TIMEOUT = { "FAILED", "TIMEOUT" }, DEADLINE = { "FAILED", "TIMEOUT" }, NODE_FAIL = { "FAILED", "NODE_FAIL" },
  BOOT_FAIL = { "FAILED", "NODE_FAIL" }, OUT_OF_MEMORY = { "FAILED", "OUT_OF_MEMORY" }, PREEMPTED = { "FAILED", "PREEMPTED" },
  REVOKED = { "FAILED", "LOST" },
}
local HELD = { JobHeldUser = true, JobHeldAdmin = true, JobHoldMaxRequeue = true }
-- Reasons that nothing but a change by somebody ends.
local STUCK = { PartitionNodeLimit = true, PartitionTimeLimit = true, PartitionConfig = true, BadConstraints = true,
  DependencyNeverSatisfied = true, InvalidAccount = true, InvalidQOS = true,
  AccountNotAllowed = true, QOSNotAllowed = true, ["launch failed requeued held"] = true }

local function milliseconds(text)
  local seconds = math.tointeger(tonumber(text))
  return seconds and seconds > 0 and seconds * 1000 or nil
end

-- A record of the queue or of accounting as a status.
local function status_of(record)
  local word = record.state:match "^[%u_]+" or record.state
  local known = STATES[word]
  if not known then return { state = "ACTIVE", native_state = record.state, message = "Slurm says " .. record.state } end
  local status = { state = known[1], native_state = word, reason = known[2] }
  if status.state == "QUEUED" then
    if HELD[record.reason] then status.state = "HELD" end
    if STUCK[record.reason] then status.stuck = record.reason end
    if record.reason ~= "None" then status.message = record.reason end
    return status
  end
  status.started_at = record.started_at
  if status.state ~= "COMPLETED" and status.state ~= "FAILED" and status.state ~= "CANCELED" then return status end
  status.ended_at, status.final = record.ended_at, record.ended_at ~= nil
  if known[2] == nil and status.state ~= "CANCELED" then
    status.signal, status.exit_code = record.signal, not record.signal and record.exit_code or nil
    if status.state == "FAILED" then
      if record.reason == "JobLaunchFailure" and not record.signal then
        status.reason, status.exit_code = "LAUNCH_FAILED", nil
        status.message = "Slurm could not start it (JobLaunchFailure)"
      elseif record.signal then status.reason = "SIGNAL"
      else status.reason = "EXIT_CODE" end
    end
  end
  return status
end

local function new_mark() return ("<%08x%08x>"):format(math.random(0, 0xffffffff), math.random(0, 0xffffffff)) end

-- One look at our account's jobs in the queue → records by id.
local function look_at_queue(self, more)
  local mark = new_mark()
  local argv = { "squeue", "--me", "--noheader", "--array", "--all", "--states=all",
    ("--Format=JobArrayID:|,State:|,Reason:|,exit_code:|,StartTime:|,EndTime:|,Name:%s"):format(mark) }
  for _, argument in ipairs(more or {}) do argv[#argv + 1] = argument end
  local result, failure = run(self, argv)
  if not result then return nil, failure end
  local records, at = {}, 1
  while true do
    local first, last = result.stdout:find(mark, at, true)
    if not first then return records end
    local id, state, reason, status, started, ended, name =
      result.stdout:sub(at, first - 1):match "^%s*([%d_]+)|([^|]*)|([^|]*)|(%d+)|([^|]*)|([^|]*)|(.*)$"
    at = last + 1
    if id then
      status = math.tointeger(tonumber(status)) or 0
      records[id] = { state = state, reason = reason, name = name, started_at = milliseconds(started),
        ended_at = milliseconds(ended), exit_code = status >> 8, signal = status & 127 ~= 0 and status & 127 or nil }
    end
  end
end

-- The same of accounting, which remembers for long; `which` are arguments of sacct.
local function look_at_accounting(self, ...)
  local mark = new_mark()
  local result, failure = run(self, { "sacct", "--allocations", "--noheader", "--parsable2", "--delimiter=" .. mark,
    "--format=JobID,State,ExitCode,Start,End,JobName", ... })
  if not result then return nil, failure end
  local records = {}
  for line in result.stdout:gmatch "[^\n]+" do
    local id, state, code, signal, started, ended, name = line:match(("^([%d_]+)@(.-)@(%d+):(%d+)@(.-)@(.-)@(.*)$"):gsub("@", mark))
    if id then
      signal = math.tointeger(tonumber(signal))
      records[id] = { state = state, reason = "None", name = name, exit_code = math.tointeger(tonumber(code)),
        signal = signal ~= 0 and signal or nil, started_at = milliseconds(started), ended_at = milliseconds(ended) }
    end
  end
  return records
end

function slurm.monitor(self, items, report)
  local queue, failure = look_at_queue(self)
  if not queue then
    for i in ipairs(items) do report(i, { error = failure }) end
    return
  end
  local gone, ids = {}, {}
  for i, ref in ipairs(items) do
    local record = queue[ref.native_id]
    if not record then gone[#gone + 1], ids[#ids + 1] = i, ref.native_id
    elseif record.name ~= ref.tag then report(i, { absent = true })
    else report(i, status_of(record)) end
  end
  if #gone == 0 then return end
  local past
  if self.accounting then past, failure = look_at_accounting(self, "--jobs=" .. table.concat(ids, ",")) else past = {} end
  for _, i in ipairs(gone) do
    local ref = items[i]
    local record = past and past[ref.native_id]
    if not past then report(i, { error = failure })
    elseif not record or record.name ~= ref.tag then report(i, { absent = true })
    else report(i, status_of(record)) end
  end
end

function slurm.find(self, items, report)
  local names = {}
  for i, item in ipairs(items) do names[i] = item.tag end
  names = "--name=" .. table.concat(names, ",")
  local queue, failure = look_at_queue(self, { names })
  local past = {} -- one that ended while nobody looked may have left the queue
  if queue and self.accounting then past, failure = look_at_accounting(self, names, "--starttime=now-7days") end
  local by_name = {}
  for _, records in ipairs { past or {}, queue or {} } do
    for id, record in pairs(records) do by_name[record.name] = id end
  end
  for i, item in ipairs(items) do
    if by_name[item.tag] then report(i, { answer = "found", native_id = by_name[item.tag] })
    elseif not queue or not past then report(i, { answer = "unknown", message = failure.message })
    else report(i, { answer = "absent" }) end
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

-- A verb that Slurm has as a command for one job. Ids are used again after a scheduler was set up anew, so it is looked
-- first whether the job of that id is ours; one that has gone has nothing more to be done.
local function by_command(argv_of)
  return function(self, items, report, more)
    local ids = {}
    for i, ref in ipairs(items) do ids[i] = ref.native_id end
    local queue, failure = look_at_queue(self, { "--jobs=" .. table.concat(ids, ",") })
    if not queue and failure.message:find "Invalid job id" then queue = {} end -- none of them is there
    for i, ref in ipairs(items) do
      local record = queue and queue[ref.native_id]
      if not queue then report(i, { error = failure })
      elseif not record or record.name ~= ref.tag then
        report(i, { error = { class = "rejected", message = "Slurm has no such job any more" } })
      else
        local result
        result, failure = run(self, argv_of(ref, more))
        report(i, result and {} or { error = failure })
      end
    end
  end
end

slurm.cancel = by_command(function(ref) return { "scancel", ref.native_id } end)
slurm.hold = by_command(function(ref) return { "scontrol", "hold", ref.native_id } end)
slurm.release = by_command(function(ref) return { "scontrol", "release", ref.native_id } end)
slurm.suspend = by_command(function(ref) return { "scontrol", "suspend", ref.native_id } end)
slurm.resume = by_command(function(ref) return { "scontrol", "resume", ref.native_id } end)
slurm.signal = by_command(function(ref, more) return { "scancel", "--full", "--signal=" .. more.name, ref.native_id } end)

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

function slurm.status(self, _, report)
  local result, failure = run(self, { "sinfo", "--noheader", "--summarize", "--all", "--format=%R|%a|%l|%C|%A" })
  if not result then return report(1, { error = failure }) end
  local status = { state = "up", queues = {}, cores_free = 0, cores_total = 0, nodes_free = 0 }
  for name, state, limit, _, idle, _, total, _, nodes_idle in
    result.stdout:gmatch "([^|\n]*)|([^|]*)|([^|]*)|(%d+)/(%d+)/(%d+)/(%d+)|(%d+)/(%d+)\n" do
    status.queues[#status.queues + 1] = { name = name, state = state, max_duration = seconds_of(limit) }
    -- Partitions share nodes: the largest stands for all.
    status.cores_free = math.max(status.cores_free, math.tointeger(tonumber(idle)))
    status.cores_total = math.max(status.cores_total, math.tointeger(tonumber(total)))
    status.nodes_free = math.max(status.nodes_free, math.tointeger(tonumber(nodes_idle)))
  end
  local pending = run(self, { "squeue", "--noheader", "--array", "--all", "--states=PENDING", "--Format=State:1" })
  if pending then status.pending = select(2, pending.stdout:gsub("\n", "")) end
  report(1, status)
end

return slurm
