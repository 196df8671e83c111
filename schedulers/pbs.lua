-- PBS, by its commands (qsub, qstat, qselect, qdel, …): OpenPBS and PBS Professional from 18 on, and Torque, which are told apart
-- when the resource is opened; what they do not share is in pbs.openpbs and pbs.torque. The tag is the job's name. Suspending and
-- resuming are for PBS's operators only. OpenPBS tells of jobs that have ended if its job_history_enable is set; else their own
-- records do, which know no time limit: a job that was over it ends by a signal.
--   options of the resource: queue, account, project (OpenPBS), reservation (OpenPBS; its queue), qsub (a list of further
--     arguments of every submission), folder (where the commands are), max_submitted (default 1000)
--   custom attributes of a job: resources, "pbs.gpus": 1 for -l gpus=1
local altering = require "pbs.altering"
local commands = require "common.commands"
local looking = require "pbs.looking"
local openpbs = require "pbs.openpbs"
local standing = require "pbs.standing"
local torque = require "pbs.torque"

local pbs = { version = "1" }

local OPTIONS = { queue = "text", account = "text", project = "text", reservation = "text", qsub = "list of texts",
  folder = "text", max_submitted = "whole number" }

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.node_count", "resources.process_count", "resources.processes_per_node",
  "resources.cpu_cores_per_process", "resources.memory", "attributes.duration", "attributes.queue_name", "attributes.account",
  "attributes.custom_attributes" }

-- Opening --------------------------------------------------------------------------------------------------------

-- What a command said, without its name in front, how it is used, and what it said twice.
local function words_of(result)
  local text = result.stderr ~= "" and result.stderr or result.stdout
  local lines, seen = {}, {}
  for line in text:gsub("usage:.*", ""):gmatch "[^\n]+" do
    line = line:gsub("^%l+: ", ""):gsub("%s+$", "")
    if line ~= "" and not seen[line] then lines[#lines + 1], seen[line] = line, true end
  end
  return table.concat(lines, "; ")
end

-- PBS's commands end with the number of their error, which is 0 where it has none.
local function honest(exec, phrases)
  return function(argv, options)
    local result, why = exec(argv, options)
    if result and result.exit_code == 0 then
      for _, phrase in ipairs(phrases) do
        if result.stderr:find(phrase, 1, true) then result.exit_code = 255 end
      end
    end
    return result, why
  end
end

local function runner(config, exec, flavour)
  local dialect = { environment = { LC_ALL = "C" }, words = words_of, down = flavour.down, unasked = flavour.unasked,
    busy = flavour.busy, codes = flavour.codes }
  local run = commands.runner(honest(exec, flavour.down), dialect, config.timeout_ms // 2)
  if not config.folder then return run end
  return function(argv, options) return run({ config.folder .. "/" .. argv[1], table.unpack(argv, 2) }, options) end
end

-- Torque says on standard error which it is.
local function tell_flavour(run)
  local result, failure = run { "qstat", "--version" }
  if not result then return nil, failure.message end
  if result.stdout:find "pbs_version" then return openpbs end
  if result.stderr:lower():find "version:" then return torque end
  return nil, "qstat is neither OpenPBS's nor Torque's: " .. words_of(result)
end

local function open(self, config, exec)
  local problem
  self.flavour, problem = tell_flavour(runner(config, exec, openpbs))
  if not self.flavour then return problem end
  self.run = runner(config, exec, self.flavour)
  local user = exec({ "id", "-un" }, { timeout = config.timeout_ms // 2 })
  self.user = user and user.stdout:match "^(%S+)\n$"
  if not self.user then return "id does not say who we are" end
  local server, failure = standing.server(self)
  if not server then return failure.message end
  self.server, self.array_size, self.remembers = server.name, self.flavour.array_size(server), self.flavour.remembers(server)
  if self.flavour == torque and (config.project or config.reservation) then
    return "options project and reservation are OpenPBS's; this is Torque"
  end
end

function pbs.open(config, host)
  local problem = commands.check_options(config, "pbs", OPTIONS)
  if problem then return nil, problem end
  local self = { config = config, each = host.each, now = host.monotonic, deleted = {} }
  problem = open(self, config, host.exec)
  if problem then return nil, problem end
  local fields = table.move(self.flavour.fields, 1, #self.flavour.fields, #FIELDS + 1, { table.unpack(FIELDS) })
  self.honours = { fields = fields, batch = "PBS_JOBID", index = self.flavour.index, element = "${PBS_JOBID}",
    array_size = self.array_size, max_submitted = config.max_submitted or 1000, operator = { "suspend", "resume" } }
  return self
end

-- Submitting -----------------------------------------------------------------------------------------------------

-- Resources that are ours to ask for, where the job says how much of them it needs; and those that only make sense with others.
local OURS = { walltime = true }
local NODES = { select = true, place = true, nodes = true, ncpus = true, procs = true, ppn = true, mem = true, mpiprocs = true }

local function misused(self, item)
  local longest = self.flavour.longest_script
  if longest and #item.batch > longest then
    return ("%s takes no script of more than %d bytes, and this is one of %d"):format(self.flavour.title, longest, #item.batch)
  end
  if item.attributes.queue_name and item.attributes.reservation_id then
    return "a reservation of PBS's is a queue: name one of the two"
  end
  for name, value in pairs(item.attributes.custom_attributes) do
    if OURS[name] or not name:find "^%a[%w_]*$" then return ("pbs.%s cannot be set here"):format(name) end
    if NODES[name] and next(item.resources) then return ("pbs.%s cannot be set beside resources"):format(name) end
    if type(value) ~= "string" and type(value) ~= "number" or not tostring(value):find "^[%w_.:=+/@%%*-]+$"
      or not commands.is_argument(value) then
      return ("pbs.%s must be a number, or a text of letters, digits and _.:=+/@%%*-"):format(name)
    end
  end
end

-- What is asked for with -l. A job that asks for nodes in PBS's own words gets no others.
local function resources_of(self, item)
  local values, custom, own = { "walltime=" .. item.attributes.duration }, {}, false
  for name, value in pairs(item.attributes.custom_attributes) do
    custom[#custom + 1], own = ("%s=%s"):format(name, value), own or NODES[name]
  end
  table.sort(custom)
  if next(item.resources) and not own then
    for _, value in ipairs(self.flavour.needs(item.resources)) do values[#values + 1] = value end
  end
  return table.move(custom, 1, #custom, #values + 1, values)
end

local function queue_of(self, a)
  local reservation = a.reservation_id or not a.queue_name and self.config.reservation
  return reservation and reservation:match "^[^.]*" or a.queue_name or self.config.queue
end

-- The arguments of qsub. The script says itself where its output goes; it is not to be run twice, which of an array PBS does not
-- promise.
local function arguments_of(self, item)
  local a, config, flavour = item.attributes, self.config, self.flavour
  local argv = { "qsub" }
  local function add(option, value)
    if value then argv[#argv + 1], argv[#argv + 2] = option, value end
  end
  add("-N", item.tag)
  for option, value in ("-S /bin/sh -m n -j oe -o /dev/null -W umask=022"):gmatch "(%S+) (%S+)" do add(option, value) end
  add("-r", not item.size and "n")
  add(flavour.array, item.size and "1-" .. item.size)
  for _, value in ipairs(resources_of(self, item)) do add("-l", value) end
  add("-q", queue_of(self, a))
  add("-A", a.account or config.account)
  add("-P", config.project)
  return table.move(config.qsub or {}, 1, #(config.qsub or {}), #argv + 1, argv)
end

-- "36[].server" as "36[%d].server"
local function natives_of(id, size)
  if not size then return { native_id = id } end
  return { native_ids = commands.elements(id:gsub("%%", "%%%%"):gsub("%[%]", "[%%d]"), size) }
end

-- OpenPBS's qsub leaves a program behind that submits for those that come within a minute, which spares each a connection (there
-- is room for some hundred a minute). It has descriptor 3: the host ends it before it asks what became of a submission.
function pbs.submit(self, items, report)
  commands.submit(self, items, report, function(item)
    local why = misused(self, item)
    if why then return nil, { class = "rejected", message = why } end
    local result, failure = self.run(arguments_of(self, item), { stdin = item.batch, changes = true })
    if not result then return nil, failure end
    local id = result.stdout:match(item.size and "^(%d+%[%]%.%S+)\n" or "^(%d+%.%S+)\n")
    if not id then return nil, { class = "unknown", message = "qsub said " .. words_of(result) } end
    return natives_of(id, item.size)
  end)
end

-- The id of our job of a tag | nil, nil: there is none | nil, the error
local function find_one(self, item)
  for _, name in ipairs(self.flavour.names(item.tag, item.size)) do
    local result, failure = looking.run(self, function(remembers) return self.flavour.select(remembers, self.user, name) end)
    if not result then return nil, failure end
    local number, server = result.stdout:match "^(%d+)[%[%]%d]*(%.%S+)"
    if number then return number .. (item.size and "[]" or "") .. server end
  end
end

function pbs.find(self, items, report)
  self.each(items, function(item, i)
    local id, failure = find_one(self, item)
    local answer = id and natives_of(id, item.size) or { message = failure and failure.message }
    answer.answer = id and "found" or failure and "unknown" or "absent"
    report(i, answer)
  end)
end

-- Looking --------------------------------------------------------------------------------------------------------

local function ids_of(items)
  local ids = {}
  for i, ref in ipairs(items) do ids[i] = ref.native_id end
  return ids
end

local RECORD_MS = 30000 -- within which a job's own record of its end is there, if it left one

-- Whether a job of which PBS says nothing, or nothing clear, was deleted. One that ran may have come to its own end first.
local function was_deleted(self, id, status)
  local deletion = self.deleted[id]
  if not deletion or not deletion.ran then return deletion ~= nil end
  deletion.gone_at = deletion.gone_at or self.now()
  return not status and self.now() - deletion.gone_at >= RECORD_MS
end

local function status_of(self, ref, record)
  local status = record and record.name == ref.tag and looking.status_of(self, record) or nil
  if status and not (status.final and status.reason == "SIGNAL") then return status end
  if was_deleted(self, ref.native_id, status) then return { state = "CANCELED", final = true, native_state = "deleted" } end
  return status or { absent = true }
end

function pbs.monitor(self, items, report)
  local records, failure = looking.at(self, ids_of(items))
  for i, ref in ipairs(items) do
    report(i, records and status_of(self, ref, records[ref.native_id]) or { error = failure })
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

local REMEMBERED_MS = 600000

-- Jobs that are deleted before they run, or when they have just begun, may leave no trace; that qdel went well is all there is.
local function remember_deleted(self, ids, records)
  local now = self.now()
  for id, deletion in pairs(self.deleted) do
    if now - deletion.at > REMEMBERED_MS then self.deleted[id] = nil end
  end
  for _, id in ipairs(ids) do self.deleted[id] = { at = now, ran = not ("QHW"):find(records[id].state, 1, true) } end
end

local function one() return 1 end

-- A verb that PBS has as a command: `run(self, ids, records, more)`, for at most `most(self)` jobs at once.
local function by_command(run, most)
  return function(self, items, report, more)
    local records, failure = looking.at_live(self, ids_of(items))
    commands.steer(self, items, report, records, failure, function(ids) return run(self, ids, records, more) end,
      most and most(self))
  end
end

local function command(self, argv, ids)
  return self.run(table.move(ids, 1, #ids, #argv + 1, argv), { changes = true })
end

pbs.cancel = by_command(function(self, ids, records)
  local result, failure = command(self, { "qdel" }, ids)
  if result then remember_deleted(self, ids, records) end
  return result, failure
end, function(self) return self.flavour.most_deleted end)

-- A job that runs goes on all the same: PBS notes the hold for the day when the job is started again.
pbs.hold = by_command(function(self, ids, records)
  for _, id in ipairs(ids) do
    if not ("QWH"):find(records[id].state, 1, true) then
      return nil, { class = "rejected", message = "PBS holds only jobs that wait" }
    end
  end
  return command(self, { "qhold" }, ids)
end)

pbs.release = by_command(function(self, ids) return command(self, { "qrls" }, ids) end)
pbs.suspend = by_command(function(self, ids) return command(self, { "qsig", "-s", "suspend" }, ids) end, one)
pbs.resume = by_command(function(self, ids) return command(self, { "qsig", "-s", "resume" }, ids) end, one)
-- PBS gives a signal to the job's own shell as well, which these end, and the job with it, whatever the program makes of them. So
-- does TERM, but that is what it is for.
local DEADLY = {}
for name in ("HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM XCPU XFSZ VTALRM PROF IO PWR SYS"):gmatch "%u+%d?" do
  DEADLY[name] = true
end

pbs.signal = by_command(function(self, ids, _, more)
  if DEADLY[more.name] then
    local message = ("%s would end the job's own shell with %s"):format(self.flavour.title, more.name)
    return nil, { class = "rejected", message = message }
  end
  return command(self, { "qsig", "-s", more.name }, ids)
end, one)

pbs.alter = by_command(function(self, ids, records, more)
  return altering.alter(self, ids[1], records[ids[1]], more.changes.attributes)
end, one)

---How PBS itself is.
function pbs.status(self, _, report)
  local status, failure = standing.status(self)
  report(1, status or { error = failure })
end

return pbs
