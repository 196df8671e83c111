-- Answers to requests that carried an Idempotency-Key, stored in the commit of their effect.
local db = require "house.db"

local idempotency = {}

local read = db.statement "SELECT request, status, headers, body FROM idempotency WHERE owner = ? AND key = ?"
local insert = db.statement [[
  INSERT INTO idempotency(owner, key, request, status, headers, body, created_at) VALUES(?, ?, ?, ?, ?, ?, ?)]]
local expire = db.statement [[
  DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE created_at < ? LIMIT 1000)]]
local any = db.statement "SELECT 1 FROM idempotency WHERE created_at < ? LIMIT 1"

function idempotency.get(owner, key) return db.row(read, owner, key) end

function idempotency.insert(change, owner, key, request, status, headers, body, now)
  change:add(insert, 1, owner, key, request, status, headers, body, now)
end

---Forgets at most a thousand of those older than a time.
function idempotency.expire(change, before) change:add(expire, nil, before) end
---Whether there are any older than a time.
function idempotency.any(before) return db.value(any, before) ~= nil end

return idempotency
