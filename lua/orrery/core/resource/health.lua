-- How a resource is: up, degraded or down, told by what its verbs come to. Methods of core.resource.
local clock = require "house.clock"
local data = require "orrery.data.resources"
local db = require "house.db"
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

---Writes what is known of the resource for the API to read: at once when it changed, else now and then, for its age.
function health:publish()
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
    reloaded = self.reloaded, refusal = self.refusal, until_ms = clock.monotonic() + SHOWN_MS }
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
function health:well(verb)
  self.observed_at, self.backoff = clock.now(), self.FIRST_BACKOFF
  if self.state == "up" or self.down_by_itself and verb ~= "status" then return end
  self.troubles[verb], self.down_by_itself = nil, false
  back_up(self)
end

---A verb failed, or answered nonsense: the resource is degraded until that verb goes well again.
function health:troubled(verb, why)
  self.failing, self.troubles[verb] = true, why
  if self.state ~= "down" then back_up(self) end
end

---What went wrong is over, without a word from the scheduler.
function health:untroubled(verb)
  if not self.troubles[verb] then return end
  self.troubles[verb] = nil
  if self.state ~= "down" then back_up(self) end
end

---The scheduler does not answer: nothing is handed to it until it does, but for a try now and then.
---@param by_itself boolean|nil it does answer, and says that it is down: only it can say that it is up
function health:lost(why, by_itself)
  local now = clock.monotonic()
  self.failing, self.down_by_itself, self.lost_at = true, by_itself or self.down_by_itself, now
  set_state(self, "down", why)
  if now < self.retry_at then return end -- one failure may be told of each job
  self.retry_at = now + self.backoff
  self.backoff = math.min(self.backoff * 2, LAST_BACKOFF)
end

---Whether it is worth asking: a scheduler that is down is tried again now and then.
function health:ready() return self.state ~= "down" or clock.monotonic() >= self.retry_at end

return health
