-- Services: programs of the site that Orrery asks over the bus. An answer is believed when it is of the shape that it must have;
-- a refusal is a problem document; anything else is as good as no answer, and told to the log once, not for every call.
local bus = require "house.bus"
local clock = require "house.clock"
local json = require "house.json"
local log = require "house.log"
local schema = require "orrery.core.schema"
local server = require "house.server"

local service = {}

local SILENCES = 3      -- calls in a row without an answer, after which it is let be for a moment:
local REST_MS = 1000    -- nobody who asks for something should wait for it each time
local QUIET_MS = 1000   -- between two complaints about it
local MOST_WORDS = 1000 -- of what it says of a refusal

---@class service.health how a service is, by what its calls came to in this Lua state
---@field silences integer calls in a row that ended without an answer
---@field rest_until integer until when nobody is to wait for it
---@field trouble string|nil why it fails, as the log was told; nil: it does not
---@field quiet_until integer until when the log is told nothing new
local healths = {}

local function health_of(name)
  healths[name] = healths[name] or { silences = 0, rest_until = 0, quiet_until = 0 }
  return healths[name]
end

local function well(name, health)
  if health.trouble then log.info("service answers again", { service = name }) end
  health.trouble = nil
end

local function failed(name, health, trouble)
  server.count "service_failures"
  if health.trouble ~= trouble and clock.monotonic() >= health.quiet_until then
    log.warn("service fails", { service = name, error = trouble })
    health.trouble, health.quiet_until = trouble, clock.monotonic() + QUIET_MS
  end
  return nil, "unavailable", trouble
end

local function silent(name, health, code, why)
  health.silences = code == "timeout" and health.silences + 1 or 0 -- what fails at once makes nobody wait
  health.rest_until = health.silences >= SILENCES and clock.monotonic() + REST_MS or 0
  return failed(name, health, why)
end

-- The words of a refusal, as they can be handed on.
local function words_of(document)
  local detail = document.detail
  if type(detail) ~= "string" or detail == "" or #detail > MOST_WORDS or detail:find "%c" then return nil end
  return detail
end

local function refused(name, health, text)
  local document = json.decode(text)
  local status = type(document) == "table" and math.tointeger(document.status)
  if not status then return failed(name, health, "it answers with a problem document that has no status") end
  if status < 400 or status > 499 then
    return failed(name, health, ("it answers with a problem of the status %d"):format(status))
  end
  well(name, health)
  return nil, "refused", words_of(document), status
end

---What a service is asked, and what its answers must be.
---@class service.question
---@field service string
---@field method string
---@field help string what is asked, for the AsyncAPI document
---@field asks schema of the request
---@field shape schema of its answer
---@field most integer bytes of an answer
---@field timeout_ms integer

---Asks a service. Waits.
---@param question service.question
---@param request table
---@return table|nil answer
---@return string|nil code "refused": it says no, by a problem of the status 4xx; "unavailable": there is no answer to believe
---@return string|nil words of the refusal, if it has some; or why there is no answer
---@return integer|nil status of the refusal
function service.ask(question, request)
  local name = question.service
  local health, now = health_of(name), clock.monotonic()
  if now < health.rest_until then return nil, "unavailable", health.trouble or "it does not answer" end
  if health.silences >= SILENCES then health.rest_until = now + question.timeout_ms end -- this one finds out for all
  server.count "service_calls"
  local body, kind, why = bus.call(name, question.method, json.encode(request), { timeout_ms = question.timeout_ms })
  if not body then return silent(name, health, kind, why) end
  health.silences, health.rest_until = 0, 0
  if #body > question.most then return failed(name, health, ("its answer has more than %d bytes"):format(question.most)) end
  if kind and kind:find("application/problem+json", 1, true) == 1 then return refused(name, health, body) end
  local answer, broken = json.decode(body)
  if answer == nil then return failed(name, health, "its answer is no JSON: " .. broken) end
  local problems = schema.check(question.shape, answer)
  if problems then
    return failed(name, health, ("its answer is wrong: %s %s"):format(problems[1].pointer, problems[1].detail))
  end
  well(name, health)
  return answer
end

return service
