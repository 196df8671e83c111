-- Scheduler plug-ins: what administrators want of them. One that nobody ever asked anything of has no row.
local db = require "house.db"

local schedulers = {}

local all = db.statement "SELECT name, disabled_by, disabled_at, reload FROM schedulers"
local reload = db.statement [[
  INSERT INTO schedulers(name, reload) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET reload = excluded.reload]]
local disable = db.statement [[
  INSERT INTO schedulers(name, disabled_by, disabled_at) VALUES(?1, ?2, ?3)
  ON CONFLICT(name) DO UPDATE SET disabled_by = ?2, disabled_at = ?3 WHERE disabled_at IS NULL]]
local enable = db.statement "UPDATE schedulers SET disabled_by = NULL, disabled_at = NULL WHERE name = ?"

function schedulers.all() return db.rows(all) end

---@param number integer one that was never used before
function schedulers.reload(change, name, number) change:add(reload, 1, name, number) end
function schedulers.disable(change, name, by, at) change:add(disable, nil, name, by, at) end
function schedulers.enable(change, name) change:add(enable, nil, name) end

return schedulers
