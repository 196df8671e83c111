-- Bearer tokens, kept as hashes.
local db = require "house.db"

local tokens = {}

local by_hash = db.statement "SELECT key, owner, role, expires_at FROM tokens WHERE hash = ?"
local exists = db.statement "SELECT 1 FROM tokens WHERE key = ?"
local any = db.statement "SELECT 1 FROM tokens LIMIT 1"
local insert = db.statement "INSERT INTO tokens(key, hash, owner, role, name, expires_at) VALUES(?, ?, ?, ?, ?, ?)"
local delete = db.statement "DELETE FROM tokens WHERE key = ?"
tokens.list = db.statement [[
  SELECT key, owner, role, name, expires_at, key AS born FROM tokens WHERE key > ? ORDER BY key LIMIT ?]]
tokens.one = db.statement "SELECT key, owner, role, name, expires_at, key AS born FROM tokens WHERE key = ?"

function tokens.by_hash(hash) return db.row(by_hash, hash) end
function tokens.exists(key) return db.value(exists, key) ~= nil end
function tokens.any() return db.value(any) ~= nil end

function tokens.insert(change, token)
  change:add(insert, 1, token.key, token.hash, token.owner, token.role, token.name, token.expires_at)
end

function tokens.delete(change, key) change:add(delete, 1, key) end

return tokens
