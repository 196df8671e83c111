-- Opening a resource's plug-in, and opening it anew beside the one that is open. Methods of core.resource.
local clock = require "house.clock"
local house = require "house.resources"
local log = require "house.log"
local schema = require "orrery.core.schema"

local opening = {}

local MAX_SUBMITTED = 256
local STOP_MS = 1000   -- for a plug-in to close: the whole control worker waits
local AGAIN_MS = 30000 -- before settings that the plug-in refused are tried again

local variable = { type = "text", pattern = "^[%u_]+$", format = "the name of a variable" }
local honours = { type = "object", fields = {
  fields = { type = "list", of = { type = "text" } }, cores = { type = "integer", min = 1 },
  batch = variable, index = variable, inputs = { type = "boolean" },
  element = { type = "text", pattern = "^[%w_${}.]+$", format = "variables of the shell, such as ${ID}_${INDEX}" },
  operator = { type = "list", of = { type = "text" } },
  array_size = { type = "integer", min = 0 }, max_submitted = { type = "integer", min = 1 } } }

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

-- The account that verbs are called as which only an operator of the scheduler may do, by verb.
local function operators(settings, honoured)
  local by_verb = {}
  for _, verb in ipairs(settings.operator and honoured.operator or {}) do by_verb[verb] = settings.operator end
  return by_verb
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
  self.operator_for = operators(self.settings, info.honours)
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
function opening:open()
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

return opening
