-- One resource, as the control worker drives it: its plug-in, opened and opened again; its state; the jobs it holds. One
-- task does all of it in turn (core.control), so nothing here needs a lock.
local bucket = require "orrery.core.resource.bucket"
local clock = require "house.clock"
local house = require "house.resources"
local json = require "house.json"
local status = require "orrery.core.job.status"
local submission = require "orrery.core.submission"

local resource = {}
resource.__index = resource

-- Its methods are here and, by what they are about, in these files beside.
for _, part in ipairs { require "orrery.core.resource.health", require "orrery.core.resource.holdings",
  (require "orrery.core.resource.opening") } do
  for name, method in pairs(part) do resource[name] = method end
end

local STATUS_MS = 10000 -- between two looks at the scheduler itself
local CROWD = 512       -- reports that are acted on, and committed, at once

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
    singly = {},      -- by sweep: until when no arrays are made of it
    turned_away = {}, -- by owner: until when nothing of theirs is offered
    steering = {},    -- by key: rows whose wish the scheduler must be asked for
    withdrawing = {}, -- by key: rows that are to be canceled, of which an earlier submission may yet come true
    tokens = tokens_of(settings),
    troubles = {},    -- by verb: what went wrong last
    down_by_itself = false,
    failing = false,  -- the call under way is no success, even if it ends well
    backoff = resource.FIRST_BACKOFF, retry_at = 0, lost_at = 0, next_poll = 0, next_status = 0,
  }, resource)
end

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
