-- Tickets, kept as hashes: each stands for a token until it expires, or the token is no more.
local db = require "house.db"

local tickets = {}

local insert = db.statement "INSERT INTO tickets(hash, token, owner, role, ends_at, expires_at) VALUES(?, ?, ?, ?, ?, ?)"
local get = db.statement [[
  SELECT t.token AS key, t.owner, t.role, coalesce(t.ends_at, k.expires_at) AS expires_at
  FROM tickets t LEFT JOIN tokens k ON k.key = t.token
  WHERE t.hash = ?1 AND t.expires_at > ?2 AND (t.token IS NULL OR k.key IS NOT NULL)]]
local expire = db.statement [[
  DELETE FROM tickets WHERE hash IN (SELECT hash FROM tickets INDEXED BY tickets_by_age WHERE expires_at <= ? LIMIT 1000)]]
local any = db.statement "SELECT 1 FROM tickets INDEXED BY tickets_by_age WHERE expires_at <= ? LIMIT 1"

---@param ticket {hash:string, token:integer|nil, owner:string, role:string, ends_at:integer|nil, expires_at:integer}
function tickets.insert(change, ticket)
  change:add(insert, 1, ticket.hash, ticket.token, ticket.owner, ticket.role, ticket.ends_at, ticket.expires_at)
end

---Whom a ticket stands for now: key of the token, owner, role, and when that ends (expires_at).
function tickets.get(hash, now) return db.row(get, hash, now) end

---Forgets at most a thousand of those that have expired.
function tickets.expire(change, now) change:add(expire, nil, now) end
---Whether any have.
function tickets.any(now) return db.value(any, now) ~= nil end

return tickets
