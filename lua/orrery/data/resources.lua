-- What the control worker knows of the resources, for the API workers to read.
local db = require "house.db"

local resources = {}

resources.list = db.statement [[
  SELECT name, scheduler, state, message, info, status, observed_at FROM resources ORDER BY name]]
resources.one = db.statement [[
  SELECT name, scheduler, state, message, info, status, observed_at FROM resources WHERE name = ?]]
local put = db.statement [[
  INSERT INTO resources(name, scheduler, state, message, info, status, observed_at, updated_at)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(name) DO UPDATE SET scheduler = excluded.scheduler, state = excluded.state, message = excluded.message,
    info = excluded.info, status = excluded.status, observed_at = excluded.observed_at,
    updated_at = excluded.updated_at]]
local clear = db.statement "DELETE FROM resources"

function resources.all() return db.rows(resources.list) end
function resources.get(name) return db.row(resources.one, name) end

function resources.put(change, row, now)
  change:add(put, 1, row.name, row.scheduler, row.state, row.message, row.info, row.status, row.observed_at, now)
end

function resources.clear(change) change:add(clear) end

return resources
