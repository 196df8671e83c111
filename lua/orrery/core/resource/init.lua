-- One resource, as the control worker drives it: its plug-in, opened and opened again; its state; the jobs it holds. One
-- task does all of it in turn (core.control), so nothing here needs a lock.
local bucket = require "orrery.core.resource.bucket"
local clock = require "house.clock"
local json = require "house.json"
local status = require "orrery.core.job.status"

local resource = {}
resource.__index = resource

-- Its methods are here and, by what they are about, in these files beside.
for _, part in ipairs { require "orrery.core.resource.accounts", require "orrery.core.resource.base",
  require "orrery.core.resource.calls", require "orrery.core.resource.health", require "orrery.core.resource.holdings",
  require "orrery.core.resource.opening", (require "orrery.core.resource.told") } do
  for name, method in pairs(part) do resource[name] = method end
end

local STATUS_MS = 10000 -- between two looks at the scheduler itself

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
    closed = false,   -- the resource-status service says that it is down
    refusal = nil,    -- why it was not opened when it was tried last, and since when that is so
    state = "starting", message = nil,
    told = "starting", -- the state that the log's last event says
    live = {},        -- by native id: jobs the scheduler holds
    submitting = {},  -- by key: jobs whose native id is not known, or not yet
    held = 0,         -- how many both are
    held_of = {},     -- the same by owner
    singly = {},      -- by sweep: until when no arrays are made of it
    turned_away = {}, -- by owner: until when nothing of theirs is offered
    elsewhere = {},   -- by owner: until when nothing of theirs is taken that may go to another resource
    steering = {},    -- by key: rows whose wish the scheduler must be asked for
    withdrawing = {}, -- by key: rows that are to be canceled, of which an earlier submission may yet come true
    tokens = tokens_of(settings),
    accounts = {},    -- by name: how each is of those that verbs were called as, beside the service's own
    homes = {},       -- by account: where its home is
    operator_for = {}, -- by verb: the account that may do it for all
    calling = nil,    -- the account as which a verb is being called; nil: none, or the service's own
    troubles = {},    -- by verb, or verb and account: what went wrong last
    down_by_itself = false,
    failing = false,  -- the call under way is no success, even if it ends well
    backoff = resource.FIRST_BACKOFF, retry_at = 0, lost_at = 0, next_poll = 0, next_status = 0,
    inquiry = 0,      -- the number of the last question to the resource-status service
    told_until = 0,   -- until when what it said last counts, whether it answers or not
  }, resource)
end

-- What is wanted of it -------------------------------------------------------------------------------------------

---It has other settings now: it is opened anew with them, its jobs are kept.
function resource:change(settings, revision)
  self.settings, self.scheduler, self.revision, self.shown = settings, settings.scheduler, revision, nil
  self.renew_at, self.retry_at, self.tokens = self.info and 0, 0, tokens_of(settings)
  self.accounts, self.homes = {}, {}
end

---@param plan {drained_at:integer|nil, disabled_at:integer|nil, reload:integer}
function resource:obey(plan)
  if plan.reload ~= self.reload or self.disabled and not plan.disabled_at then self.retry_at = 0 end
  self.drained, self.disabled, self.reload = plan.drained_at ~= nil, plan.disabled_at ~= nil, plan.reload
end

-- Looks ----------------------------------------------------------------------------------------------------------

---What went wrong with an item, by the plug-in's own words: {class, message} | nil
function resource.failure(report)
  local failure = report.error
  if failure == nil then return nil end
  if type(failure) ~= "table" then failure = {} end
  return { class = failure.class, message = status.words(failure.message) or "no reason was given" }
end

---Looks at the scheduler itself, when that is due.
function resource:observe()
  if self:is_told() then return self:hear() end
  if not self.info.verbs.status or clock.monotonic() < self.next_status then return end
  self.next_status = clock.monotonic() + STATUS_MS
  self:call("status", json.list { {} }, function(reports)
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
