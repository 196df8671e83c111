-- Grid Engine, by its commands (qsub, qstat, qacct, qdel, …), 6.2 to 8.1 and what came of them. The tag is the job's name,
-- and the verbs name jobs by it, so that none is ever meant for somebody else's job whose number came round again.
--   options of the resource: queue, project, reservation (for jobs that name none), qsub (a list of further arguments of
--     every submission), parallel_environment (for jobs of several slots on one machine, or wherever it puts them),
--     node_environment (one for each number of slots on a node, "mpi-%d"), memory (the complex that is asked for; default
--     "h_vmem"), exclusive (the complex that gives a job its machines alone), root, cell (default: $SGE_ROOT, $SGE_CELL),
--     folder (where the commands are)
--   custom attributes of a job: options of qsub, "sge.l": "gpu=1"; true for one without a value
local sge = { version = "1" }

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.process_count", "resources.cpu_cores_per_process", "resources.memory",
  "attributes.duration", "attributes.queue_name", "attributes.account", "attributes.reservation_id",
  "attributes.custom_attributes" }

-- Commands -------------------------------------------------------------------------------------------------------

-- What Grid Engine says: refusals of some commands come on standard output.
local function words_of(result)
  local text = result.stderr ~= "" and result.stderr or result.stdout
  return (text:gsub("^Unable to run job: ", ""):gsub("Exiting%.%s*$", ""):gsub("%s+$", ""):gsub("\n", "; "))
end

local DOWN = { "commlib error", "qmaster using port", "contact qmaster", "gdi request response", "answer list from qmaster" }
local BUSY = { "jobs are allowed per user", "jobs allowed in the system" }

local function names_one(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern, 1, true) then return true end
  end
  return false
end

-- Runs a command → its result | nil, the error that says why not. `changes`: it may have had its effect all the same.
-- Times are asked for in UTC, but a job would take the time zone of its submission.
local function run(self, argv, changes, stdin)
  local result, why = self.exec({ self.folder .. argv[1], table.unpack(argv, 2) }, { stdin = stdin, timeout = self.command_ms,
    environment = { LC_ALL = "C", SGE_ROOT = self.config.root, SGE_CELL = self.config.cell, TZ = not changes and "UTC" or nil } })
  if not result then return nil, { class = "unavailable", message = why } end
  if result.timed_out then
    return nil, { class = changes and "unknown" or "unavailable", message = argv[1] .. " did not answer in time" }
  end
  if result.exit_code == 0 then return result end
  local words = words_of(result)
  if names_one(words, DOWN) then
    -- A frozen master does what it was asked when it wakes; one that refuses the connection was not asked.
    local refused = words:find("Connection refused", 1, true)
    return nil, { class = changes and not refused and "unknown" or "unavailable", message = words }
  end
  if names_one(words, BUSY) then return nil, { class = "busy", message = words } end
  return nil, { class = "rejected", message = words ~= "" and words or ("%s ended with %d"):format(argv[1], result.exit_code) }
end

-- Opening --------------------------------------------------------------------------------------------------------

-- Debian's commands are scripts that find the cell and then run programs which do it ten times faster by themselves,
-- where they know the cell.
local function settings_of(self)
  local result, failure
  for _, folder in ipairs(self.config.folder and { self.config.folder .. "/" } or { "/usr/lib/gridengine/", "" }) do
    self.folder = folder
    result, failure = run(self, { "qconf", "-sconf" })
    if result or failure.message:find("commlib", 1, true) then break end
  end
  if not result then error(failure.message, 0) end
  local settings = {}
  for name, value in result.stdout:gmatch "\n([%l_]+)%s+([^\n]*)" do settings[name] = value end
  return settings
end

-- How a complex counts: for each slot (YES, NO) or for the whole job (JOB).
local function counting_of(self, name)
  local result, failure = run(self, { "qconf", "-sc" })
  if not result then error(failure.message, 0) end
  for complex, shortcut, consumable in result.stdout:gmatch "\n(%S+) +(%S+) +%S+ +%S+ +%S+ +(%S+)" do
    if complex == name or shortcut == name then return consumable end
  end
  error(("Grid Engine has no complex %s; name another in the option memory"):format(name), 0)
end

local OPTIONS = {}
for name in ([[queue project reservation qsub parallel_environment node_environment memory exclusive root cell folder
  timeout_ms]]):gmatch "%S+" do OPTIONS[name] = true end

function sge.open(config, host)
  for name in pairs(config) do
    if not OPTIONS[name] then error(("sge has no option %s"):format(name), 0) end
  end
  local self = { config = config, exec = host.exec, now = host.now, command_ms = config.timeout_ms // 2,
    memory = config.memory or "h_vmem", deleted = {}, reasons = {} }
  local settings = settings_of(self)
  self.counting = counting_of(self, self.memory)
  local fields = { table.unpack(FIELDS) }
  if config.exclusive then fields[#fields + 1] = "resources.exclusive_node_use" end
  if config.node_environment then
    fields[#fields + 1], fields[#fields + 2] = "resources.node_count", "resources.processes_per_node"
  end
  local most = math.tointeger(tonumber(settings.max_u_jobs)) or 0
  self.honours = { fields = fields, batch = "JOB_ID", array_size = 0, max_submitted = most > 0 and math.min(most, 1000) or 1000,
    cores = not (config.parallel_environment or config.node_environment) and 1 or nil }
  return self
end

-- Submitting -----------------------------------------------------------------------------------------------------

-- The slots of a job, and how many of them on one machine.
local function slots_of(r)
  local processes, cores = r.process_count or (r.node_count or 1) * (r.processes_per_node or 1), r.cpu_cores_per_process or 1
  local together = r.processes_per_node or (processes + (r.node_count or 1) - 1) // (r.node_count or 1)
  return processes * cores, together * cores
end

-- Options of qsub that a job may set, and which take words instead of one.
local CUSTOM = {}
for option in ("A binding ckpt js l m M masterq notify p pe R w"):gmatch "%S+" do CUSTOM[option] = true end

local function misused(item)
  for option, value in pairs(item.attributes.custom_attributes) do
    if not CUSTOM[option] then return ("sge.%s cannot be set here"):format(option) end
    if type(value) == "table" then return ("sge.%s must be a text, a number or true"):format(option) end
  end
end

-- The arguments of qsub. `-C ''`: what begins with #$ in a script is text.
local function arguments_of(self, item)
  local r, a, config = item.resources, item.attributes, self.config
  local slots, together = slots_of(r)
  local argv = { "qsub", "-terse", "-C", "", "-N", item.tag, "-ac", "name=" .. item.name:gsub("[^%w._-]", "_"), "-r", "n",
    "-m", "n", "-j", "n", "-S", "/bin/sh", "-wd", "/", "-i", "/dev/null", "-o", "/dev/null", "-e", "/dev/null" }
  local function add(option, value)
    if value then argv[#argv + 1], argv[#argv + 2] = option, value end
  end
  local resources = { "h_rt=" .. a.duration }
  if r.memory then
    local share = self.counting == "JOB" and 1 or together
    resources[2] = ("%s=%d"):format(self.memory, (r.memory + share - 1) // share)
  end
  if r.exclusive_node_use then resources[#resources + 1] = config.exclusive .. "=true" end
  add("-l", table.concat(resources, ","))
  if slots > 1 then
    local by_node = config.node_environment and (r.node_count or r.processes_per_node)
    add("-pe", by_node and config.node_environment:format(together) or config.parallel_environment)
    argv[#argv + 1] = tostring(slots)
  end
  add("-q", a.queue_name or config.queue)
  add("-P", a.account or config.project)
  add("-ar", a.reservation_id or config.reservation)
  for _, argument in ipairs(config.qsub or {}) do argv[#argv + 1] = argument end
  for option, value in pairs(a.custom_attributes) do
    argv[#argv + 1] = "-" .. option
    for word in (value == true and "" or tostring(value)):gmatch "%S+" do argv[#argv + 1] = word end
  end
  return argv
end

-- When the master does not answer one, the others are not tried.
function sge.submit(self, items, report)
  local down
  for i, item in ipairs(items) do
    local why = misused(item)
    if why then report(i, { error = { class = "rejected", message = why } })
    elseif down then report(i, { error = { class = "unavailable", message = down } })
    else
      local result, failure = run(self, arguments_of(self, item), true, item.batch)
      local id = result and result.stdout:match "^(%d+)"
      if id then report(i, { native_id = id })
      else report(i, { error = failure or { class = "unknown", message = "qsub said " .. words_of(result) } }) end
      if failure and failure.class ~= "rejected" then down = failure.message end
    end
  end
end

-- Looking --------------------------------------------------------------------------------------------------------

-- Milliseconds since 1970 of a time in UTC.
local function milliseconds(year, month, day, hour, minute, second)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
end

local function time_in_queue(text)
  local parts = {}
  for number in (text or ""):gmatch "%d+" do parts[#parts + 1] = math.tointeger(tonumber(number)) end
  return #parts >= 6 and milliseconds(table.unpack(parts, 1, 6)) or nil
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }
local function time_in_accounting(text)
  local month, day, hour, minute, second, year = (text or ""):match "%a+ (%a+) +(%d+) (%d+):(%d+):(%d+) (%d+)"
  if not MONTHS[month] then return nil end
  local parts = { year, MONTHS[month], day, hour, minute, second }
  for i, part in ipairs(parts) do parts[i] = math.tointeger(tonumber(part)) end
  return milliseconds(table.unpack(parts))
end

local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }
local function plain(text) return (text:gsub("[&%%](%l+);", ENTITIES)) end -- "%lt;" is a mistake of qstat's

-- One look at our own jobs → records by id. The last that ended are there for a while, in state z.
local function look_at_queue(self)
  local result, failure = run(self, { "qstat", "-xml", "-s", "prsz" })
  if not result then return nil, failure end
  local records = {}
  for job in result.stdout:gmatch "<job_list.-</job_list>" do
    local id, state = job:match "<JB_job_number>(%d+)<", job:match "<state>([^<]*)<"
    if id and state then
      records[id] = { name = plain(job:match "<JB_name>([^<]*)<" or ""), state = state,
        started_at = time_in_queue(job:match "<JAT_start_time>([^<]*)<"), queue = job:match "<queue_name>([^<]+)<" }
    end
  end
  return records
end

-- A record of the queue as a status. Its state is letters: r runs, t is transferred, s S T suspended, h held, q w waits,
-- E in error, d being deleted, R has been started again.
local function status_of(record)
  local state = record.state
  local status = { native_state = state, started_at = record.started_at }
  if state:find "E" then status.state = "QUEUED"
  elseif state:find "[sST]" then status.state = "SUSPENDED"
  elseif state:find "[rt]" then status.state = "ACTIVE"
  elseif state:find "h" then status.state = "HELD"
  elseif state:find "[qw]" then status.state = "QUEUED"
  else status.state, status.message = "ACTIVE", "Grid Engine says " .. state end
  local host = record.queue and record.queue:match "@(.*)"
  status.hosts = host and { host }
  return status
end

-- Why jobs are in error: asked once for each, for as long as it is.
local function learn_reasons(self, ids)
  local known, asked = {}, {}
  for _, id in ipairs(ids) do
    known[id] = self.reasons[id]
    if not known[id] then asked[#asked + 1] = id end
  end
  self.reasons = known
  local result = asked[1] and run(self, { "qstat", "-xml", "-j", table.concat(asked, ",") })
  for part in (result and result.stdout or ""):gmatch "<JB_job_number>.-</JB_ja_tasks>" do
    local message = part:match "<QIM_message>([^<]*)<"
    if message then known[part:match "%d+"] = plain(message):gsub("^[%d/]+ [%d:]+ %[[%d:]+%]: ", "") end
  end
end

-- What accounting says of jobs → records by id. More than one are looked for in one go through its long file.
local function look_at_accounting(self, refs)
  local argv, first = { "qacct", "-j", refs[1].tag }, math.huge
  for _, ref in ipairs(refs) do first = math.min(first, ref.submitted_at or 0) end
  if #refs > 1 then argv = { "qacct", "-b", os.date("!%Y%m%d%H%M.%S", first // 1000 - 60), "-j", "orrery-*" } end
  local result, failure = run(self, argv)
  if not result and failure.class ~= "rejected" then return nil, failure end
  local records, record = {}, {}
  for name, value in (result and result.stdout or ""):gmatch "([%w_=]+) *([^\n]-) *\n" do
    if name:find "^=" then record = {} end
    if name == "jobnumber" then records[value] = record end -- of several runs the last counts
    record[name] = value
  end
  return records
end

-- Words of accounting: numbers with a unit.
local UNITS = { K = 1024, M = 1024 ^ 2, G = 1024 ^ 3, T = 1024 ^ 4 }
local function amount(text)
  local number, unit = (text or ""):match "^([%d.]+)(%u?)"
  return (tonumber(number) or 0) * (UNITS[unit] or 1)
end

local function usage_of(record)
  local memory = math.tointeger(amount(record.maxvmem) // 1)
  return { wall_seconds = amount(record.ru_wallclock), cpu_seconds = amount(record.cpu), memory = memory > 0 and memory or nil }
end

-- Codes of `failed`: what kept a job from starting, and what tells nothing of how it ended.
local NEVER_BEGAN, SAYS_NOTHING = {}, {}
for code in ("1 2 3 4 5 6 7 8 9 10 11 21 22 26 27 28 29 31 32 33 34 35 36 38"):gmatch "%d+" do NEVER_BEGAN[code] = true end
for code in ("18 19 20 24 25"):gmatch "%d+" do SAYS_NOTHING[code] = true end

-- Why a killed job was killed, as far as its limits tell.
local function limit_passed(record, started_at, ended_at)
  local seconds = tonumber((record.category or ""):match "h_rt=(%d+)")
  if seconds and started_at and ended_at and ended_at - started_at >= seconds * 1000 then return "TIMEOUT" end
  local peak, slots = amount(record.maxvmem), tonumber(record.slots) or 1
  local bytes = tonumber((record.category or ""):match "h_vmem=(%d+)")
  if bytes and peak >= bytes * slots then return "OUT_OF_MEMORY" end
end

-- A record of accounting as a status; nil when it tells of no end. A job that was deleted by force has success in its
-- record, but not a single page fault.
local function end_of(record)
  local code, why = (record.failed or ""):match "^(%d+)[%s:]*(.*)$"
  local exit = math.tointeger(tonumber((record.exit_status or ""):match "^%d+"))
  if not code or not exit or SAYS_NOTHING[code] or record.ru_minflt == "0" and not NEVER_BEGAN[code] then return nil end
  local started_at, ended_at = time_in_accounting(record.start_time), time_in_accounting(record.end_time)
  local status = { state = "FAILED", final = true, native_state = code == "0" and "done" or "failed " .. code,
    started_at = started_at, ended_at = ended_at, hosts = { record.hostname }, usage = usage_of(record) }
  if NEVER_BEGAN[code] then
    status.reason, status.message = "LAUNCH_FAILED", "Grid Engine could not start it: " .. why
  elseif exit <= 128 or code ~= "37" and code ~= "100" then
    status.state, status.exit_code = exit == 0 and "COMPLETED" or "FAILED", exit
  else
    status.reason = limit_passed(record, started_at, ended_at) or code == "37" and "TIMEOUT" or "SIGNAL"
    if status.reason == "SIGNAL" then status.signal = exit - 128
    else status.message = why end
  end
  return status
end

local function report_gone(self, items, gone, report)
  local refs = {}
  for n, i in ipairs(gone) do refs[n] = items[i] end
  local past, failure = look_at_accounting(self, refs)
  for _, i in ipairs(gone) do
    local ref = items[i]
    local record = past and past[ref.native_id]
    local status = record and record.jobname == ref.tag and end_of(record)
    if self.deleted[ref.native_id] then report(i, { state = "CANCELED", final = true, native_state = "deleted" })
    elseif not past then report(i, { error = failure })
    else report(i, status or { absent = true }) end
  end
end

function sge.monitor(self, items, report)
  local queue, failure = look_at_queue(self)
  if not queue then
    for i in ipairs(items) do report(i, { error = failure }) end
    return
  end
  local gone, in_error = {}, {}
  for i, ref in ipairs(items) do
    local record = queue[ref.native_id]
    if not record or record.state == "z" or record.name ~= ref.tag then gone[#gone + 1] = i
    elseif record.state:find "E" then in_error[#in_error + 1] = ref.native_id
    end
  end
  learn_reasons(self, in_error)
  for i, ref in ipairs(items) do
    local record = queue[ref.native_id]
    if record and record.state ~= "z" and record.name == ref.tag then
      local status = status_of(record)
      if record.state:find "E" then status.stuck = self.reasons[ref.native_id] or "Grid Engine could not start it" end
      report(i, status)
    end
  end
  if gone[1] then report_gone(self, items, gone, report) end
end

function sge.find(self, items, report)
  local queue, failure = look_at_queue(self)
  local by_name = {}
  for id, record in pairs(queue or {}) do by_name[record.name] = id end
  for i, item in ipairs(items) do
    local past = queue and not by_name[item.tag] and look_at_accounting(self, { item })
    local id = by_name[item.tag] or past and next(past)
    if id then report(i, { answer = "found", native_id = id })
    elseif past then report(i, { answer = "absent" })
    else report(i, { answer = "unknown", message = failure and failure.message }) end
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

local REMEMBERED_MS = 600000

-- Jobs that are deleted before they run leave no trace; that qdel said so is all there is.
function sge.cancel(self, items, report)
  local now = self.now()
  for id, at in pairs(self.deleted) do
    if now - at > REMEMBERED_MS then self.deleted[id] = nil end
  end
  for i, ref in ipairs(items) do
    local result, failure = run(self, { "qdel", ref.tag }, true)
    if result and result.stdout:find "has deleted job" then self.deleted[ref.native_id] = now end
    local is_gone = failure and failure.message:find("does not exist", 1, true)
    report(i, (result or is_gone) and {} or { error = failure })
  end
end

-- A verb that Grid Engine has as a command for one job. Some end well whatever came of it, but say so only if it did.
local function by_command(argv, sign)
  return function(self, items, report)
    for i, ref in ipairs(items) do
      local command = { table.unpack(argv) }
      command[#command + 1] = ref.tag
      local result, failure = run(self, command, true)
      if result and sign and not result.stdout:find(sign) then
        local words = words_of(result)
        failure = { class = "rejected", message = words ~= "" and words or "Grid Engine did not do it" }
      end
      report(i, failure and { error = failure } or {})
    end
  end
end

sge.hold = by_command { "qhold", "-h", "u" }
sge.release = by_command { "qrls", "-h", "u" }
sge.suspend = by_command({ "qmod", "-sj" }, "suspended")
sge.resume = by_command({ "qmod", "-usj" }, "unsuspended")

-- The scheduler itself -------------------------------------------------------------------------------------------

local function seconds_of(text)
  local hours, minutes, seconds = (text or ""):match "^(%d+):(%d+):(%d+)"
  return hours and math.tointeger(hours * 3600 + minutes * 60 + seconds) or math.tointeger(tonumber(text))
end

-- The limits of wall time, by queue.
local function limits_of_queues(self)
  local result = run(self, { "qconf", "-sq", "*" })
  local limits, queue = {}, nil
  for name, value in (result and result.stdout or ""):gmatch "(%S+) +([^\n,]*)" do
    if name == "qname" then queue = value
    elseif name == "h_rt" then limits[queue] = seconds_of(value) end
  end
  return limits
end

function sge.status(self, _, report)
  local result, failure = run(self, { "qstat", "-xml", "-g", "c" })
  if not result then return report(1, { error = failure }) end
  local limits = limits_of_queues(self)
  local status = { state = "up", queues = {}, cores_free = 0, cores_total = 0 }
  for text in result.stdout:gmatch "<cluster_queue_summary>.-</cluster_queue_summary>" do
    local function number(name) return math.tointeger(tonumber(text:match("<" .. name .. ">(%d+)<"))) or 0 end
    local name, total = plain(text:match "<name>([^<]*)<" or ""), number "total"
    status.queues[#status.queues + 1] = { name = name, max_duration = limits[name],
      state = number "temp_disabled" + number "manual_intervention" < total and "up" or "down" }
    status.cores_total = status.cores_total + total
    status.cores_free = status.cores_free + number "available"
  end
  local pending = run(self, { "qstat", "-u", "*", "-s", "p" })
  if pending then status.pending = select(2, pending.stdout:gsub("\n *%d", "")) end
  report(1, status)
end

return sge
