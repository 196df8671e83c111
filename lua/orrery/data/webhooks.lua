-- Webhooks: who is to be told of which events. Their deliveries are in data.deliveries.
local db = require "house.db"

local webhooks = {}

local READER = "webhooks" -- of the log (data.readers); it is there as long as there is a webhook

local columns = [[w.key AS id, w.key AS born, w.owner, w.name, w.url, w.everybody AS "all", w.simulation AS simulation_id,
  w.job AS job_id, w.types, w.states, CASE WHEN w.disabled_at IS NULL THEN 'ENABLED' ELSE 'DISABLED' END AS state,
  w.disabled_at, w.disabled_why AS disabled_reason, w.failures, w.failing_since, w.missed, w.old_until AS old_secret_until,
  (SELECT count(*) FROM deliveries d WHERE d.webhook = w.key AND d.state = 'PENDING') AS pending,
  coalesce(w.behind, (SELECT number FROM readers WHERE name = 'webhooks')) AS read_to]]

webhooks.one = db.statement("SELECT " .. columns .. " FROM webhooks w WHERE w.key = ?")

---The statement of a page. Its parameters: the owner, if there is one, the key to go on from, the limit.
function webhooks.page(owned, descending)
  return db.statement(("SELECT %s FROM webhooks w WHERE %s w.key %s ? ORDER BY w.key %s LIMIT ?"):format(columns,
    owned and "w.owner = ? AND" or "", descending and "<" or ">", descending and "DESC" or "ASC"))
end

local whole = [[SELECT key, owner, name, url, everybody, simulation, job, types, states, begins, behind, again, missed,
  secret, old_secret, old_until, failures, failing_since, disabled_at, disabled_why FROM webhooks]]
local get = db.statement(whole .. " WHERE key = ?")
local attentive = db.statement [[
  SELECT key, owner, everybody, simulation, job, types, states, begins FROM webhooks
  WHERE disabled_at IS NULL AND behind IS NULL ORDER BY key]]
local edition = db.statement "SELECT number FROM webhooks_edition"
local behind = db.statement(whole .. " INDEXED BY webhooks_behind WHERE behind IS NOT NULL AND disabled_at IS NULL ORDER BY key")
local any = db.statement "SELECT 1 FROM webhooks LIMIT 1"
local count = db.statement "SELECT count(*) FROM webhooks WHERE owner = ?"
-- From one that has something waiting to the next, so that all the others cost nothing.
local due = db.statement [[
  WITH RECURSIVE waiting(webhook) AS (
    SELECT min(webhook) FROM deliveries INDEXED BY deliveries_pending WHERE state = 'PENDING'
    UNION ALL
    SELECT (SELECT min(d.webhook) FROM deliveries d INDEXED BY deliveries_pending
            WHERE d.state = 'PENDING' AND d.webhook > w.webhook) FROM waiting w WHERE w.webhook IS NOT NULL)
  SELECT h.key, h.owner, (SELECT min(d.due_at) FROM deliveries d INDEXED BY deliveries_pending
                 WHERE d.webhook = h.key AND d.state = 'PENDING') AS due_at, h.failures
  FROM waiting w CROSS JOIN webhooks h ON h.key = w.webhook WHERE h.disabled_at IS NULL]]

function webhooks.any() return db.value(any) ~= nil end
function webhooks.get(key) return db.row(get, key) end
---Those that are with the common reader: their keys and what they want.
function webhooks.attentive() return db.rows(attentive) end
---As long as this is the same, so are these. To be asked before them.
function webhooks.edition() return db.value(edition) end
---Those that are read for by themselves.
function webhooks.behind() return db.rows(behind) end
function webhooks.count(owner) return db.value(count, owner) end
---Of each that is enabled and has deliveries waiting, when the next is due, and how many tries have failed; by their keys.
---@return {key:integer, owner:string, due_at:integer, failures:integer}[]
function webhooks.due() return db.rows(due) end

-- Writing --------------------------------------------------------------------------------------------------------

local last = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)"
local insert = db.statement([[
  INSERT INTO webhooks(key, owner, name, url, everybody, simulation, job, types, states, secret, begins)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ]] .. last .. ")")
local begin_reading = db.statement("INSERT OR IGNORE INTO readers(name, number) VALUES(?, " .. last .. ")")
local end_reading = db.statement "DELETE FROM readers WHERE name = ? AND NOT EXISTS (SELECT 1 FROM webhooks)"
local update = db.statement [[
  UPDATE webhooks SET name = iif(?2, ?3, name), url = iif(?4, ?5, url), types = iif(?6, ?7, types), states = iif(?8, ?9, states)
  WHERE key = ?1]]
local rotate = db.statement [[
  UPDATE webhooks SET old_secret = secret, old_until = ?, secret = ? WHERE key = ? AND secret = ?]]
local enable = db.statement [[
  UPDATE webhooks SET disabled_at = NULL, disabled_why = NULL, failures = 0, failing_since = NULL WHERE key = ?]]
local disable = db.statement [[
  UPDATE webhooks SET disabled_at = ?, disabled_why = ?,
    behind = coalesce(behind, (SELECT number FROM readers WHERE name = 'webhooks'))
  WHERE key = ? AND disabled_at IS NULL]]
local replay = db.statement [[
  UPDATE webhooks SET behind = min(?, coalesce(behind, r.number)), again = r.number, begins = min(begins, ?)
  FROM (SELECT number FROM readers WHERE name = 'webhooks') r WHERE key = ?]]
local fall_behind = db.statement "UPDATE webhooks SET behind = ? WHERE key = ? AND behind IS NULL"
local catch_up = db.statement [[
  UPDATE webhooks SET behind = ? WHERE key = ? AND behind = ? AND again = ? AND disabled_at IS NULL]]
local miss = db.statement "UPDATE webhooks SET missed = ? WHERE key = ?"
local failed = db.statement [[
  UPDATE webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, ?) WHERE key = ?]]
local succeeded = db.statement [[
  UPDATE webhooks SET failures = 0, failing_since = NULL WHERE key = ? AND failing_since IS NOT NULL]]
local delete = db.statement "DELETE FROM webhooks WHERE key = ?"
local end_of_simulation = db.statement "DELETE FROM webhooks WHERE simulation = ?"
local end_of_job = db.statement "DELETE FROM webhooks WHERE job = ?"

function webhooks.insert(change, row)
  change:add(insert, 1, row.key, row.owner, row.name, row.url, row.everybody, row.simulation, row.job, row.types, row.states,
    row.secret)
  change:add(begin_reading, nil, READER)
end

---@param given table<string, boolean> which of name, url, types and states are others now
---@param row table what they are
function webhooks.update(change, key, given, row)
  change:add(update, 1, key, given.name, row.name, given.url, row.url, given.types, row.types, given.states, row.states)
end

---Another secret, beside which the one of the row signs until a time. Guarded: that is still its secret.
function webhooks.rotate(change, row, secret, old_until) change:add(rotate, 1, old_until, secret, row.key, row.secret) end

---It goes on where it was.
function webhooks.enable(change, key) change:add(enable, 1, key) end
---Guarded: it is enabled. What is read from now on is read for it when it is enabled again.
function webhooks.disable(change, key, now, why) change:add(disable, 1, now, why, key) end

---All events after a number that the log still has are delivered, again or for the first time.
function webhooks.replay(change, key, after) change:add(replay, 1, after, after, key) end

---It is read for by itself from a number on.
function webhooks.fall_behind(change, key, number) change:add(fall_behind, nil, number, key) end
---It has been read for up to a number, or (nil) as far as for all. Guarded: it was neither sent back nor disabled meanwhile.
function webhooks.catch_up(change, row, number) change:add(catch_up, 1, number, row.key, row.behind, row.again) end

---Some events are gone that were yet to be read for it.
---@param stretch string JSON
function webhooks.miss(change, key, stretch) change:add(miss, nil, stretch, key) end

function webhooks.failed(change, key, now) change:add(failed, nil, now, key) end
function webhooks.succeeded(change, key) change:add(succeeded, nil, key) end

---Its deliveries go later (data.deliveries).
function webhooks.delete(change, key)
  change:add(delete, 1, key)
  webhooks.end_reading(change)
end

---Of what is deleted nobody is told any more.
function webhooks.end_of_simulation(change, simulation) change:add(end_of_simulation, nil, simulation) end
function webhooks.end_of_job(change, job) change:add(end_of_job, nil, job) end
---Nothing is read, and the log keeps nothing, when there is none any more.
function webhooks.end_reading(change) change:add(end_reading, nil, READER) end

return webhooks
