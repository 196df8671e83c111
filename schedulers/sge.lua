-- Grid Engine, by its commands (qsub, qstat, qacct, qdel, …), 6.2 to 8.1 and what came of them. The tag is the job's name.
--   options of the resource: queue, project, reservation (for jobs that name none), qsub (a list of further arguments of
--     every submission), parallel_environment (for jobs of several slots on one machine, or wherever it puts them),
--     node_environment (one for each number of slots on a node, "mpi-%d"), memory (the complex that is asked for; default
--     "h_vmem"), exclusive (the complex that gives a job its machines alone), root, cell (default: $SGE_ROOT, $SGE_CELL),
--     folder (where the commands are)
--   custom attributes of a job: options of qsub, "sge.l": "gpu=1"; true for one without a value
local accounting = require "sge.accounting"
local altering = require "sge.altering"
local commands = require "common.commands"
local queue = require "sge.queue"
local time = require "common.time"

local sge = { version = "1" }

local OPTIONS = { qsub = "list of texts" }
for name in ([[queue project reservation parallel_environment node_environment memory exclusive root cell
  folder]]):gmatch "%S+" do OPTIONS[name] = "text" end

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.process_count", "resources.cpu_cores_per_process", "resources.memory",
  "attributes.duration", "attributes.queue_name", "attributes.account", "attributes.reservation_id",
  "attributes.custom_attributes" }

local MOST_TASKS, MOST_SUBMITTED = 75000, 1000

-- Opening --------------------------------------------------------------------------------------------------------

-- How its commands speak. Refusals of some come on standard output. Times are asked for in UTC; a job would take the time
-- zone of its submission.
local function dialect_of(config)
  return {
    environment = { LC_ALL = "C", SGE_ROOT = config.root, SGE_CELL = config.cell },
    words = function(result)
      local text = result.stderr ~= "" and result.stderr or result.stdout
      return (text:gsub("^Unable to run job: ", ""):gsub("Exiting%.%s*$", ""):gsub("%s+$", ""):gsub("\n", "; "))
    end,
    down = { "commlib error", "qmaster using port", "contact qmaster", "gdi request response", "answer list from qmaster" },
    unasked = { "Connection refused" },
    busy = { "jobs are allowed per user", "jobs allowed in the system" },
  }
end

-- Debian's commands are scripts that find the cell and then run programs which do it ten times faster by themselves,
-- where they know the cell → the settings of the whole.
local function find_commands(self, run)
  local result, failure
  for _, folder in ipairs(self.config.folder and { self.config.folder .. "/" } or { "/usr/lib/gridengine/", "" }) do
    self.run = function(argv, options) return run({ folder .. argv[1], table.unpack(argv, 2) }, options) end
    result, failure = self.run { "qconf", "-sconf" }
    if result or failure.message:find("commlib", 1, true) then break end
  end
  if not result then return nil, failure.message end
  local settings = {}
  for name, value in result.stdout:gmatch "\n([%l_]+)%s+([^\n]*)" do settings[name] = math.tointeger(tonumber(value)) or value end
  return settings
end

-- How a complex counts: for each slot (YES, NO) or for the whole job (JOB) | nil, why that cannot be told
local function counting_of(self, name)
  local result, failure = self.run { "qconf", "-sc" }
  if not result then return nil, failure.message end
  for complex, shortcut, consumable in result.stdout:gmatch "\n(%S+) +(%S+) +%S+ +%S+ +%S+ +(%S+)" do
    if complex == name or shortcut == name then return consumable end
  end
  return nil, ("Grid Engine has no complex %s; name another in the option memory"):format(name)
end

-- A limit of which 0 means that there is none.
local function limit(value, most)
  return math.type(value) == "integer" and value > 0 and math.min(value, most) or most
end

function sge.open(config, host)
  local problem = commands.check_options(config, "sge", OPTIONS)
  if problem then return nil, problem end
  local self = { config = config, dialect = dialect_of(config), now = host.monotonic, each = host.each,
    memory = config.memory or "h_vmem", deleted = {}, reasons = {} }
  local settings
  settings, problem = find_commands(self, commands.runner(host.exec, self.dialect, config.timeout_ms // 2))
  if settings then self.counting, problem = counting_of(self, self.memory) end
  if problem then return nil, problem end
  local fields = { table.unpack(FIELDS) }
  if config.exclusive then fields[#fields + 1] = "resources.exclusive_node_use" end
  if config.node_environment then
    fields[#fields + 1], fields[#fields + 2] = "resources.node_count", "resources.processes_per_node"
  end
  self.honours = { fields = fields, batch = "JOB_ID", index = "SGE_TASK_ID", element = "${JOB_ID}.${SGE_TASK_ID}",
    array_size = limit(settings.max_aj_tasks, MOST_TASKS), max_submitted = limit(settings.max_u_jobs, MOST_SUBMITTED),
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

-- The parallel environment of a job of several slots | nil: the resource has none for it
local function environment_for(config, r, together)
  local by_node = config.node_environment and (r.node_count or r.processes_per_node)
  return by_node and config.node_environment:format(together) or config.parallel_environment
end

-- Options of qsub that a job may set, and how many words each takes: what came after these would be options of their own, or
-- what qsub is to run instead.
local CUSTOM = { A = 1, binding = 1, ckpt = 1, js = 1, l = 1, m = 1, M = 1, masterq = 1, notify = 0, p = 1, pe = 2, R = 1, w = 1 }
local BEFORE_BINDING = { env = true, pe = true, set = true }
local ONLY_LOOKS = { p = true, v = true } -- for -w: qsub says whether it would take the job, and does not

local function words_of(value)
  local words = {}
  for word in (value == true and "" or tostring(value)):gmatch "%S+" do words[#words + 1] = word end
  return words
end

local function misused(self, item)
  local slots, together = slots_of(item.resources)
  if slots > 1 and not environment_for(self.config, item.resources, together) then
    return "the resource has no parallel_environment; jobs of several slots must say how many there are on a node"
  end
  for option, value in pairs(item.attributes.custom_attributes) do
    local count = CUSTOM[option]
    if not count then return ("sge.%s cannot be set here"):format(option) end
    if not commands.is_argument(value) then return ("sge.%s must be a text of one line, a number or true"):format(option) end
    local words = words_of(value)
    if option == "binding" and BEFORE_BINDING[words[1]] then count = 2 end
    if #words ~= count then return ("sge.%s takes %d words, not %d"):format(option, count, #words) end
    for _, word in ipairs(words) do
      if word:find "^%-" and not tonumber(word) or option == "w" and ONLY_LOOKS[word] then
        return ("sge.%s cannot be %s"):format(option, word)
      end
    end
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
  add("-t", item.size and "1-" .. item.size)
  add("-l", table.concat(resources, ","))
  if slots > 1 then
    add("-pe", environment_for(config, r, together))
    argv[#argv + 1] = tostring(slots)
  end
  add("-q", a.queue_name or config.queue)
  add("-P", a.account or config.project)
  add("-ar", a.reservation_id or config.reservation)
  for _, argument in ipairs(config.qsub or {}) do argv[#argv + 1] = argument end
  for option, value in pairs(a.custom_attributes) do
    argv[#argv + 1] = "-" .. option
    for _, word in ipairs(words_of(value)) do argv[#argv + 1] = word end
  end
  return argv
end

function sge.submit(self, items, report)
  commands.submit(self, items, report, function(item)
    local why = misused(self, item)
    if why then return nil, { class = "rejected", message = why } end
    local result, failure = self.run(arguments_of(self, item), { stdin = item.batch, changes = true })
    if not result then return nil, failure end
    local id = result.stdout:match "^(%d+)"
    if not id then return nil, { class = "unknown", message = "qsub said " .. self.dialect.words(result) } end
    return item.size and { native_ids = commands.elements(id .. ".%d", item.size) } or { native_id = id }
  end)
end

-- Looking --------------------------------------------------------------------------------------------------------

local function report_gone(self, items, gone, report)
  local refs = {}
  for n, i in ipairs(gone) do refs[n] = items[i] end
  local past, failure = accounting.look(self, refs)
  for _, i in ipairs(gone) do
    local ref = items[i]
    local record = past and past[ref.native_id]
    local status = record and record.jobname == ref.tag and accounting.status_of(record)
    if self.deleted[ref.native_id] then report(i, { state = "CANCELED", final = true, native_state = "deleted" })
    elseif not past then report(i, { error = failure })
    else report(i, status or { absent = true }) end
  end
end

function sge.monitor(self, items, report)
  local records, failure = queue.look(self)
  if not records then
    for i in ipairs(items) do report(i, { error = failure }) end
    return
  end
  local gone, here, in_error = {}, {}, {}
  for i, ref in ipairs(items) do
    local record = records[ref.native_id]
    if not record or record.name ~= ref.tag then gone[#gone + 1] = i
    else
      here[i] = record
      if record.state:find "E" then in_error[#in_error + 1] = ref.native_id end
    end
  end
  queue.learn_reasons(self, in_error)
  for i, record in pairs(here) do
    local status = queue.status_of(record)
    if record.state:find "E" then status.stuck = self.reasons[items[i].native_id] or "Grid Engine could not start it" end
    report(i, status)
  end
  if gone[1] then report_gone(self, items, gone, report) end
end

function sge.find(self, items, report)
  local numbers, failure = queue.numbers(self)
  for i, item in ipairs(items) do
    local past = numbers and not numbers[item.tag] and accounting.look(self, { item })
    local number = numbers and numbers[item.tag] or past and next(past) and next(past):match "^%d+"
    if number and item.size then
      report(i, { answer = "found", native_ids = commands.elements(number .. ".%d", item.size) })
    elseif number then report(i, { answer = "found", native_id = number })
    elseif past then report(i, { answer = "absent" })
    else report(i, { answer = "unknown", message = failure and failure.message }) end
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

-- A verb that Grid Engine has as a command, for so many jobs at once. Some end well whatever came of it, but say so only if
-- it did: `sign`. `done` is given what a command said.
local function by_command(argv, most, sign, done)
  return function(self, items, report)
    local records, failure = queue.look(self)
    commands.steer(self, items, report, records, failure, function(ids)
      local command = { table.unpack(argv) }
      table.move(ids, 1, #ids, #command + 1, command)
      local result, why = self.run(command, { changes = true })
      if result and done then done(self, result.stdout) end
      if not result or not sign or result.stdout:find(sign) then return result, why end
      local words = self.dialect.words(result)
      return nil, { class = "rejected", message = words ~= "" and words or "Grid Engine did not do it" }
    end, most)
  end
end

local REMEMBERED_MS = 600000

-- Jobs that are deleted before they run leave no trace; that qdel said so is all there is.
local function remember_deleted(self, words)
  local now = self.now()
  for id, at in pairs(self.deleted) do
    if now - at > REMEMBERED_MS then self.deleted[id] = nil end
  end
  for id in words:gmatch "has deleted job[%a -]* (%d[%d.]*)" do self.deleted[id] = now end
end

sge.cancel = by_command({ "qdel" }, nil, nil, remember_deleted)
sge.hold = by_command { "qhold", "-h", "u" }
sge.release = by_command { "qrls", "-h", "u" }
sge.suspend = by_command({ "qmod", "-sj" }, 1, "suspended")
sge.resume = by_command({ "qmod", "-usj" }, 1, "unsuspended")

function sge.alter(self, items, report, more)
  local records, failure = queue.look(self)
  commands.steer(self, items, report, records, failure, function(ids)
    return altering.alter(self, ids[1], records[ids[1]], more.changes.attributes)
  end, 1)
end

-- The scheduler itself -------------------------------------------------------------------------------------------

-- The limits of wall time, by queue.
local function limits_of_queues(self)
  local result = self.run { "qconf", "-sq", "*" }
  local limits, at = {}, nil
  for name, value in (result and result.stdout or ""):gmatch "(%S+) +([^\n,]*)" do
    if name == "qname" then at = value
    elseif name == "h_rt" then limits[at] = time.span(value) end
  end
  return limits
end

function sge.status(self, _, report)
  local result, failure = self.run { "qstat", "-xml", "-g", "c" }
  if not result then return report(1, { error = failure }) end
  local limits = limits_of_queues(self)
  local status = { state = "up", queues = {}, cores_free = 0, cores_total = 0 }
  for text in result.stdout:gmatch "<cluster_queue_summary>.-</cluster_queue_summary>" do
    local function number(name) return math.tointeger(tonumber(text:match("<" .. name .. ">(%d+)<"))) or 0 end
    local name = queue.plain(text:match "<name>([^<]*)<" or "")
    local total, free = number "total", number "available"
    status.queues[#status.queues + 1] = { name = name, max_duration = limits[name], cores_total = total, cores_free = free,
      state = number "temp_disabled" + number "manual_intervention" < total and "up" or "down" }
    status.cores_total = status.cores_total + total
    status.cores_free = status.cores_free + free
  end
  local pending = self.run { "qstat", "-u", "*", "-s", "p", "-g", "d" }
  if pending then status.pending = select(2, pending.stdout:gsub("\n *%d", "")) end
  report(1, status)
end

return sge
