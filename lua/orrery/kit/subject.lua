-- The plug-in under test on one resource: calls its verbs as the control worker would, and looks at what comes back. A
-- failed expectation is thrown as a sentence (see kit.expect).
local attempt = require "orrery.core.submission.attempt"
local changes = require "house.changes"
local clock = require "house.clock"
local evidence = require "orrery.core.submission.evidence"
local expect = require "orrery.kit.expect"
local files = require "orrery.core.files"
local house = require "house.resources"
local ids = require "house.ids"
local json = require "house.json"
local reach = require "house.reach"
local status = require "orrery.core.job.status"
local submission = require "orrery.core.submission"
local task = require "house.task"

local subject = {}
subject.__index = subject

local LOOK_MS = 250      -- between two looks at a job
local MOST_BYTES = 1 << 20
local MOST_CORES = 64    -- a machine that is not too large to be filled with jobs for a moment
local SETTLE_MS = 3000   -- within this a scheduler starts what it can

local ended = { COMPLETED = true, FAILED = true, CANCELED = true }
local classes = { rejected = true, busy = true, unavailable = true, unknown = true }

---@param settings table the checked configuration of one resource
function subject.new(settings)
  return setmetatable({ settings = settings, simulation = ids.new(), live = {}, seconds = settings.patience or 60 }, subject)
end

-- Jobs get their directories beneath the home of the account, where the resource is another machine or it is another's.
local function find_base(self)
  local settings = self.settings
  if not settings.base:find("${home}", 1, true) then return true end
  local home, _, why = files.home(settings.name, settings.account, settings.timeout_ms)
  if not home then return nil, why end
  settings.base = settings.base:gsub("%${home}", (home:gsub("%%", "%%%%")))
  return true
end

---Opens an instance; where one is open, beside that.
function subject:open()
  local led, _, unreachable = reach.set(self.settings.name, self.settings)
  if led then led, unreachable = find_base(self) end
  if not led then return nil, unreachable end
  local config = { timeout_ms = self.settings.timeout_ms }
  for name, value in pairs(self.settings.options or {}) do config[name] = value end
  local info, _, why = house.start(self.settings.name, self.settings.scheduler, config)
  if not info then return nil, why end
  self.info, self.fields = info, {}
  for _, field in ipairs(info.honours.fields or {}) do self.fields[field] = true end
  self.fields.arrays = (info.honours.array_size or 0) > 1 or nil
  self.fields.inputs = info.honours.inputs or info.honours.batch and true or nil
  return info
end

---After an `open` beside the instance that was open: that one is closed, and the new one serves. → true if it closed in time
function subject:take() return house.take(self.settings.name, 5000) end

function subject:close() return house.stop(self.settings.name, 5000) end

---Calls a verb on items → their reports by item, and how the verb as a whole went.
function subject:call(verb, items, more)
  local request = more or {}
  request.items, request.account = json.list(items), self.settings.account
  local call, code, why = house.call(self.settings.name, verb, request, self.settings.timeout_ms)
  local reports = {}
  while call do
    local some
    some, code, why = call:next()
    if not some then break end
    for i, report in pairs(some) do reports[i] = report end
  end
  if code == "unavailable" then self.hangs = why end -- an earlier call never came home
  expect.equal("ok", code, ("%s as a whole (%s)"):format(verb, tostring(why)))
  for i in ipairs(items) do
    expect.that(reports[i], ("%s left item %d without a report"):format(verb, i))
    local failure = reports[i].error
    expect.that(not failure or type(failure) == "table" and classes[failure.class], function()
      return ("%s: an error of no class that there is: %s"):format(verb, json.encode(failure))
    end)
  end
  return reports
end

-- The row of a job as the store would have it, of a specification as users write it.
local function row_of(self, spec, number)
  local row = { key = ids.new(), simulation = self.simulation, submission = number, attempt = 1, spec = json.encode(spec),
    resource = self.settings.name, account = self.settings.account }
  row.directory = submission.directory(self.settings.base, row, 1)
  return row
end

-- What submit is given for jobs: one, or an array of them.
local function item_of(self, rows)
  local resource = { info = self.info, name = self.settings.name, scheduler = self.settings.scheduler }
  local members = {}
  for m, row in ipairs(rows) do members[m] = submission.member(row, resource) end
  return submission.build(members, rows[1].submission, resource)
end

---Writes a file that is the only input of some jobs → the directory that it is in
function subject:input(name, text)
  local settings = self.settings
  local directory = submission.directory(settings.base, { simulation = self.simulation, key = ids.new() }, 0)
  local place = submission.place { directory = directory, resource = settings.name, account = settings.account }
  local arrival, _, why = files.receive("check", place, name, settings.timeout_ms)
  local written = arrival and arrival:write(text, settings.timeout_ms) and arrival:keep(settings.timeout_ms)
  expect.that(written, function() return ("an input cannot be written: %s"):format(why or "it broke off") end)
  return directory
end

---A job that is not submitted yet.
---@param inputs string|nil the directory of its inputs
function subject:job(spec, inputs)
  local row = row_of(self, spec, ids.new())
  row.inputs = inputs
  local item = item_of(self, { row })
  return { row = row, item = item, tag = item.tag, directory = row.directory }
end

-- A native id as it was reported is the job's now.
local function adopt(self, job, native_id)
  expect.that(status.is_native_id(native_id), "submit reported neither error nor a native id: a text of one line")
  job.row.native_id, job.native_id = native_id, native_id
  self.live[job] = true
end

---Submits jobs in one call → the jobs; each has `native_id` or `error`. `specs.inputs` is the directory of inputs of them all.
function subject:submit(specs)
  local jobs, items = {}, {}
  for i, spec in ipairs(specs) do
    jobs[i] = self:job(spec, specs.inputs)
    items[i] = jobs[i].item
    jobs[i].row.submitted_at = clock.now()
  end
  for i, report in pairs(self:call("submit", items)) do
    local job = jobs[i]
    job.error = report.error
    if not report.error then adopt(self, job, report.native_id) end
  end
  return jobs
end

---Submits good jobs in one call → the jobs, none of which is refused.
function subject:submit_all(specs)
  local jobs = self:submit(specs)
  for i, job in ipairs(jobs) do
    expect.that(not job.error, function()
      return ("submit refused a good job, number %d of %d: %s"):format(i, #jobs, job.error.message)
    end)
  end
  return jobs
end

---Submits an array → its members as jobs.
function subject:submit_array(specs)
  local number, rows, jobs = ids.new(), {}, {}
  for m, spec in ipairs(specs) do rows[m] = row_of(self, spec, number) end
  local item = item_of(self, rows)
  for m, row in ipairs(rows) do
    row.submitted_at = clock.now()
    jobs[m] = { row = row, tag = item.tag, directory = row.directory }
  end
  local report = self:call("submit", { item })[1]
  expect.that(not report.error, function() return "submit refused a good array: " .. report.error.message end)
  local natives = report.native_ids
  expect.that(type(natives) == "table" and #natives == #jobs, function()
    return ("of an array of %d submit reported no list of as many native_ids: %s"):format(#jobs, json.encode(natives))
  end)
  for m, job in ipairs(jobs) do adopt(self, job, natives[m]) end
  return jobs
end

function subject:submit_one(spec) return self:submit_all({ spec })[1] end

local function pause()
  if changes.ending() then expect.fail "broken off" end
  task.sleep(LOOK_MS)
end

local function refs_of(jobs)
  local refs = {}
  for i, job in ipairs(jobs) do refs[i] = submission.ref(job.row) end
  return refs
end

---A control verb on jobs → reports.
function subject:steer(verb, jobs, more) return self:call(verb, refs_of(jobs), more) end

-- The host does not know what became of a submission as long as a command of it lives, and ends that: then it is asked again.
function subject:find_all(items)
  local reports
  for _ = 1, 3 do
    reports = self:call("find", items)
    local unknown = false
    for i in ipairs(items) do unknown = unknown or reports[i].answer == "unknown" end
    if not unknown then break end
    pause()
  end
  return reports
end

function subject:find(job) return self:find_all({ { tag = job.tag } })[1] end

---Whether the scheduler forgets what has ended, and the house can tell by itself how this job did.
function subject:is_forgotten(job)
  if not self.info.honours.batch or not self:call("monitor", refs_of { job })[1].absent then return false end
  local record = evidence.records({ name = "check", settings = self.settings }, { job })[1]
  return record ~= nil and record.over
end

-- Of a job that its scheduler has forgotten, or of whose end it says no more than how the script around it ended, the
-- attempt's record tells the house.
local function consult_records(self, jobs, reports)
  if not self.info.honours.batch then return end
  local asked, at = {}, {}
  for i, report in pairs(reports) do
    if report.absent or report.final and attempt.is_own(report.exit_code) then
      asked[#asked + 1], at[#at + 1] = jobs[i], i
    end
  end
  for k, record in pairs(evidence.records({ name = "check", settings = self.settings }, asked)) do
    local i = at[k]
    if record.over and record.native == jobs[i].native_id and record.tag == jobs[i].tag then
      reports[i] = attempt.status(record, reports[i])
    end
  end
end

---What monitor, and where that is silent the attempts' records, say of jobs.
function subject:look(jobs)
  local reports = self:call("monitor", refs_of(jobs))
  consult_records(self, jobs, reports)
  for i, report in pairs(reports) do
    local wrong = status.nonsense(report)
    expect.that(not wrong, function() return "monitor: " .. wrong end)
    if report.final and ended[report.state] then self.live[jobs[i]] = nil end
  end
  return reports
end

---Looks until `good(report)` for all jobs → their reports.
function subject:await(what, jobs, good)
  local over = clock.monotonic() + self.seconds * 1000
  while true do
    local reports, missing = self:look(jobs), nil
    for i in ipairs(jobs) do
      if not good(reports[i]) then missing = reports[i] end
    end
    if not missing then return reports end
    if clock.monotonic() > over then
      expect.fail(("waited %d seconds for %s; the last report is %s"):format(self.seconds, what, json.encode(missing)))
    end
    pause()
  end
end

---Waits for one of some states.
function subject:in_state(job, ...)
  local wanted = {}
  for _, state in ipairs { ... } do wanted[state] = true end
  return self:await("state " .. table.concat({ ... }, " or "), { job }, function(report) return wanted[report.state] end)[1]
end

local function is_final(report) return report.final and ended[report.state] end

function subject:finished(jobs) return self:await("an end that is final", jobs, is_final) end
function subject:ending(job) return self:finished({ job })[1] end

-- How many jobs of one core fill the resource, as far as it tells: what one job may have, or what there is.
local function room_of(self)
  local status_of = self.info.verbs.status and self:call("status", { {} })[1] or {}
  return math.max(math.tointeger(self.info.honours.cores) or 0, math.tointeger(status_of.cores_total) or 0)
end

local function all_run(self, jobs)
  for _, report in ipairs(self:look(jobs)) do
    if report.state ~= "ACTIVE" then return false end
  end
  return true
end

---A job that waits, since others take all cores. Where that is too much to ask for, it waits if others happen to be before
---it; else the case is moot.
---@return table job
---@return table[] others that run before it
function subject:waiting(spec)
  local cores, fillers = room_of(self), {}
  for i = 1, cores <= MOST_CORES and cores or 0 do
    fillers[i] = { executable = "/bin/sleep", arguments = json.list { "600" } }
  end
  local others = self:submit_all(fillers)
  local job, over = self:submit_one(spec), clock.monotonic() + SETTLE_MS
  repeat
    pause()
    if self:look({ job })[1].state ~= "QUEUED" then expect.moot "a job that is to wait starts at once here" end
  until #others == 0 or all_run(self, others) or clock.monotonic() > over
  return job, others
end

---A file in a job's directory | nil
function subject.read(_, job, name)
  local texts = files.slurp("check", { submission.place(job) }, name, MOST_BYTES, 10000)
  return texts and texts[1] or nil
end

---Waits until a file says what it should.
function subject:told(job, name, good)
  local over = clock.monotonic() + self.seconds * 1000
  while true do
    local text = self:read(job, name)
    if text and good(text) then return text end
    if clock.monotonic() > over then
      expect.fail(("waited %d seconds for %s; it is %s"):format(self.seconds, name, tostring(text)))
    end
    pause()
  end
end

---Removes the directories of all jobs, where those are not with what is this process's own.
function subject:remove_directories()
  local settings = self.settings
  local above, name = settings.base:match "^(/.*/)([^/]+)$"
  if not self.info or reach.way(settings.name, settings.account) ~= "there" then return end
  files.remove("check", { { base = above, own = name, resource = settings.name, account = settings.account } }, 60000)
end

---Ends what still runs, whatever happened.
function subject:clean()
  local jobs = {}
  for job in pairs(self.live) do jobs[#jobs + 1] = job end
  if #jobs == 0 then return end
  self.live = {}
  pcall(self.steer, self, "cancel", jobs)
end

return subject
