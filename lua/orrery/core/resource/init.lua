-- One resource, as the control worker drives it: its plug-in, opened and opened again; its state; the jobs it holds. One
-- task does all of it in turn (see drive), so nothing here needs a lock.
local bucket = require "orrery.core.resource.bucket"
local clock = require "house.clock"
local db = require "house.db"
local house = require "house.resources"
local json = require "house.json"
local log = require "house.log"
local data = require "orrery.data.resources"
local jobs = require "orrery.data.jobs"
local schema = require "orrery.core.schema"
local status = require "orrery.core.job.status"
local submission = require "orrery.core.submission"

local resource = {}
resource.__index = resource

local MAX_SUBMITTED, FIRST_BACKOFF, LAST_BACKOFF = 256, 1000, 30000
local STOP_MS = 1000    -- for a plug-in to close: the whole control worker waits
local STATUS_MS = 10000 -- between two looks at the scheduler itself
local MOST_OF_ARRAY = 1000
local AGAIN_MS = 30000  -- before settings that the plug-in refused are tried again
local CROWD = 512       -- reports that are acted on, and committed, at once
local SETTLE_MS = 2000  -- after a submission, before its scheduler is asked whether it ever came

local variable = { type = "text", pattern = "^[%u_]+$", format = "the name of a variable" }
local honours = { type = "object", fields = {
  fields = { type = "list", of = { type = "text" } }, cores = { type = "integer", min = 1 },
  batch = variable, index = variable,
  element = { type = "text", pattern = "^[%w_${}.]+$", format = "variables of the shell, such as ${ID}_${INDEX}" },
  array_size = { type = "integer", min = 0 }, max_submitted = { type = "integer", min = 1 } } }

local function tokens_of(settings)
  return settings.submissions_per_minute and bucket.new(settings.submissions_per_minute, clock.monotonic())
end

---@param settings table the checked configuration of one resource
function resource.new(settings)
  return setmetatable({
    name = settings.name, scheduler = settings.scheduler, settings = settings,
    revision = 0,     -- of the settings
    reload = 0, reloaded = 0, -- numbers of the wish that the plug-in's file be read again: the last one, the one it was read for
    drained = false,  -- it gets no new jobs
    disabled = false, -- its plug-in is closed, and stays so
    refusal = nil,    -- why it was not opened when it was tried last, and since when that is so
    state = "starting", message = nil,
    live = {},        -- by native id: jobs the scheduler holds
    submitting = {},  -- by key: jobs whose native id is not known, or not yet
    held = 0,         -- how many both are
    held_of = {},     -- the same by owner
    turned_away = {}, -- by owner: until when nothing of theirs is offered
    steering = {},    -- by key: rows whose wish the scheduler must be asked for
    tokens = tokens_of(settings),
    troubles = {},    -- by verb: what went wrong last
    down_by_itself = false,
    failing = false,  -- the call under way is no success, even if it ends well
    backoff = FIRST_BACKOFF, retry_at = 0, lost_at = 0, next_poll = 0, next_status = 0,
  }, resource)
end

-- The state of the resource --------------------------------------------------------------------------------------

local function row_of(self)
  local info, verbs = self.info or {}, json.list {}
  for verb in pairs(info.verbs or {}) do verbs[#verbs + 1] = verb end
  table.sort(verbs)
  return {
    name = self.name, revision = self.revision, state = self.state, message = self.message,
    info = json.encode { plugin = info.name, version = info.version, language = info.language, abi = info.abi,
      path = info.path, verbs = verbs, honours = info.honours or {}, base = self.settings.base,
      max_submitted = self.max_submitted, opened_at = info.opened_at, reloaded = self.reloaded,
      error = self.refusal and self.refusal.why, error_at = self.refusal and self.refusal.at },
    status = self.status and json.encode(self.status), observed_at = self.observed_at,
  }
end

---Writes what is known of the resource for the API to read: at once when it changed, else now and then, for its age.
function resource:publish()
  local shown = self.shown
  if shown and shown.state == self.state and shown.message == self.message and shown.info == self.info
    and shown.status == self.status and shown.reloaded == self.reloaded and shown.refusal == self.refusal
    and clock.monotonic() < shown.until_ms then return end
  local change = db.change()
  data.publish(change, row_of(self), clock.now())
  local ok, code, why = change:commit()
  if not ok then
    if code ~= "no_space" then log.warn("resource not published", { resource = self.name, error = why }) end
    return
  end
  self.shown = { state = self.state, message = self.message, info = self.info, status = self.status,
    reloaded = self.reloaded, refusal = self.refusal, until_ms = clock.monotonic() + STATUS_MS }
end

local function set_state(self, state, why)
  if self.state == state and self.message == why then return end
  log[state == "up" and "info" or "warn"]("resource " .. state, { resource = self.name, error = why })
  self.state, self.message = state, why
end

-- Up, unless some verb is in trouble.
local function back_up(self)
  local verb = next(self.troubles)
  set_state(self, verb and "degraded" or "up", verb and verb .. ": " .. self.troubles[verb])
end

---A verb went well, and so the scheduler answers.
function resource:well(verb)
  self.observed_at, self.backoff = clock.now(), FIRST_BACKOFF
  if self.state == "up" or self.down_by_itself and verb ~= "status" then return end
  self.troubles[verb], self.down_by_itself = nil, false
  back_up(self)
end

---A verb failed, or answered nonsense: the resource is degraded until that verb goes well again.
function resource:troubled(verb, why)
  self.failing, self.troubles[verb] = true, why
  if self.state ~= "down" then back_up(self) end
end

---What went wrong is over, without a word from the scheduler.
function resource:untroubled(verb)
  if not self.troubles[verb] then return end
  self.troubles[verb] = nil
  if self.state ~= "down" then back_up(self) end
end

---The scheduler does not answer: nothing is handed to it until it does, but for a try now and then.
---@param by_itself boolean|nil it does answer, and says that it is down: only it can say that it is up
function resource:lost(why, by_itself)
  local now = clock.monotonic()
  self.failing, self.down_by_itself, self.lost_at = true, by_itself or self.down_by_itself, now
  set_state(self, "down", why)
  if now < self.retry_at then return end -- one failure may be told of each job
  self.retry_at = now + self.backoff
  self.backoff = math.min(self.backoff * 2, LAST_BACKOFF)
end

---Whether it is worth asking: a scheduler that is down is tried again now and then.
function resource:ready() return self.state ~= "down" or clock.monotonic() >= self.retry_at end

-- What is wanted of it -------------------------------------------------------------------------------------------

---It has other settings now: it is opened anew with them, its jobs are kept.
function resource:change(settings, revision)
  self.settings, self.scheduler, self.revision, self.shown = settings, settings.scheduler, revision, nil
  self.renew_at, self.retry_at, self.tokens = self.info and 0, 0, tokens_of(settings)
end

---@param plan {drained_at:integer|nil, disabled_at:integer|nil, reload:integer}
function resource:obey(plan)
  if plan.reload ~= self.reload or self.disabled and not plan.disabled_at then self.retry_at = 0 end
  self.drained, self.disabled, self.reload = plan.drained_at ~= nil, plan.disabled_at ~= nil, plan.reload
end

-- Opening --------------------------------------------------------------------------------------------------------

-- Arrays are rendered into a script, which has to know the variables.
local function incomplete(honoured)
  if (honoured.array_size or 0) == 0 or honoured.batch and honoured.index and honoured.element then return nil end
  return { { pointer = "/array_size", detail = "needs batch, index and element as well" } }
end

-- Opens the plug-in, beside the one that is open, if one is → what it is | nil, why not
local function start(self)
  if self.settings.problem then return nil, self.settings.problem end
  local config = { timeout_ms = self.settings.timeout_ms }
  for name, value in pairs(self.settings.options or {}) do config[name] = value end
  local info, _, why = house.start(self.name, self.scheduler, config, self.settings.timeout_ms)
  local problems = info and (schema.check(honours, info.honours) or incomplete(info.honours))
  if not problems then return info, why end
  house.drop(self.name, STOP_MS)
  return nil, ("open honours nonsense: %s %s"):format(problems[1].pointer, problems[1].detail)
end

-- What was opened takes the place of what was open.
local function take(self, info)
  if not house.take(self.name, STOP_MS) then
    log.warn("the plug-in that was open hangs, and was left behind", { resource = self.name })
  end
  info.opened_at = clock.now()
  self.info, self.renew_at, self.next_poll, self.next_status = info, nil, 0, 0
  self.max_submitted = self.settings.max_submitted or info.honours.max_submitted or MAX_SUBMITTED
  self.array_most = info.honours.array_size or 0
  self:untroubled "settings"
  self:well "open"
  log.info("resource opened", { resource = self.name, scheduler = info.name, version = info.version,
    language = info.language })
end

-- What is open goes on as it is: its jobs are worth more than what is new.
local function keep(self, why)
  log.warn("plug-in not opened anew; the one before goes on", { resource = self.name, scheduler = self.scheduler, error = why })
  if not self.renew_at then return end
  self.renew_at = clock.monotonic() + AGAIN_MS
  self:troubled("settings", why .. "; the settings before are in effect")
end

-- The time in which nobody asked for its jobs is none in which they were missing.
local function close(self)
  self.state, self.message, self.lost_at, self.reloaded = "starting", nil, clock.monotonic(), self.reload
  if not self.info then return false end
  house.stop(self.name, STOP_MS)
  self.info, self.status = nil, nil
  log.info("resource closed: its plug-in is disabled", { resource = self.name, scheduler = self.scheduler })
  return false
end

local function is_outdated(self)
  return self.reloaded ~= self.reload or self.renew_at and clock.monotonic() >= self.renew_at
end

---Opens the plug-in, if it is not open as it is wanted and its time has come → true when one is open.
function resource:open()
  if self.disabled then return close(self) end
  if self.info and not is_outdated(self) or not self.info and not self:ready() then return self.info ~= nil end
  local reload, revision, refusal = self.reload, self.revision, self.refusal
  local info, why = start(self)
  local as_before = refusal and refusal.why == why and self.reloaded == reload
  self.refusal = as_before and refusal or why and { why = why, at = clock.now() } or nil
  self.reloaded = reload
  if info then take(self, info)
  elseif self.info then keep(self, why)
  else self:lost(why) end
  if revision ~= self.revision then self.renew_at = 0 end -- they changed meanwhile
  return self.info ~= nil
end

-- The jobs it holds ----------------------------------------------------------------------------------------------

local function count(self, job, more)
  local of_owner = (self.held_of[job.owner] or 0) + more
  self.held, self.held_of[job.owner] = self.held + more, of_owner > 0 and of_owner or nil
end

---Reads the jobs it holds from the store: at the start, and whenever a commit failed and memory may be ahead of it.
function resource:load()
  self.live, self.submitting, self.held, self.held_of = {}, {}, 0, {}
  for _, job in ipairs(jobs.live(self.name)) do
    if job.native_id then self.live[job.native_id] = job
    else
      local age = math.max(clock.now() - job.submitted_at, 0) -- the clock may have been set back
      job.find_at = clock.monotonic() + math.max(SETTLE_MS - age, 0)
      self.submitting[job.key] = job
    end
    count(self, job, 1)
  end
end

---Room is taken for a job that is about to be submitted.
function resource:hold(job)
  self.submitting[job.key] = job
  count(self, job, 1)
end

function resource:submitted(job, native_id)
  self.submitting[job.key] = nil
  self.live[native_id] = job
end

---The job goes by another native id: another submission of its attempt came first.
function resource:adopt(job, native_id)
  self.live[job.native_id] = nil
  self.live[native_id] = job
end

---The scheduler no longer holds the job.
function resource:release(job)
  if job.native_id and self.live[job.native_id] == job then self.live[job.native_id] = nil
  elseif self.submitting[job.key] then self.submitting[job.key] = nil
  else return end
  count(self, job, -1)
end

---How many more jobs it may be given, or those of one owner.
function resource:free(owner)
  local room, most = self.max_submitted - self.held, owner and self.settings.max_submitted_per_owner
  return most and math.min(room, most - (self.held_of[owner] or 0)) or room
end

---The most members that an array may have now; less than 2: it has none.
function resource:most_of_array() return math.min(self.array_most, MOST_OF_ARRAY) end

---A scheduler with little room left takes fewer at once …
function resource:turned_down(size) self.array_most = math.max(size // 2, 1) end

---… and more again when it took them.
function resource:took(size)
  if size >= self.array_most then self.array_most = math.min(size * 2, self.info.honours.array_size or 0) end
end

-- Calls ----------------------------------------------------------------------------------------------------------

---What went wrong with an item, by the plug-in's own words: {class, message} | nil
function resource.failure(report)
  local failure = report.error
  if failure == nil then return nil end
  if type(failure) ~= "table" then failure = {} end
  return { class = failure.class, message = status.words(failure.message) or "no reason was given" }
end

-- Of many jobs that ended at once, what they left would be in memory at once, and one commit would hold up all others.
local function hand_over(reports, each)
  local crowd, size = {}, 0
  for i, report in pairs(reports) do
    crowd[i], size = report, size + 1
    if size == CROWD then
      each(crowd)
      crowd, size = {}, 0
    end
  end
  if size > 0 then each(crowd) end
end

---Calls a verb and hands over its reports as they come, in crowds.
---@param each fun(reports:table<integer, table>) by item number
---@return string code "ok", or how the verb as a whole failed
---@return string|nil why
function resource:call(verb, request, each)
  local call, code, why = house.call(self.name, verb, request, self.settings.timeout_ms)
  self.failing = false
  while call do
    local reports
    reports, code, why = call:next()
    if not reports then break end
    hand_over(reports, each)
  end
  if code == "timeout" then self:lost(("the plug-in hangs in %s"):format(verb))
  elseif code == "unavailable" then self:lost(why)
  elseif code ~= "ok" then self:troubled(verb, tostring(why):match "^[^\n]*")
  elseif not self.failing then self:well(verb) end
  return code, why
end

---Asks about some of its jobs with a verb that takes refs.
function resource:call_on(verb, list, each, more)
  local items = json.list {}
  for i, job in ipairs(list) do items[i] = submission.ref(job) end
  local request = more or {}
  request.items = items
  return self:call(verb, request, each)
end

---Looks at the scheduler itself, when that is due.
function resource:observe()
  if not self.info.verbs.status or clock.monotonic() < self.next_status then return end
  self.next_status = clock.monotonic() + STATUS_MS
  self:call("status", { items = json.list { {} } }, function(reports)
    local report = reports[1]
    local failure = resource.failure(report)
    if failure then return self:lost(failure.message) end
    local wrong = status.nonsense_of_resource(report)
    if wrong then return self:troubled("status", "nonsense: " .. wrong) end
    report.observed_at, self.status = clock.now(), report
    local why = report.message or "the scheduler says so"
    if report.state == "down" then self:lost(why, true)
    elseif report.state == "degraded" then self:troubled("status", why) end
  end)
end

return resource
