-- /v1/webhooks/{id}/deliveries: what was sent to a webhook's address, and what came of it; sending it again, and sending a ping.
local clock = require "house.clock"
local cloud = require "orrery.core.event.cloud"
local db = require "house.db"
local ids = require "house.ids"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.deliveries"
local events = require "orrery.data.events"
local moment = require "orrery.core.moment"
local problem = require "orrery.api.problem"
local webhooks = require "orrery.data.webhooks"

local whole, cut = answer.shapes { { "id", "id" }, { "webhook_id", "id" }, { "event", "int" }, { "type", "text" },
  { "state", "text" }, { "tries", "int" }, { "due_at", "time" }, { "ended_at", "time" }, { "created_at", "born", "born" },
  { "outcomes", "json" } }

local function list(context, id)
  local query, hook = context.query, access.webhook(context, id)
  local after, descending, limit = answer.page(query)
  local statement = data.page(query.state, descending)
  if query.state then return answer.list_of(cut(query.fields), limit, statement, hook.key, query.state, after, limit) end
  return answer.list_of(cut(query.fields), limit, statement, hook.key, after, limit)
end

-- A delivery of a webhook that the one who asks may see.
local function find(context, id, delivery)
  local hook, key = access.webhook(context, id), ids.key(delivery)
  local row = key and data.get(key)
  if not row or row.webhook ~= hook.key then access.absent(context, "delivery", delivery) end
  return row, hook
end

local function shown(row) return db.json(whole, data.one, row.key, row.webhook) end

local function get(context, id, delivery)
  local row = find(context, id, delivery)
  return answer.when_ready(context, row.key, function()
    local now = data.get(row.key) -- first, so that a body that is sent because it has ended says so
    local body = now and shown(row)
    if not body then access.absent(context, "delivery", delivery) end
    return body, now.state ~= "PENDING"
  end)
end

local function must_be_enabled(hook)
  if not hook.disabled_at then return end
  problem.raise("disabled", ("The webhook was disabled at %s: %s. Enable it with POST /v1/webhooks/%s/enable; what waits is sent "
    .. "then."):format(clock.text(hook.disabled_at), hook.disabled_why, ids.text(hook.key)))
end

-- The body of one that is yet to be written.
local function document(row)
  return whole:text { id = row.key, born = row.key, webhook_id = row.webhook, event = row.event, type = row.type,
    state = "PENDING", tries = 0, due_at = row.due_at, outcomes = row.outcomes or "[]" }
end

local function still_pending()
  problem.raise("illegal-transition", "The delivery is PENDING: it is being sent as it is.")
end

local function replay_one(context, id, delivery)
  local row, hook = find(context, id, delivery)
  return answer.once(context, function(finish)
    must_be_enabled(hook)
    if row.state == "PENDING" then still_pending() end
    local change, now = db.change(), clock.now()
    data.again(change, row.key, now)
    row.due_at = now
    return finish(change, 202, nil, document(row))
  end, still_pending)
end

-- After which event a replay begins.
local function beginning_of(body)
  if (body.after == nil) == (body.since == nil) then
    problem.invalid { { pointer = "", detail = "needs either after, the number of an event, or since, a time" } }
  end
  local newest = events.newest()
  if body.after and body.after > newest then
    problem.invalid { { pointer = "/after", detail = ("is the number of no event yet; the newest is %d"):format(newest) } }
  end
  return body.after or events.before(moment.parse(body.since))
end

local function replay_all(context, id)
  local hook, after = access.webhook(context, id), beginning_of(context.body)
  return answer.once(context, function(finish)
    must_be_enabled(hook)
    local change = db.change()
    webhooks.replay(change, hook.key, after)
    return finish(change, 202, nil, json.encode { webhook_id = id, after = after, to = events.newest() })
  end)
end

-- A ping is an event of no log, and so its id is the delivery's.
local function ping(context, id)
  local hook = access.webhook(context, id)
  return answer.once(context, function(finish)
    must_be_enabled(hook)
    local change, key, now = db.change(), ids.new(), clock.now()
    local row = { key = key, webhook = hook.key, type = "webhook.ping", due_at = now }
    row.body = cloud.text { number = ids.text(key), at = now, type = row.type, of = "webhook", owner = hook.owner,
      data = json.encode { webhook_id = ids.text(hook.key) } }
    data.insert_one(change, row)
    return finish(change, 202, ("Location: /v1/webhooks/%s/deliveries/%s\r\n"):format(id, ids.text(key)), document(row))
  end)
end

local DELIVERIES = "/v1/webhooks/{id}/deliveries"

return {
  { method = "GET", path = DELIVERIES, rpc = "deliveries.list",
    summary = "List a webhook's deliveries", handler = list, response = "list",
    query = answer.list_query {
      state = { type = "text", choices = { "PENDING", "DELIVERED", "FAILED" }, help = "only those in this state" } } },
  { method = "GET", path = DELIVERIES .. "/{delivery}", rpc = "deliveries.get",
    summary = "Get a delivery", handler = get, response = "delivery",
    query = { wait = answer.wait_query } },
  { method = "POST", path = DELIVERIES .. "/{delivery}/replay", rpc = "deliveries.replay",
    summary = "Send a delivery again", status = 202, handler = replay_one, response = "delivery" },
  { method = "POST", path = "/v1/webhooks/{id}/replay", rpc = "webhooks.replay",
    summary = "Send all events again from some point on", status = 202,
    handler = replay_all, response = "replay", body = { type = "object", help = "from where on", fields = {
      after = { type = "integer", min = 0, help = "the number of an event: those after it" },
      since = { type = "time", help = "those since a time" } } } },
  { method = "POST", path = "/v1/webhooks/{id}/ping", rpc = "webhooks.ping",
    summary = "Send a test delivery", status = 202, handler = ping, response = "delivery" },
}
