-- One resource, as the control worker drives it: its plug-in, opened and opened again; its state; the jobs it holds. One
-- task does all of it in turn (see drive), so nothing here needs a lock.
local clock = require "house.clock"
local db = require "house.db"
local house = require "house.resources"
local json = require "house.json"
local log = require "house.log"
local data = require "orrery.data.resources"
local jobs = require "orrery.data.jobs"
local submission = require "orrery.core.submission"

local resource = {}
resource.__index = resource

local MAX_SUBMITTED, FIRST_BACKOFF, LAST_BACKOFF = 256, 1000, 30000
local STATUS_MS = 10000 -- between two looks at the scheduler itself

---@param settings table the checked configuration of one resource
function resource.new(settings)
  return setmetatable({
    name = settings.name, scheduler = settings.scheduler, settings = settings,
    state = "starting", message = nil,
    live = {},        -- by native id: jobs the scheduler holds
    submitting = {},  -- by key: jobs whose native id is not known, or not yet
    held = 0,         -- how many both are
    steering = {},    -- by key: rows whose wish the scheduler must be asked for
    backoff = FIRST_BACKOFF, retry_at = 0, next_poll = 0, next_status = 0,
  }, resource)
end

-- The state of the resource --------------------------------------------------------------------------------------

local function row_of(self)
  local info, verbs = self.info or {}, json.list {}
  for verb in pairs(info.verbs or {}) do verbs[#verbs + 1] = verb end
  table.sort(verbs)
  return {
    name = self.name, scheduler = self.scheduler, state = self.state, message = self.message,
    info = json.encode { plugin = info.name, version = info.version, language = info.language, abi = info.abi,
      path = info.path, verbs = verbs, honours = info.honours or {}, base = self.settings.base,
      max_submitted = self.max_submitted },
    status = self.status and json.encode(self.status), observed_at = self.observed_at,
  }
end

---Writes what is known of the resource for the API to read: at once when it changed, else now and then, for its age.
function resource:publish()
  local shown = self.shown
  if shown and shown.state == self.state and shown.message == self.message and shown.info == self.info
    and shown.status == self.status and clock.monotonic() < shown.until_ms then return end
  local change = db.change()
  data.put(change, row_of(self), clock.now())
  local ok, _, why = change:commit()
  if not ok then return log.warn("resource not published", { resource = self.name, error = why }) end
  self.shown = { state = self.state, message = self.message, info = self.info, status = self.status,
    until_ms = clock.monotonic() + STATUS_MS }
end

---The scheduler answered.
function resource:answered()
  self.observed_at = clock.now()
  if self.state == "starting" or self.state == "down" then
    self.state, self.message = "up", nil
    log.info("resource up", { resource = self.name })
  end
  self.backoff = FIRST_BACKOFF
end

---It did not answer, or answered nonsense: "down" or "degraded", until it answers well again.
function resource:failed(state, why)
  if self.state ~= state or self.message ~= why then
    log.warn("resource " .. state, { resource = self.name, error = why })
  end
  self.state, self.message = state, why
  if state == "down" then
    self.retry_at = clock.monotonic() + self.backoff
    self.backoff = math.min(self.backoff * 2, LAST_BACKOFF)
  end
end

---Whether it is worth asking: a scheduler that is down is tried again now and then.
function resource:ready() return self.state ~= "down" or clock.monotonic() >= self.retry_at end

---Opens the plug-in, if it is not open and its time has come → true when it is open.
function resource:open()
  if self.info then return true end
  if not self:ready() then return false end
  local config = { base = self.settings.base }
  for name, value in pairs(self.settings.options or {}) do config[name] = value end
  local info, _, why = house.start(self.name, self.scheduler, config)
  if not info then
    self:failed("down", why)
    return false
  end
  self.info = info
  self.max_submitted = self.settings.max_submitted or math.tointeger(info.honours.max_submitted) or MAX_SUBMITTED
  self:answered()
  log.info("resource opened", { resource = self.name, scheduler = info.name, version = info.version,
    language = info.language })
  return true
end

-- The jobs it holds ----------------------------------------------------------------------------------------------

---Reads the jobs it holds from the store: at the start, and whenever a commit failed and memory may be ahead of it.
function resource:load()
  self.live, self.submitting, self.held = {}, {}, 0
  for _, job in ipairs(jobs.live(self.name)) do
    if job.native_id then self.live[job.native_id] = job
    else
      job.find_at = 0
      self.submitting[job.key] = job
    end
    self.held = self.held + 1
  end
end

function resource:submitted(job, native_id)
  self.submitting[job.key] = nil
  self.live[native_id] = job
end

---The scheduler no longer holds the job.
function resource:release(job)
  if job.native_id and self.live[job.native_id] == job then self.live[job.native_id] = nil
  elseif self.submitting[job.key] then self.submitting[job.key] = nil
  else return end
  self.held = self.held - 1
end

function resource:free() return self.max_submitted - self.held end

-- Calls ----------------------------------------------------------------------------------------------------------

---Calls a verb and hands over its reports as they come, in crowds.
---@param each fun(reports:table<integer, table>) by item number
---@return string code "ok", or how the verb as a whole failed
---@return string|nil why
function resource:call(verb, request, each)
  local call, code, why = house.call(self.name, verb, request, self.settings.timeout_ms)
  if not call then return code, why end
  while true do
    local reports
    reports, code, why = call:next()
    if not reports then break end
    each(reports)
  end
  if code == "timeout" then self:failed("down", ("the plug-in hangs in %s"):format(verb)) end
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
  local code, why = self:call("status", { items = json.list { {} } }, function(reports)
    local report = reports[1]
    if type(report) ~= "table" or report.error then
      self:failed("down", report and report.error and report.error.message or "status was nonsense")
      return
    end
    self.status = report
    self:answered()
    local state = report.state == "up" and "up" or report.state == "degraded" and "degraded" or "down"
    if state ~= self.state then
      if state == "up" then self.state, self.message = "up", nil
      else self:failed(state, report.message or "the scheduler says so") end
    end
  end)
  if code ~= "ok" and code ~= "timeout" then self:failed("down", why) end
end

return resource
