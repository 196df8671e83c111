-- LoadLeveler, by its commands (llsubmit, llq, llcancel, llhold, llpreempt, llclass, llstatus), as far as is publicly known of
-- them. A job is one step, whose comment is the tag and the user's name, and whose job name is short for the tag. A step that has
-- ended leaves the queue within moments, and nothing else tells of it: its own record does. There are no arrays, and no way to
-- alter a job. Suspending and resuming are for LoadLeveler's administrators only.
--   options of the resource: class, account, reservation (for jobs that name none), keywords (a list of further lines of every
--     submission, "network.MPI = sn_all,shared,US"), allowed (further keywords that jobs may set), max_submitted (default 1000)
--   and where it is not as it is elsewhere: folder (where the commands are; default: in PATH), programs (a list, of commands
--     that go by another name, "llq=/opt/site/llq"), categories (what is asked of llq -r; default %id %st %o %jn %h, of which the
--     last may be left out, and others added), states (a list, of codes that are not known or mean something else,
--     "ZZ=QUEUED"), suspend and resume (commands that are given a step; default llpreempt -m su, llpreempt -r), busy (phrases
--     by which llsubmit says that a limit is reached; there are none that are known)
--   custom attributes of a job: keywords, "loadleveler.requirements": "(Memory > 512)"
local command_file = require "loadleveler.command_file"
local commands = require "common.commands"
local memory = require "loadleveler.memory"
local queue = require "loadleveler.queue"
local settings = require "loadleveler.settings"
local site = require "loadleveler.site"
local steering = require "loadleveler.steering"

local loadleveler = { version = "1" }

local OPTIONS = { class = "text", account = "text", reservation = "text", folder = "text", max_submitted = "whole number" }
for name in ("allowed busy categories keywords programs resume states suspend"):gmatch "%a+" do
  OPTIONS[name] = "list of texts"
end

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path", "resources.node_count", "resources.process_count", "resources.processes_per_node",
  "resources.cpu_cores_per_process", "resources.exclusive_node_use", "resources.memory", "attributes.duration",
  "attributes.queue_name", "attributes.account", "attributes.reservation_id", "attributes.custom_attributes" }

-- Its messages have numbers, but no list of them can be had: nothing is told by them.
local function dialect_of(config)
  return {
    environment = { LC_ALL = "C" },
    words = function(result)
      local text = result.stderr ~= "" and result.stderr or result.stdout
      return (text:gsub("%s+$", ""):gsub("\n", "; "))
    end,
    down = {}, unasked = {}, busy = config.busy or {},
  }
end

function loadleveler.open(config, host)
  local problem = commands.check_options(config, "loadleveler", OPTIONS) or command_file.check(config.keywords)
  local it, user, version, failure
  if not problem then it, problem = settings.of(config) end
  if problem then return nil, problem end
  local run = commands.runner(host.exec, dialect_of(config), config.timeout_ms // 2)
  local self = { config = config, categories = it.categories, columns = it.columns, states = it.states, each = host.each,
    now = host.monotonic, sleep = host.sleep, known = memory.new(host.monotonic), outcomes = memory.new(host.monotonic),
    run = function(argv, options) return run(it.called(argv), options) end,
    honours = { fields = FIELDS, batch = "LOADL_STEP_ID", array_size = 0, max_submitted = config.max_submitted or 1000,
      operator = { "suspend", "resume" } } }
  user, failure = run { "id", "-un" }
  if user then version, failure = self.run { "llq", "-v" } end
  if not version then return nil, failure.message end
  self.user = user.stdout:match "%S+"
  return self
end

-- Submitting -----------------------------------------------------------------------------------------------------

-- llsubmit ends its words so when it has done nothing. Then somebody has refused the job, or does not answer: the queue tells.
-- Whatever else ends badly may have come further.
local function judged(self, failure)
  if failure.class ~= "rejected" then return failure end
  if not failure.message:find("has not been submitted", 1, true) then return { class = "unknown", message = failure.message } end
  return queue.look(self) and failure or { class = "unavailable", message = failure.message }
end

function loadleveler.submit(self, items, report)
  commands.submit(self, items, report, function(item)
    local text, why = command_file.of(self.config, item)
    if not text then return nil, { class = "rejected", message = why } end
    local result, failure = self.run({ "llsubmit", "-" }, { stdin = text, changes = true })
    if not result then return nil, judged(self, failure) end
    local job = ("\n" .. result.stdout):match '\nllsubmit: The job "([^"]+)"' -- others may have said something before
    local id = job and job .. ".0"
    if not id or not queue.key(id) then return nil, { class = "unknown", message = "llsubmit said " .. result.stdout } end
    self.known:put(item.tag, id)
    return { native_id = id }
  end)
end

-- Looking --------------------------------------------------------------------------------------------------------

local function report_all(items, report, failure)
  for i in ipairs(items) do report(i, { error = failure }) end
end

-- Steps that were removed while they ran; each is asked about once.
local function report_removed(self, items, removed, report)
  local ids = {}
  for _, i in ipairs(removed) do
    if not self.outcomes:get(items[i].native_id) then ids[#ids + 1] = items[i].native_id end
  end
  local details, failure = {}, nil
  if ids[1] then details, failure = queue.details(self, ids) end
  for _, i in ipairs(removed) do
    local id = items[i].native_id
    local outcome = self.outcomes:get(id) or details and queue.removed(details[queue.key(id)])
    if outcome then self.outcomes:put(id, outcome) end
    report(i, outcome or { error = failure })
  end
end

-- An end that is not final is so when the step has gone, unless it comes back before.
local function report_seen(self, ref, record)
  local status, outcome = queue.status_of(self, record), nil
  if status.state == "FAILED" and not status.final then
    outcome = { final = true }
    for name, value in pairs(status) do outcome[name] = outcome[name] or value end
  end
  if not queue.is_leaving(record) then self.outcomes:put(ref.native_id, outcome) end
  return status
end

function loadleveler.monitor(self, items, report)
  local records, failure = queue.look(self)
  if not records then return report_all(items, report, failure) end
  local removed = {}
  for i, ref in ipairs(items) do
    local record = queue.of(records, ref)
    if record then self.known:put(ref.tag, ref.native_id) end
    if not record then report(i, self.known:get(ref.tag) and self.outcomes:get(ref.native_id) or { absent = true })
    elseif queue.meaning(self, record) == "REMOVED" then removed[#removed + 1] = i
    else report(i, report_seen(self, ref, record)) end
  end
  if removed[1] then report_removed(self, items, removed, report) end
end

-- Our own steps that may have been submitted with some tags: lists of records by name; and what is told of them.
local function candidates(self, records, items)
  local wanted, by_name, ids = {}, {}, {}
  for _, item in ipairs(items) do wanted[queue.name_of(item.tag)] = true end
  for _, record in pairs(records) do
    if wanted[record.name] and record.owner == self.user then
      by_name[record.name] = by_name[record.name] or {}
      table.insert(by_name[record.name], record)
      ids[#ids + 1] = record.id
    end
  end
  return by_name, queue.details(self, ids)
end

-- What name and comment together say of a tag. A name that has another's comment is no proof of anything.
local function answer_of(list, details, tag)
  if not list then return { answer = "absent" } end
  for _, record in ipairs(list) do
    local detail = details[queue.key(record.id)]
    if detail and queue.tag_of(detail) == tag then return { answer = "found", native_id = record.id } end
  end
  return { answer = "unknown", message = ("%s has its name, and another comment"):format(list[1].id) }
end

function loadleveler.find(self, items, report)
  local records, failure = queue.look(self)
  local by_name, details
  if records then by_name, details, failure = candidates(self, records, items) end
  for i, item in ipairs(items) do
    local id = self.known:get(item.tag)
    if id then report(i, { answer = "found", native_id = id })
    elseif not details then report(i, { answer = "unknown", message = failure.message })
    else report(i, answer_of(by_name[queue.name_of(item.tag)], details, item.tag)) end
  end
end

-- Steering -------------------------------------------------------------------------------------------------------

local WAIT = steering.WAIT
local HELD_BY_USER = { H = true, HS = true }
local ENDING = { CANCELED = true, ENDED = true, FAILED = true, REMOVED = true }

-- A step that was cancelled may leave the queue without a trace. One that waited did not run then, and one that was about to be
-- removed was; any other may have come to its own end first.
loadleveler.cancel = steering.verb {
  argv = function() return { "llcancel" } end,
  ends = true,
  judge = function(self, record)
    if not ENDING[queue.meaning(self, record)] and not queue.is_leaving(record) then return WAIT end
  end,
  done = function(self, ref, before, after)
    local was = queue.meaning(self, before)
    if was ~= "QUEUED" and was ~= "HELD" and not (after and queue.is_leaving(after)) then return end
    self.known:put(ref.tag, ref.native_id)
    self.outcomes:put(ref.native_id, { state = "CANCELED", final = true, native_state = "CA" })
  end,
}

loadleveler.hold = steering.verb {
  argv = function() return { "llhold" } end,
  judge = function(self, record)
    if HELD_BY_USER[record.state] then return nil end
    if record.state == "S" or queue.meaning(self, record) == "QUEUED" then return WAIT end
    return "LoadLeveler holds only jobs that wait; this one is " .. record.state
  end,
}

loadleveler.release = steering.verb {
  argv = function() return { "llhold", "-r" } end,
  judge = function(_, record)
    if HELD_BY_USER[record.state] then return WAIT end
    if record.state == "S" then return "the job is held by LoadLeveler's administrators, who alone release it" end
  end,
}

-- From one state of a step to another, by a command that the resource may have otherwise.
local function by_option(option, default, from, to)
  return steering.verb {
    argv = function(self) return self.config[option] or default end,
    judge = function(self, record)
      local meaning = queue.meaning(self, record)
      if meaning == from then return WAIT end
      if meaning ~= to then return ("the job is %s, not %s"):format(record.state, from:lower()) end
    end,
  }
end

loadleveler.suspend = by_option("suspend", { "llpreempt", "-m", "su" }, "ACTIVE", "SUSPENDED")
loadleveler.resume = by_option("resume", { "llpreempt", "-r" }, "SUSPENDED", "ACTIVE")

-- The scheduler itself -------------------------------------------------------------------------------------------

function loadleveler.status(self, _, report)
  local queues, failure = site.classes(self)
  local records, why = queue.look(self)
  if not queues or not records then return report(1, { error = failure or why }) end
  local status = { state = "up", queues = queues, pending = 0 }
  for _, record in pairs(records) do
    if queue.meaning(self, record) == "QUEUED" then status.pending = status.pending + 1 end
  end
  for _, each in ipairs(queues) do -- classes share machines: the largest stands for all
    for _, amount in ipairs { "cores_total", "cores_free" } do
      if each[amount] then status[amount] = math.max(status[amount] or 0, each[amount]) end
    end
  end
  site.add_machines(self, status)
  report(1, status)
end

return loadleveler
