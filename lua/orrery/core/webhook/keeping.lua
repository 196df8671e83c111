-- What is kept of deliveries: those that have ended, for some days; those of webhooks that are gone, not at all.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local commit = require "orrery.core.commit"
local deliveries = require "orrery.data.deliveries"
local webhooks = require "orrery.data.webhooks"

local keeping = {}

local CHUNK, DAY_MS = 500, 24 * 3600000

local function forsake(webhook)
  repeat
    local change = db.change()
    deliveries.forsake(change, webhook, CHUNK)
    commit(change)
  until deliveries.webhook_after(webhook - 1) ~= webhook
end

local function expire(before)
  while deliveries.any(before) do
    local change = db.change()
    deliveries.expire(change, before, CHUNK)
    commit(change)
  end
end

---One round: all that is to go now.
function keeping.run()
  local webhook = deliveries.webhook_after(0)
  while webhook do
    if not webhooks.get(webhook) then forsake(webhook) end
    webhook = deliveries.webhook_after(webhook)
  end
  expire(clock.now() - config.webhooks.keep_days * DAY_MS)
end

return keeping
