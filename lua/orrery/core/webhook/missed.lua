-- What the log had no more when it was to be read for a webhook that was behind. Its owner is told, by an event and where the
-- webhook is shown, and so is the site; once of each stretch of the log.
local events = require "orrery.data.events"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local webhooks = require "orrery.data.webhooks"

local missed = {}

---A stretch of the log that is whole no more, is to be read for a webhook, and was not told of. To be asked after the log was
---read: so what is removed meanwhile is told of, too.
---@param hook table the row of one that is behind
---@return {from:integer, to:integer}|nil numbers of events, some of which are gone
function missed.of(hook)
  local told = hook.missed and json.decode(hook.missed).to or 0
  local from, to = math.max(hook.behind, hook.begins, told) + 1, events.oldest() - 1
  return from <= to and { from = from, to = to } or nil
end

---Tells its owner of a stretch, with what else is changed.
function missed.tell(change, hook, stretch, now)
  webhooks.miss(change, hook.key, json.encode(stretch))
  events.append(change, now, "webhook.missed", hook.owner, nil, nil,
    { webhook_id = ids.text(hook.key), from = stretch.from, to = stretch.to })
end

---Tells the site of it.
function missed.warn(hook, stretch)
  log.warn("events were gone before they were sent to a webhook", { webhook = ids.text(hook.key), owner = hook.owner,
    from = stretch.from, to = stretch.to })
end

return missed
