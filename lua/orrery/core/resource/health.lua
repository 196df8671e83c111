-- How a resource is: up, degraded or down, told by what its verbs come to. Methods of core.resource.
local clock = require "house.clock"
local data = require "orrery.data.resources"
local db = require "house.db"
local events = require "orrery.data.events"
local json = require "house.json"
local log = require "house.log"

local health = {}

health.FIRST_BACKOFF = 1000
local LAST_BACKOFF = 30000
local SHOWN_MS = 10000 -- for the age of what is shown to be known

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

local function tell(self, change, now)
  if self.state == self.told then return end
  events.append(change, now, "resource.state", nil, nil, nil,
    { resource = self.name, from = self.told, to = self.state, message = self.message })
end

---Writes what is known of the resource for the API to read: at once when it changed, else now and then, for its age.
function health:publish()
  local shown = self.shown
  if shown and shown.state == self.state and shown.message == self.message and shown.info == self.info
    and shown.status == self.status and shown.reloaded == self.reloaded and shown.refusal == self.refusal
    and clock.monotonic() < shown.until_ms then return end
  local change, now = db.change(), clock.now()
  data.publish(change, row_of(self), now)
  tell(self, change, now)
  local ok, code, why = change:commit()
  if not ok then
    if code ~= "no_space" then log.warn("resource not published", { resource = self.name, error = why }) end
    return
  end
  self.told = self.state
  self.shown = { state = self.state, message = self.message, info = self.info, status = self.status,
    reloaded = self.reloaded, refusal = self.refusal, until_ms = clock.monotonic() + SHOWN_MS }
end

local function set_state(self, state, why)
  if self.state == state and self.message == why then return end
  log[state == "up" and "info" or "warn"]("resource " .. state, { resource = self.name, error = why })
  self.state, self.message = state, why
end

-- Whether the service's own account tells at intervals how the resource is; otherwise all accounts together do.
local function tells_itself(self) return self.info and self.info.verbs.status and not self:is_told() end

-- Up, unless some verb is in trouble, or some account.
local function back_up(self)
  local verb = next(self.troubles)
  if verb then return set_state(self, "degraded", verb .. ": " .. self.troubles[verb]) end
  local account, all = self:in_trouble()
  if not account then return set_state(self, "up") end
  set_state(self, all and not tells_itself(self) and "down" or "degraded", (self:why_not(account)))
end

-- What is told of in messages and remembered: the verb, and as whom it was called.
local function called(self, verb) return self.calling and ("%s as %s"):format(verb, self.calling) or verb end

---A verb went well, and so the scheduler answers.
function health:well(verb)
  local account = self.calling
  self.observed_at = clock.now()
  if account then self:account_well(account) else self.backoff = self.FIRST_BACKOFF end
  if self.state == "up" or self.down_by_itself and verb ~= "status" then return end
  if self.state == "down" and account and tells_itself(self) then return end
  if self.state == "down" then self:forgive() end
  self.troubles[called(self, verb)], self.down_by_itself = nil, false
  back_up(self)
end

---Of what went wrong something is forgotten.
function health:reconsider()
  if self.state ~= "down" or not tells_itself(self) then back_up(self) end
end

---A verb failed, or answered nonsense: the resource is degraded until that verb goes well again.
function health:troubled(verb, why)
  self.failing, self.troubles[called(self, verb)] = true, why
  if self.state ~= "down" then back_up(self) end
end

---What went wrong is over, without a word from the scheduler.
function health:untroubled(verb)
  local what = called(self, verb)
  if not self.troubles[what] then return end
  self.troubles[what] = nil
  if self.state ~= "down" then back_up(self) end
end

---Nobody answers: nothing is handed over until somebody does, but for a try now and then. Of a call that is made as an account
---that is said of this account.
---@param by_itself boolean|nil it does answer, and says that it is down: only it can say that it is up
function health:lost(why, by_itself)
  self.failing = true
  self:lose(self.calling, why, by_itself)
end

---The same of an account, whoever is being called now; nil: of the service's own, and so of the resource.
function health:lose(account, why, by_itself)
  if account then
    self:account_lost(account, why)
    if self.state ~= "down" then back_up(self) end
    return
  end
  local now = clock.monotonic()
  self.down_by_itself, self.lost_at = by_itself or self.down_by_itself, now
  set_state(self, "down", why)
  if now < self.retry_at then return end -- one failure may be told of each job
  self.retry_at = now + self.backoff
  self.backoff = math.min(self.backoff * 2, LAST_BACKOFF)
end

---It is said to be down, and may answer all the same: nothing is handed over until it is said to be up, and all else goes on.
function health:close_for(why)
  self.closed, self.down_by_itself = true, true
  set_state(self, "down", why)
end

---Whether it is worth asking: a scheduler that is down is tried again now and then.
function health:ready() return self.state ~= "down" or clock.monotonic() >= self.retry_at end

return health
