-- Scheduler plug-ins: what administrators want of them, and what went wrong with them last. One that nobody ever asked
-- anything of, and that never failed, has no row.
local db = require "house.db"

local schedulers = {}

local all = db.statement "SELECT name, disabled_by, disabled_at, reload, error, error_at FROM schedulers"
local one = db.statement "SELECT name, disabled_by, disabled_at, reload, error, error_at FROM schedulers WHERE name = ?"
local reload = db.statement [[
  INSERT INTO schedulers(name, reload) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET reload = excluded.reload]]
local disable = db.statement [[
  INSERT INTO schedulers(name, disabled_by, disabled_at) VALUES(?1, ?2, ?3)
  ON CONFLICT(name) DO UPDATE SET disabled_by = ?2, disabled_at = ?3 WHERE disabled_at IS NULL]]
local enable = db.statement "UPDATE schedulers SET disabled_by = NULL, disabled_at = NULL WHERE name = ?"
local failed = db.statement [[
  INSERT INTO schedulers(name, error, error_at) VALUES(?, ?, ?)
  ON CONFLICT(name) DO UPDATE SET error = excluded.error, error_at = excluded.error_at]]
local well = db.statement "UPDATE schedulers SET error = NULL, error_at = NULL WHERE name = ? AND error IS NOT NULL"

function schedulers.all() return db.rows(all) end
function schedulers.get(name) return db.row(one, name) end

---@param number integer one that was never used before
function schedulers.reload(change, name, number) change:add(reload, 1, name, number) end
function schedulers.disable(change, name, by, at) change:add(disable, nil, name, by, at) end
function schedulers.enable(change, name) change:add(enable, nil, name) end

---It could not be loaded or opened.
function schedulers.failed(change, name, why, at) change:add(failed, 1, name, why, at) end
function schedulers.well(change, name) change:add(well, nil, name) end

return schedulers
