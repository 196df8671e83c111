-- Sweeps: a template and a parameter space. Until a sweep is ready, neither it nor its jobs exist for anybody.
local db = require "house.db"

local sweeps = {}

local columns = "key AS id, simulation AS simulation_id, key AS born, body, parameters, combine, sample, jobs, max_active"
sweeps.one = db.statement("SELECT " .. columns .. " FROM sweeps WHERE key = ? AND ready = 1")
sweeps.page = db.statement("SELECT " .. columns ..
  " FROM sweeps WHERE simulation = ? AND key > ? AND ready = 1 ORDER BY key LIMIT ?")

local brief = db.statement "SELECT key, simulation, owner, template, jobs, max_active FROM sweeps WHERE key = ? AND ready = 1"
local insert = db.statement [[
  INSERT INTO sweeps(key, simulation, owner, template, body, parameters, combine, sample, jobs, first_job, max_active)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]
local ready = db.statement "UPDATE sweeps SET ready = 1 WHERE key = ? AND ready = 0"
local unready = db.statement "SELECT key, first_job, jobs FROM sweeps WHERE ready = 0"
local delete = db.statement "DELETE FROM sweeps WHERE key = ?"
local delete_jobs = db.statement "DELETE FROM jobs WHERE key BETWEEN ? AND ? AND sweep = ?"

function sweeps.get(key) return db.row(brief, key) end

function sweeps.insert(change, row)
  change:add(insert, 1, row.key, row.simulation, row.owner, row.template, row.body, row.parameters, row.combine,
    row.sample, row.jobs, row.first_job, row.max_active)
end

function sweeps.publish(change, key) change:add(ready, 1, key) end

---Sweeps that were being written when the server ended, or whose writing failed.
function sweeps.unready() return db.rows(unready) end

---Takes back the jobs `first` to `last` of a sweep that never became ready.
function sweeps.delete_jobs(change, key, first, last)
  change:add(delete_jobs, nil, first, last, key)
end

function sweeps.delete(change, key) change:add(delete, nil, key) end

return sweeps
