-- Deliveries of webhooks: what is to be sent, when next, and what came of it.
local db = require "house.db"

local deliveries = {}

local columns = [[d.key AS id, d.key AS born, d.webhook AS webhook_id, d.event, d.type, d.state, d.tries, d.due_at, d.ended_at,
  d.outcomes]]

---One of a webhook's: key, webhook.
deliveries.one = db.statement("SELECT " .. columns .. " FROM deliveries d WHERE d.key = ? AND d.webhook = ?")

---The statement of a page. Its parameters: the webhook, the state, if there is one, the key to go on from, the limit.
function deliveries.page(state, descending)
  local text = "SELECT %s FROM deliveries d INDEXED BY %s WHERE d.webhook = ? %s AND d.key %s ? ORDER BY d.key %s LIMIT ?"
  return db.statement(text:format(columns, state and "deliveries_by_state" or "deliveries_by_webhook",
    state and "AND d.state = ?" or "", descending and "<" or ">", descending and "DESC" or "ASC"))
end

local get = db.statement "SELECT key, webhook, event, type, state, tries, due_at, body FROM deliveries WHERE key = ?"
local pending = db.statement [[
  SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_pending WHERE webhook = ? AND state = 'PENDING' LIMIT ?)]]
local due = db.statement [[
  SELECT key FROM deliveries INDEXED BY deliveries_pending
  WHERE webhook = ? AND state = 'PENDING' AND due_at <= ? ORDER BY due_at, key LIMIT ?]]

function deliveries.get(key) return db.row(get, key) end
---How many of a webhook's wait; no more than `most` are counted.
function deliveries.pending(webhook, most) return db.value(pending, webhook, most) end
---The keys of those that are to be sent now, the longest due first.
function deliveries.due(webhook, now, limit) return db.rows(due, webhook, now, limit) end

-- Writing --------------------------------------------------------------------------------------------------------

local WIDTH = 6
local fresh = [[
  INSERT INTO deliveries(key, webhook, event, type, body, state, tries, due_at, outcomes)
  SELECT ?1, w.key, ?3, ?4, ?5, 'PENDING', 0, ?6, '[]' FROM webhooks w WHERE w.key = ?2]]
local known = " ON CONFLICT(webhook, event) WHERE event IS NOT NULL DO "
local insert = db.statement(fresh .. known .. "NOTHING")
local repeated = db.statement(fresh .. known
  .. "UPDATE SET state = 'PENDING', tries = 0, due_at = excluded.due_at, ended_at = NULL WHERE state <> 'PENDING'")
local again = db.statement [[
  UPDATE deliveries SET state = 'PENDING', tries = 0, due_at = ?, ended_at = NULL WHERE key = ? AND state <> 'PENDING']]
-- So many outcomes are kept of each; the list is cut at its beginning.
local MOST_OUTCOMES = 20
local tried = db.statement(([[
  UPDATE deliveries SET state = ?, tries = tries + 1, due_at = ?, ended_at = ?, outcomes = json_insert(
      CASE WHEN json_array_length(outcomes) >= %d THEN json_remove(outcomes, '$[0]') ELSE outcomes END, '$[#]', json(?))
  WHERE key = ? AND state = 'PENDING']]):format(MOST_OUTCOMES))
local webhook_after = db.statement "SELECT webhook FROM deliveries WHERE webhook > ? ORDER BY webhook LIMIT 1"
local forsaken = db.statement [[
  DELETE FROM deliveries WHERE key IN (SELECT key FROM deliveries WHERE webhook = ?1 LIMIT ?2)
    AND NOT EXISTS (SELECT 1 FROM webhooks WHERE key = ?1)]]
local expire = db.statement [[
  DELETE FROM deliveries WHERE key IN (SELECT key FROM deliveries WHERE ended_at < ? ORDER BY ended_at LIMIT ?)]]
local any = db.statement "SELECT 1 FROM deliveries WHERE ended_at < ? LIMIT 1"

---Deliveries of events: rows {key, webhook, event, type, body, due_at}. One that is there already stays as it is, and of a
---webhook that is gone none is made.
---@param anew boolean|nil those that have ended are sent again
function deliveries.insert(change, rows, anew)
  local cells, n = {}, 0
  for _, row in ipairs(rows) do
    cells[n + 1], cells[n + 2], cells[n + 3] = row.key, row.webhook, row.event
    cells[n + 4], cells[n + 5], cells[n + 6] = row.type, row.body, row.due_at
    n = n + WIDTH
  end
  change:add_rows(anew and repeated or insert, nil, WIDTH, cells)
end

---A delivery of no event. Guarded: its webhook is there.
function deliveries.insert_one(change, row)
  change:add(insert, 1, row.key, row.webhook, row.event, row.type, row.body, row.due_at)
end

---Sends one once more. Guarded: it has ended.
function deliveries.again(change, key, now) change:add(again, 1, now, key) end

---What came of a try: the state it is in then, and when the next is due or when it ended.
---@param outcome string JSON
function deliveries.tried(change, key, state, due_at, ended_at, outcome)
  change:add(tried, nil, state, due_at, ended_at, outcome, key)
end

---Webhooks that have deliveries, in their order: the one after a key | nil
function deliveries.webhook_after(key) return db.value(webhook_after, key) end
---Removes some deliveries of a webhook, if it is gone.
function deliveries.forsake(change, webhook, limit) change:add(forsaken, nil, webhook, limit) end
---Removes some that ended before a time; and whether there are any.
function deliveries.expire(change, before, limit) change:add(expire, nil, before, limit) end
function deliveries.any(before) return db.value(any, before) ~= nil end

return deliveries
