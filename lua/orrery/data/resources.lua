-- The resources: what is wanted of them, and what the control worker knows of them for the API workers to read.
local db = require "house.db"

local resources = {}

---The `info` of a resource that was never opened.
resources.unknown = '{"verbs":[],"honours":{}}'

local columns = "r.name, r.scheduler, r.configured, r.settings, r.revision, r.drained_by, r.drained_at, r.state, r.message, "
  .. "r.info, r.status, r.observed_at"
local live_states = "('STAGE_IN', 'SUBMITTING', 'QUEUED', 'HELD', 'ACTIVE', 'SUSPENDED', 'STAGE_OUT')"
local has_live = "EXISTS (SELECT 1 FROM jobs j WHERE j.resource = %s AND j.state IN " .. live_states .. ")"
local described = "SELECT " .. columns .. ", s.disabled_by, s.disabled_at, coalesce(s.reload, 0) AS reload, "
  .. has_live:format "r.name" .. " AS live FROM resources r LEFT JOIN schedulers s ON s.name = r.scheduler"

local all = db.statement("SELECT " .. columns .. " FROM resources r ORDER BY r.name")
local one = db.statement("SELECT " .. columns .. " FROM resources r WHERE r.name = ?")
local all_described = db.statement(described .. " ORDER BY r.name")
local one_described = db.statement(described .. " WHERE r.name = ?")

---As they are known: name, scheduler, state, message, info, …
function resources.all() return db.rows(all) end
function resources.get(name) return db.row(one, name) end

---The same with what is wanted of their schedulers (disabled_by, disabled_at, reload), and whether they hold jobs (live: 1, 0).
function resources.all_described() return db.rows(all_described) end
function resources.get_described(name) return db.row(one_described, name) end

-- What is wanted -------------------------------------------------------------------------------------------------

local insert = db.statement(([[
  INSERT INTO resources(name, scheduler, configured, settings, revision, state, info, updated_at)
  SELECT ?1, ?2, 0, ?3, ?4, 'starting', '%s', ?5
  WHERE NOT EXISTS (SELECT 1 FROM resources WHERE name = ?1)]]):format(resources.unknown))
local change_settings = db.statement [[
  UPDATE resources SET settings = ?, revision = ? WHERE name = ? AND revision = ? AND configured = 0]]
local delete = db.statement("DELETE FROM resources WHERE name = ?1 AND configured = 0 AND NOT " .. has_live:format "?1")
local drain = db.statement [[
  UPDATE resources SET drained_by = ?, drained_at = ? WHERE name = ? AND drained_at IS NULL]]
local enable = db.statement "UPDATE resources SET drained_by = NULL, drained_at = NULL WHERE name = ?"

---Guarded: there is none of this name. @param row {name, scheduler, settings (JSON), revision}
function resources.insert(change, row, now) change:add(insert, 1, row.name, row.scheduler, row.settings, row.revision, now) end

---Guarded: nobody has changed them since they were read, with this revision `before`.
function resources.change(change, name, settings, revision, before)
  change:add(change_settings, 1, settings, revision, name, before)
end

---Guarded: it was made over REST, and no scheduler holds a job of it.
function resources.delete(change, name) change:add(delete, 1, name) end

function resources.drain(change, name, by, at) change:add(drain, nil, by, at, name) end
function resources.enable(change, name) change:add(enable, nil, name) end

-- For the control worker -----------------------------------------------------------------------------------------

local plans = db.statement [[
  SELECT r.name, r.configured, r.settings, r.revision, r.drained_at, s.disabled_at, coalesce(s.reload, 0) AS reload
  FROM resources r LEFT JOIN schedulers s ON s.name = r.scheduler ORDER BY r.name]]
local unknow = db.statement(([[
  UPDATE resources SET configured = 0, scheduler = coalesce(json_extract(settings, '$.scheduler'), scheduler),
    state = 'starting', message = NULL, info = '%s', status = NULL, observed_at = NULL]]):format(resources.unknown))
local configure = db.statement(([[
  INSERT INTO resources(name, scheduler, configured, revision, state, info, updated_at)
  VALUES(?, ?, 1, 0, 'starting', '%s', ?)
  ON CONFLICT(name) DO UPDATE SET configured = 1, scheduler = excluded.scheduler]]):format(resources.unknown))
local forget = db.statement "DELETE FROM resources WHERE configured = 0 AND settings IS NULL"
local publish = db.statement [[
  UPDATE resources SET state = ?, message = ?, info = ?, status = ?, observed_at = ?, updated_at = ?
  WHERE name = ? AND revision = ?]]

---What is wanted: {name, configured, settings, revision, drained_at, disabled_at, reload}.
function resources.plans() return db.rows(plans) end

---At the start nothing is known, and the configuration says which there are beside those that were made over REST.
---@param configured {name:string, scheduler:string}[]
function resources.begin(change, configured, now)
  change:add(unknow)
  for _, settings in ipairs(configured) do change:add(configure, 1, settings.name, settings.scheduler, now) end
  change:add(forget)
end

---What is known of it, unless it is gone or has other settings by now.
function resources.publish(change, row, now)
  change:add(publish, nil, row.state, row.message, row.info, row.status, row.observed_at, now, row.name, row.revision)
end

return resources
