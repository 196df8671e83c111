-- One try of a delivery: it is sent, and what came of it is committed. Between the two the server may die, and then the next
-- one sends it again, with the same id: at least once.
local clock = require "house.clock"
local cloud = require "orrery.core.event.cloud"
local config = require "house.config"
local db = require "house.db"
local deliveries = require "orrery.data.deliveries"
local disable = require "orrery.core.webhook.disable"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local server = require "house.server"
local signature = require "orrery.core.webhook.signature"
local verdict = require "orrery.core.webhook.verdict"
local webhooks = require "orrery.data.webhooks"

local attempt = {}

local GONE = 410
local LEAST_FAILURES = 5     -- before a webhook is disabled, however long ago the first of them was
local MOST_BODY = 2048       -- of an answer, of which the beginning is kept
local STORE_PAUSE_MS = 5000  -- what cannot be recorded is not sent again at once
local settings = config.webhooks

local function send(fetcher, hook, delivery, now)
  local headers = signature.headers(hook, ids.text(delivery.key), now, delivery.body)
  headers["Content-Type"], headers["User-Agent"] = cloud.MEDIA_TYPE, "Orrery/" .. server.version
  return fetcher:send { url = hook.url, headers = headers, body = delivery.body, timeout_ms = settings.timeout_ms,
    most_body = MOST_BODY }
end

local function leave_alone(hook, why)
  local change = db.change()
  disable(change, hook, clock.now(), why)
  if change:commit() then log.info("webhook disabled", { webhook = ids.text(hook.key), owner = hook.owner, reason = why }) end
end

-- A receiver that is gone for good, or has failed for long enough, is left alone.
local function give_up(key, status, problem)
  local hook = webhooks.get(key)
  if not hook or hook.disabled_at then return end
  local days = settings.disable_after_s / 86400
  if status == GONE then leave_alone(hook, problem)
  elseif hook.failures >= LEAST_FAILURES and clock.now() - hook.failing_since >= settings.disable_after_s * 1000 then
    leave_alone(hook, ("nothing was delivered for %.3g days; at last: %s"):format(days, problem))
  end
end

---Sends a delivery, if it is still to be sent.
---@return integer|nil pause milliseconds for which its receiver is to be left alone
function attempt.run(fetcher, key)
  local delivery = deliveries.get(key)
  local hook = delivery and webhooks.get(delivery.webhook)
  if not hook or hook.disabled_at or delivery.state ~= "PENDING" then return nil end
  local at, began = clock.now(), clock.monotonic()
  local status, headers, body = send(fetcher, hook, delivery, at)
  server.count "webhook_tries"
  local problem = status and verdict.problem(status) or not status and body or nil
  local now, wish = clock.now(), status and problem and verdict.wish(headers["retry-after"], at) or 0
  local pause = problem and verdict.pause_ms(settings.retry_s, delivery.tries + 1, wish)
  local outcome = json.encode { at = clock.text(at), status = status or json.null, milliseconds = clock.monotonic() - began,
    error = problem or json.null, answer = status and verdict.beginning(body) or json.null }
  local change = db.change()
  deliveries.tried(change, key, not problem and "DELIVERED" or pause and "PENDING" or "FAILED", pause and now + pause,
    not pause and now or nil, outcome)
  if problem then server.count "webhook_failures" end
  if problem then webhooks.failed(change, hook.key, now) else webhooks.succeeded(change, hook.key) end
  local ok, code, why = change:commit()
  if not ok then
    log.warn("delivery not recorded", { delivery = ids.text(key), code = code, error = why })
    return STORE_PAUSE_MS
  end
  if problem then give_up(hook.key, status, problem) end
  return wish > 0 and math.floor(wish * 1000) or nil
end

return attempt
