-- The accounts as which a resource's verbs are called, beside the service's own. One that cannot be reached (its key is
-- refused, its home is dead) is left alone for a while, longer each time, and then tried apart from everything else, so that
-- it holds up nobody else's jobs. Methods of core.resource.
local clock = require "house.clock"
local dispatch = require "orrery.core.submission.dispatch"
local house = require "house.resources"
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local json = require "house.json"
local lifecycle = require "orrery.core.job.lifecycle"
local log = require "house.log"
local tag = require "orrery.core.submission.tag"
local task = require "house.task"

local accounts = {}

local FIRST_BACKOFF, LAST_BACKOFF = 1000, 60000
local MOST_UNUSED = 5 -- tries of one that has no jobs

-- What is known of an account: `why` it cannot be called; `trial`: it may be called again, to see whether that is over.
local function entry_of(self, name)
  local it = self.accounts[name]
  if not it then
    it = { name = name, backoff = FIRST_BACKOFF, retry_at = 0, lost_at = 0 }
    self.accounts[name] = it
  end
  return it
end

---As whom a verb is called for a job → account; nil: the service's own.
function accounts:account_for(verb, job)
  return self.operator_for[verb] or job.account
end

---Whether it is worth calling: what goes wrong with one account is nothing that the others wait for.
---@param name string|nil nil: the service's own, which stands for the resource
function accounts:can_call(name)
  local it = name and self.accounts[name]
  return not it or not it.why or it.trial == true
end

---Why it cannot be called, for those who wait for it, and when it is tried again, in milliseconds from now.
function accounts:why_not(name)
  local it = self.accounts[name]
  return ("account %s: %s"):format(name, it.why), math.max(it.retry_at - clock.monotonic(), 0)
end

---Whether a job may be handed over as an account now.
---@return string|nil base where it gets its directory
---@return integer|nil ms until it is tried again, if the account is in trouble
---@return string|nil why it is
function accounts:admits(name)
  if self:can_call(name) then return self:base_of(name) end
  local why, ms = self:why_not(name)
  self.accounts[name].unused = 0
  return nil, ms, why
end

---Whether one job is to show first that the account can be used again.
function accounts:on_trial(name)
  local it = name and self.accounts[name]
  return it ~= nil and it.trial == true or name ~= nil and self.troubles["submit as " .. name] ~= nil
end

---Since when nobody can have been told of a job as missing: the time in which nobody answered for it does not count.
function accounts:silent_until(name)
  local it = name and self.accounts[name]
  return it and math.max(it.lost_at, self.lost_at) or self.lost_at
end

function accounts:account_well(name)
  local it = entry_of(self, name)
  if it.why then log.info("account answers again", { resource = self.name, account = name }) end
  it.why, it.trial, it.backoff, it.retry_at = nil, nil, FIRST_BACKOFF, 0
end

function accounts:account_lost(name, why)
  local it, now = entry_of(self, name), clock.monotonic()
  why = (why or "no reason was given"):gsub("%s+$", "")
  if not it.why then
    it.untold = true
    log.warn("account in trouble", { resource = self.name, account = name, error = why })
  end
  it.why, it.trial, it.lost_at = why, nil, now
  if now < it.retry_at then return end -- one failure may be told of each job
  it.retry_at = now + it.backoff
  it.backoff = math.min(it.backoff * 2, LAST_BACKOFF)
end

---All may be tried again at once: what was wrong was the resource.
function accounts:forgive()
  for _, it in pairs(self.accounts) do it.retry_at = 0 end
end

---One that is in trouble | nil, and whether all are that were ever called.
function accounts:in_trouble()
  local first, all = nil, true
  for name, it in pairs(self.accounts) do
    all = all and it.why ~= nil
    if it.why and (not first or name < first) then first = name end
  end
  return first, all
end

-- Trying again ---------------------------------------------------------------------------------------------------

-- Something that takes all the way to the scheduler and back, and changes nothing: nothing has this tag.
local function ask(self, name)
  local request = { items = json.list { { tag = tag.of(ids.new()) } }, account = name }
  local call, code, why = house.call(self.name, "find", request, self.settings.timeout_ms)
  local failure
  while call do
    local reports
    reports, code, why = call:next()
    if not reports then break end
    failure = reports[1] and self.failure(reports[1]) or failure
  end
  if code == "ok" and not failure then return true end
  return false, failure and failure.message or why or code
end

-- In a task of its own, since it may take as long as a verb may.
local function try(self, it)
  local _ <close> = setmetatable({}, { __close = function() it.trying = nil end })
  it.trying = true
  local well, why = ask(self, it.name)
  if self.accounts[it.name] ~= it or not it.why then return end -- all is new, or it is well already
  if well then it.trial = true
  else self:lose(it.name, why) end
  if self.driven then house.poke(self.name) end
end

local function has_jobs(self, name)
  for _, list in ipairs { self.live, self.submitting } do
    for _, job in pairs(list) do
      if job.account == name then return true end
    end
  end
  return false
end

-- Nor what went wrong with it: a resource is not to be degraded for ever by one that nobody uses any more.
local function forget(self, name)
  local ending = " as " .. name
  self.accounts[name] = nil
  for what in pairs(self.troubles) do
    if what:sub(-#ending) == ending then self.troubles[what] = nil end
  end
  log.info("account forgotten: it is in trouble, and nobody uses it", { resource = self.name, account = name })
  self:reconsider()
end

---Tries those whose time has come.
function accounts:try_accounts()
  if not self:ready() then return end
  local now, unused = clock.monotonic(), {}
  for name, it in pairs(self.accounts) do
    if it.why and not it.trial and not it.trying and now >= it.retry_at then
      it.unused = has_jobs(self, name) and 0 or (it.unused or 0) + 1
      if it.unused > MOST_UNUSED then unused[#unused + 1] = name else task.spawn(try, self, it) end
    end
  end
  for _, name in ipairs(unused) do forget(self, name) end
end

-- What their jobs are told ---------------------------------------------------------------------------------------

local function explain(batch, list, name, why)
  for _, job in pairs(list) do
    if job.account == name and job.message ~= why then
      job.message = why
      jobs.explain(batch.change, job.key, job.state, why, job.native_state)
    end
  end
end

---Says to the live jobs of an account that is in trouble why nothing is heard of them. What is heard next takes it back.
function accounts:tell_of_accounts()
  for name, it in pairs(self.accounts) do
    local is_news = it.untold and it.why
    it.untold = nil
    if is_news then
      local batch, why = lifecycle.batch(), self:why_not(name)
      explain(batch, self.live, name, why)
      explain(batch, self.submitting, name, why)
      if not dispatch.commit(self, batch) then return end
    end
  end
end

return accounts
