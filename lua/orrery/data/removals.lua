-- Directories of deleted jobs that are still to be removed (data.jobs notes them in the commit that deletes the job).
local db = require "house.db"

local removals = {}

local some = db.statement "SELECT key, resource, directory, account FROM removals WHERE key > ? ORDER BY key LIMIT ?"
local done = db.statement "DELETE FROM removals WHERE key = ?"

function removals.some(after, limit) return db.rows(some, after, limit) end
function removals.done(change, key) change:add(done, nil, key) end

return removals
