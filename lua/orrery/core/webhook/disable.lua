-- Disabling a webhook: nothing is sent to it until it is enabled again, and whoever wants to know is told why.
local events = require "orrery.data.events"
local ids = require "house.ids"
local webhooks = require "orrery.data.webhooks"

---@param change table of house.db; guarded: the webhook is enabled
---@param hook table its row
---@param now integer wall milliseconds
---@param why string for people
return function(change, hook, now, why)
  webhooks.disable(change, hook.key, now, why)
  events.append(change, now, "webhook.disabled", hook.owner, nil, nil, { webhook_id = ids.text(hook.key), reason = why })
end
