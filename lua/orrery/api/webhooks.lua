-- /v1/webhooks: who is to be told of which events, at which address. Their deliveries are in api/deliveries.lua.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local fetch = require "house.fetch"
local ids = require "house.ids"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.webhooks"
local deliveries = require "orrery.data.deliveries"
local leave_alone = require "orrery.core.webhook.disable"
local lifecycle = require "orrery.core.job.lifecycle"
local names = require "orrery.core.event.names"
local problem = require "orrery.api.problem"
local readers = require "orrery.data.readers"
local signature = require "orrery.core.webhook.signature"

local OVERLAP_S = 86400 -- for which an old secret signs as well

local whole, cut = answer.shapes { { "id", "id" }, { "owner", "text" }, { "name", "text" }, { "url", "text" }, { "all", "bool" },
  { "simulation_id", "id" }, { "job_id", "id" }, { "types", "json" }, { "states", "json" }, { "state", "text" },
  { "disabled_at", "time" }, { "disabled_reason", "text" }, { "failures", "int" }, { "failing_since", "time" },
  { "pending", "int" }, { "read_to", "int" }, { "missed", "json" }, { "old_secret_until", "time" },
  { "created_at", "born", "born" } }

local function location(key) return "Location: /v1/webhooks/" .. ids.text(key) .. "\r\nCache-Control: no-store\r\n" end

-- The body of a webhook with its secret, which is shown this once, and what is kept of it for a replay of the request.
local function with_secret(text, secret)
  text = text:sub(1, -2)
  return ('%s,"secret":"%s"}'):format(text, signature.shown(secret)), text .. ',"secret":null}'
end

local function wrong(pointer, detail) problem.invalid { { pointer = pointer, detail = detail } } end

local function address_of(given)
  local url, _, why = fetch.url(given, config.webhooks.allow)
  return url or wrong("/url", why)
end

local function secret_of(given)
  if not given then return signature.new_secret() end
  return signature.secret_of(given) or wrong("/secret", "must be " .. signature.format)
end

local function list_of(words) return words and #words > 0 and json.encode(words) or nil end

-- As the log has them.
local function types_of(words)
  local list, problems = json.list {}, {}
  for i, word in ipairs(words or list) do
    list[i] = names.read(word) or word
    if not names.read(word) then problems[#problems + 1] = { pointer = "/types/" .. i - 1, detail = names.there_are } end
  end
  if #problems > 0 then problem.invalid(problems) end
  return list_of(list)
end

-- What it is for: a job, a simulation, everything of one's own, or everything.
local function scope_of(context)
  local body = context.body
  local given = (body.all and 1 or 0) + (body.simulation_id and 1 or 0) + (body.job_id and 1 or 0)
  if given > 1 then wrong("", "has more than one of all, simulation_id and job_id, which exclude each other") end
  if body.all and not context.principal.sees_all then
    problem.raise("forbidden", "Events of everybody are for operators and administrators; leave /all out for your own.")
  end
  return body.simulation_id and access.simulation(context, body.simulation_id).key,
    body.job_id and access.job(context, body.job_id).key
end

local function too_many(owner)
  if data.count(owner) < config.webhooks.each_owner then return end
  problem.raise("limit-reached", ("%s has %d webhooks, which is as many as one may have; delete one first."):format(owner,
    config.webhooks.each_owner))
end

-- The body of a row that is yet to be written.
local function document(row)
  return whole:text { id = row.key, born = row.key, owner = row.owner, name = row.name, url = row.url, all = row.everybody,
    simulation_id = row.simulation, job_id = row.job, types = row.types, states = row.states,
    state = row.disabled_at and "DISABLED" or "ENABLED", disabled_at = row.disabled_at, disabled_reason = row.disabled_why,
    failures = row.failures or 0, failing_since = row.failing_since, missed = row.missed, old_secret_until = row.old_until,
    pending = deliveries.pending(row.key, math.maxinteger), read_to = row.behind or readers.get "webhooks" }
end

local function create(context)
  local body, owner = context.body, context.principal.owner
  local simulation, job = scope_of(context)
  local row = { owner = owner, name = body.name, url = address_of(body.url), everybody = body.all and 1 or 0,
    simulation = simulation, job = job, types = types_of(body.types), states = list_of(body.states),
    secret = secret_of(body.secret) }
  return answer.once(context, function(finish)
    too_many(owner)
    local change = db.change()
    row.key = ids.new()
    data.insert(change, row)
    return finish(change, 201, location(row.key), with_secret(document(row), row.secret))
  end)
end

local function list(context)
  local query, principal = context.query, context.principal
  local after, descending, limit = answer.page(query)
  if principal.sees_all then return answer.list_of(cut(query.fields), limit, data.page(false, descending), after, limit) end
  return answer.list_of(cut(query.fields), limit, data.page(true, descending), principal.owner, after, limit)
end

local function shown(key) return db.json(whole, data.one, key) end

local function get(context, id)
  local row = access.webhook(context, id)
  return answer.tagged(context, shown(row.key))
end

local readers_of = { url = address_of, types = types_of, states = list_of }

-- One whose address or secret is about to be changed: it may tell of what its owner's other tokens may not see, and then it
-- is for these alone.
local function find_to_change(context, id)
  local row = access.webhook(context, id)
  if context.principal.sees_all then return row end
  if row.everybody == 1 then
    problem.raise("forbidden", "It is sent events of everybody; only operators and administrators change where they go.")
  end
  if row.simulation then access.simulation(context, ids.text(row.simulation)) end
  if row.job then access.job(context, ids.text(row.job)) end
  return row
end

local function patch(context, id)
  local row, change, given, new = find_to_change(context, id), db.change(), {}, {}
  for _, name in ipairs { "name", "url", "types", "states" } do
    local value, read = context.body[name], readers_of[name]
    given[name] = value ~= nil
    if value ~= nil and value ~= json.null then new[name] = read and read(value) or not read and value or nil end
  end
  data.update(change, row.key, given, new)
  local ok, code, why = change:commit()
  if not ok then problem.of_commit(code, why) end
  return answer.json(200, shown(row.key))
end

local function delete(context, id)
  local row, change = access.webhook(context, id), db.change()
  data.delete(change, row.key)
  local ok, code, why = change:commit()
  if not ok and code == "conflict" then access.absent(context, "webhook", id) end
  if not ok then problem.of_commit(code, why) end
  return 204, "", ""
end

local function rotate(context, id)
  local row, body = find_to_change(context, id), context.body
  local secret, old_until = secret_of(body.secret), clock.now() + (body.overlap_s or OVERLAP_S) * 1000
  return answer.once(context, function(finish)
    local change = db.change()
    data.rotate(change, row, secret, old_until)
    row.old_until = old_until
    return finish(change, 200, "Cache-Control: no-store\r\n", with_secret(document(row), secret))
  end)
end

local function enable(context, id)
  local row = access.webhook(context, id)
  return answer.once(context, function(finish)
    local change = db.change()
    data.enable(change, row.key)
    row.disabled_at, row.disabled_why, row.failures, row.failing_since = nil, nil, 0, nil
    return finish(change, 200, nil, document(row))
  end)
end

local function disable(context, id)
  local row = access.webhook(context, id)
  return answer.once(context, function(finish)
    local change, now, why = db.change(), clock.now(), "by " .. context.principal.owner
    if not row.disabled_at then
      leave_alone(change, row, now, why)
      row.disabled_at, row.disabled_why = now, why
    end
    return finish(change, 200, nil, document(row))
  end)
end

-- Declarations ---------------------------------------------------------------------------------------------------

local url = { type = "text", min = 1, max = 2048, line = true, help = "where requests go: https://… or http://…" }
local name = { type = "text", min = 1, max = 256, line = true, help = "for people" }
local types = { type = "list", max = 50, help = "only events of these types, such as job.state, or job.* (default: all)",
  of = { type = "text", max = 64 } }
local states = { type = "list", max = 20, help = "only steps into these states (default: all events)",
  of = { type = "text", choices = lifecycle.states } }
local secret = { type = "text", max = 128, help = "the key of the signatures: " .. signature.format .. " (default: a new one)" }

local function or_null(field) return { type = "either", field, { type = "null" }, help = field.help } end

return {
  { method = "POST", path = "/v1/webhooks", rpc = "webhooks.create",
    summary = "Have events sent to an address", status = 201, handler = create,
    response = "webhook", body = { type = "object", help = "a webhook", fields = {
      url = { type = "text", min = 1, max = 2048, line = true, required = true, help = url.help }, name = name, types = types,
      states = states, secret = secret, simulation_id = { type = "text", max = 64, help = "only events of this simulation" },
      job_id = { type = "text", max = 64, help = "only events of this job" },
      all = { type = "boolean", help = "true: events of all owners (operators and administrators)" } } } },
  { method = "GET", path = "/v1/webhooks", rpc = "webhooks.list", summary = "List webhooks", handler = list, response = "list",
    query = answer.list_query {} },
  { method = "GET", path = "/v1/webhooks/{id}", rpc = "webhooks.get",
    summary = "Get a webhook", handler = get, response = "webhook" },
  { method = "PATCH", path = "/v1/webhooks/{id}", rpc = "webhooks.update",
    summary = "Change a webhook's address, name or filters", handler = patch,
    response = "webhook", body = { type = "object", help = "what to change", fields = { url = url, name = or_null(name),
      types = or_null(types), states = or_null(states) } } },
  { method = "DELETE", path = "/v1/webhooks/{id}", rpc = "webhooks.delete",
    summary = "Delete a webhook and its deliveries", status = 204, handler = delete },
  { method = "POST", path = "/v1/webhooks/{id}/rotate", rpc = "webhooks.rotate",
    summary = "Change a webhook's secret", handler = rotate,
    response = "webhook", body_optional = true, body = { type = "object", help = "how", fields = { secret = secret,
      overlap_s = { type = "integer", min = 0, max = 604800,
        help = "seconds for which the old secret signs, too (default 86400)" } } } },
  { method = "POST", path = "/v1/webhooks/{id}/enable", rpc = "webhooks.enable",
    summary = "Send to an address again", handler = enable, response = "webhook" },
  { method = "POST", path = "/v1/webhooks/{id}/disable", rpc = "webhooks.disable",
    summary = "Send nothing to an address until it is enabled again", handler = disable, response = "webhook" },
}
