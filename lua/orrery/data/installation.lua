-- The database's own identity.
local db = require "house.db"

local installation = {}

local read = db.statement "SELECT tail FROM installation"
local newest = db.statement [[
  SELECT max(k) FROM (SELECT max(key) AS k FROM jobs UNION ALL SELECT max(key) FROM simulations
                      UNION ALL SELECT max(key) FROM sweeps UNION ALL SELECT max(key) FROM deleted
                      UNION ALL SELECT max(key) FROM tokens UNION ALL SELECT max(key) FROM webhooks
                      UNION ALL SELECT max(key) FROM deliveries)]]
local insert = db.statement "INSERT INTO installation(tail, created_at) VALUES(?, ?)"

function installation.tail() return db.value(read) end

---The largest key ever given out, as far as rows tell.
function installation.newest_key() return db.value(newest) or 0 end

function installation.insert(change, tail, now) change:add(insert, 1, tail, now) end

return installation
