-- Jobs. What users read is chosen by jobs.one and jobs.page; what the control worker needs, by the functions below.
local db = require "house.db"
local events = require "orrery.data.events"
local visible = require "orrery.data.visible"
local waiting = require "orrery.data.waiting"
local webhooks = require "orrery.data.webhooks"

local jobs = {}

-- Why a resource that a PENDING job needs takes none; NULL: it does.
local why_closed = [[
  (SELECT CASE WHEN r.name IS NULL THEN 'there is no resource ' || n.name || ' any more; the job waits until there is'
      WHEN s.disabled_at IS NOT NULL THEN 'the scheduler plug-in ' || s.name || ' of resource ' || r.name || ' is disabled'
      WHEN r.drained_at IS NOT NULL THEN 'resource ' || r.name || ' is drained, and gets no jobs until it is enabled again' END
    FROM (SELECT j.resource AS name) n LEFT JOIN resources r ON r.name = n.name
      LEFT JOIN schedulers s ON s.name = r.scheduler)]]

-- What a PENDING job waits for follows from its row; jobs.waits_for is its twin for rows that are yet to be written.
local function columns_of(state, wanted)
  return ([[j.key AS id, j.simulation AS simulation_id, j.sweep AS sweep_id, j.key AS born, j.owner, j.name,
    <state> AS state, <wanted> AS wanted, CASE WHEN <state> <> 'PENDING' THEN j.reason WHEN <wanted> <> 'RUN' THEN 'HELD'
      WHEN j.waits > 0 THEN 'DEPENDENCY' WHEN j.due_at IS NOT NULL AND j.attempt = 0 AND j.reason IS NULL THEN 'NOT_BEFORE'
      WHEN j.gate IS NOT NULL THEN 'LIMIT'
      WHEN j.resource IS NOT NULL AND ]] .. why_closed .. [[ IS NOT NULL THEN 'PLACEMENT' ELSE j.reason END AS reason,
    CASE WHEN <state> = 'PENDING' AND j.resource IS NOT NULL THEN coalesce(]] .. why_closed .. [[, j.message)
      ELSE j.message END AS message, j.problem, j.resource, j.account, j.native_id, j.native_state, j.exit_code, j.signal,
    j.attempt, j.priority, j.directory, j.parameters, j.tags, j.due_at, j.submitted_at, j.started_at, j.ended_at, j.usage, j.spec,
    w.template]]):gsub("<(%a+)>", { state = state, wanted = wanted })
end

---What a job that has never been handed over waits for: a reason, or nil.
function jobs.waits_for(row)
  if row.state ~= "PENDING" then return nil end
  return row.wanted ~= "RUN" and "HELD" or row.waits > 0 and "DEPENDENCY" or row.due_at and "NOT_BEFORE"
    or row.gate and "LIMIT" or nil
end

local columns = columns_of("j.state", "j.wanted")
local source = " FROM jobs j LEFT JOIN sweeps w ON w.key = j.sweep "

-- What visible.condition says, where the sweep is joined; NULL is no sweep.
local ready = "w.ready IS NOT 0"

---One job as its owner may read it: key, owner (twice); the second statement is for those who may read all.
jobs.one_owned = db.statement("SELECT " .. columns .. source .. "WHERE j.key = ? AND j.owner = ? AND " .. ready)
jobs.one_any = db.statement("SELECT " .. columns .. source .. "WHERE j.key = ? AND " .. ready)
---The job as it is about to be: state, wanted, key.
jobs.one_next = db.statement("SELECT " .. columns_of("?1", "?2") .. source .. "WHERE j.key = ?3 AND " .. ready)

-- A sweep's jobs have consecutive keys: where they and the segment meet is all that is read, however long either is.
local in_segment = "j.key > ?1 AND j.key < ?2"
local in_segment_and_sweep = "j.key BETWEEN max(?1 + 1, (SELECT first_job FROM sweeps WHERE key = ?%d)) "
  .. "AND min(?2 - 1, (SELECT first_job + jobs - 1 FROM sweeps WHERE key = ?%d))"

jobs.filters = { "owner", "simulation", "sweep", "resource", "name" }

-- Which index serves is told, not guessed: a name is the rarest thing that may be asked for, a resource the least rare.
-- The keys of a sweep's jobs need none, but of those in some state one that has the states.
local function index_for(filter, states)
  if filter.sweep and states == 0 then return nil end
  if filter.name then return "jobs_by_name" end
  if filter.simulation then return states > 0 and "jobs_by_simulation_state" or "jobs_by_simulation" end
  if filter.owner then return states > 0 and "jobs_by_owner_state" or "jobs_by_owner" end
  if states > 0 then return "jobs_by_state" end
  return filter.resource and "jobs_by_resource"
end

---The statement of a page of jobs. Its parameters: a segment of keys, the limit, the filters' values in the order of
---jobs.filters, and so many states.
function jobs.page(filter, states, descending)
  local index = index_for(filter, states)
  local where, segment, count = { visible.condition }, in_segment, 3
  for _, name in ipairs(jobs.filters) do
    if filter[name] then
      count = count + 1
      where[#where + 1] = ("j.%s = ?%d"):format(name, count)
      if name == "sweep" then segment = in_segment_and_sweep:format(count, count) end
    end
  end
  where[#where + 1] = segment
  local order = " ORDER BY j.key " .. (descending and "DESC" or "ASC") .. " LIMIT ?3"
  local from = " FROM jobs j " .. (index and "INDEXED BY " .. index or "NOT INDEXED")
  local so = " WHERE " .. table.concat(where, " AND ")
  local joined = " LEFT JOIN sweeps w ON w.key = j.sweep"
  if states == 0 then return db.statement("SELECT " .. columns .. from .. joined .. so .. order) end
  so = so .. " AND j.state = ?"
  if states == 1 then return db.statement("SELECT " .. columns .. from .. joined .. so .. count + 1 .. order) end
  -- Of each state no more are read than the page may have; the index has them in order.
  local each = {}
  for i = 1, states do each[i] = "SELECT key FROM (SELECT j.key" .. from .. so .. count + i .. order .. ")" end
  return db.statement("SELECT " .. columns .. source .. "WHERE j.key IN (" .. table.concat(each, " UNION ALL ") .. ")" .. order)
end

local brief = db.statement([[
  SELECT j.key, j.simulation, j.owner, j.state, j.wanted, j.resource, j.directory, j.native_id, j.attempt,
    j.submission, j.started_at, j.ended_at, j.submitted_at, j.sweep, j.account, j.inputs
  FROM jobs j WHERE j.key = ? AND ]] .. visible.condition)
function jobs.get(key) return db.row(brief, key) end

local read_wanted = db.statement "SELECT wanted FROM jobs WHERE key = ?"
function jobs.wanted(key) return db.value(read_wanted, key) end

local specification = db.statement [[
  SELECT j.spec, j.parameters, w.template, j.edition, j.may_run_as
  FROM jobs j LEFT JOIN sweeps w ON w.key = j.sweep WHERE j.key = ?]]
---What its specification is made of: spec, or template and parameters; its edition; and may_run_as.
function jobs.specification(key) return db.row(specification, key) end

-- Writing --------------------------------------------------------------------------------------------------------

local insert = db.statement [[
  INSERT INTO jobs(key, simulation, owner, name, state, wanted, priority, resource, cores, kind, due_at, waits, retries,
    gate, tags, may_run_as, spec)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]
local insert_swept = db.statement [[
  INSERT INTO jobs(key, simulation, sweep, owner, name, state, wanted, priority, resource, cores, kind, due_at, waits,
    retries, gate, tags, may_run_as, parameters)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]
jobs.swept_width = 18

function jobs.insert(change, row)
  change:add(insert, 1, row.key, row.simulation, row.owner, row.name, row.state, row.wanted, row.priority, row.resource,
    row.cores, row.kind, row.due_at, row.waits, row.retries, row.gate, row.tags, row.may_run_as, row.spec)
end

---Many jobs of a sweep at once; `cells` is flat, in the order of the statement's columns.
function jobs.insert_swept(change, cells, count) change:add_rows(insert_swept, count, jobs.swept_width, cells) end

local want = db.statement [[
  UPDATE jobs SET wanted = ?1, steer = 1 WHERE key = ?2 AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELED')
    AND (wanted <> 'CANCEL' OR ?1 = 'CANCEL')]]
local steered = db.statement "UPDATE jobs SET steer = 0 WHERE key = ? AND wanted = ?"
local settled = db.statement "UPDATE jobs SET steer = 0 WHERE key = ? AND wanted = ? AND state = ?"
local unwanted = db.statement "UPDATE jobs SET wanted = ?, steer = 0 WHERE key = ? AND wanted = ?"
local explain = db.statement "UPDATE jobs SET message = ?, native_state = ? WHERE key = ? AND state = ?"
local postpone = db.statement [[
  UPDATE jobs SET due_at = ?, reason = 'BACKOFF', message = ? WHERE key = ? AND state = 'PENDING']]
local adopt = db.statement "UPDATE jobs SET native_id = ?, submission = ?, element = NULL WHERE key = ? AND state = ?"
local describe = db.statement [[
  UPDATE jobs SET name = coalesce(?, name), priority = coalesce(?, priority), tags = coalesce(?, tags) WHERE key = ?]]
local respecify = db.statement [[
  UPDATE jobs SET spec = ?, kind = ?, edition = edition + 1
  WHERE key = ? AND edition = ? AND state = ? AND state IN ('NEW', 'PENDING')]]
local stage = db.statement [[
  UPDATE jobs SET inputs = ?1, resource = ?2, account = ?3, edition = edition + 1
  WHERE key = ?4 AND state IN ('NEW', 'PENDING') AND coalesce(inputs, ?1) = ?1 AND coalesce(resource, ?2) = ?2]]
local altered = db.statement "UPDATE jobs SET spec = ?, kind = ?, edition = edition + 1 WHERE key = ?"
local delete = db.statement [[
  DELETE FROM jobs WHERE key = ? AND state = ? AND state IN ('NEW', 'COMPLETED', 'FAILED', 'CANCELED')]]
local remove = db.statement [[
  INSERT OR IGNORE INTO removals(key, resource, directory, account)
  SELECT key, coalesce(resource, ''), coalesce(directory, inputs), account FROM jobs
  WHERE key = ? AND coalesce(directory, inputs) IS NOT NULL]]
-- With the last of its own events that some reader has yet to read.
local bury = db.statement [[
  INSERT INTO deleted(key, owner, deleted_at, events)
  SELECT ?1, ?2, ?3, max(number) FROM events WHERE job = ?1 AND number > (SELECT min(number) FROM readers)]]
local buried = db.statement "SELECT owner FROM deleted WHERE key = ?"

---Guarded: the job must not have ended, and a CANCEL is never taken back.
function jobs.want(change, key, wanted) change:add(want, 1, wanted, key) end
---The same for one of many: a job that has ended in the meantime stays as it is.
function jobs.want_any(change, key, wanted) change:add(want, nil, wanted, key) end
---Why a job is as it is, in words, without a change of its state.
function jobs.explain(change, key, state, message, native_state)
  change:add(explain, nil, message, native_state, key, state)
end
---A pending job is not looked at before a time, and why.
function jobs.postpone(change, key, due_at, why) change:add(postpone, nil, due_at, why, key) end
---Another submission of its attempt came first: the job goes by the native id of that.
function jobs.adopt(change, key, state, native_id, submission) change:add(adopt, 1, native_id, submission, key, state) end
---The job is as wanted, or will be without more being done.
function jobs.steered(change, key, wanted) change:add(steered, nil, key, wanted) end
---The same for a job that no scheduler holds, unless it is handed to one at this moment.
function jobs.settled(change, job) change:add(settled, nil, job.key, job.wanted, job.state) end
---What was wanted cannot be: back to what was wanted before.
function jobs.unwanted(change, key, wanted, before) change:add(unwanted, nil, before, key, wanted) end
---What is nil stays as it is.
function jobs.describe(change, key, row) change:add(describe, 1, row.name, row.priority, row.tags, key) end
---Another specification for a job that no scheduler holds. Guarded: it is still in the state of its row, and nobody else has
---altered it, or wants to, since its `edition` was read.
function jobs.respecify(change, row, edition, spec, kind)
  change:add(respecify, 1, spec, kind, row.key, edition, row.state)
end
---The same for a job whatever its state.
function jobs.altered(change, key, spec, kind) change:add(altered, 1, spec, kind, key) end
---There are inputs for a job, which are in that directory of that resource, for that account. Guarded: it has not been handed
---over, and has none elsewhere.
function jobs.stage(change, key, directory, resource, account) change:add(stage, 1, directory, resource, account, key) end

---Deletes an ended job, if it is still in the state of its row, and its history; its directories are noted for removal.
---One that was never submitted is canceled for those that depend on it.
function jobs.delete(change, job, now)
  if job.state == "NEW" then waiting.ended(change, job.key, "CANCELED") end
  change:add(remove, nil, job.key)
  change:add(delete, 1, job.key, job.state)
  events.forget_job(change, job.key)
  webhooks.end_of_job(change, job.key)
  change:add(bury, 1, job.key, job.owner, now)
end

function jobs.buried(key) return db.value(buried, key) end

-- What a transition may set beside the state; everything else keeps its value.
local settable = { "reason", "message", "problem", "resource", "account", "due_at", "attempt", "submission", "element", "doubted",
  "native_id", "native_state", "exit_code", "signal", "usage", "directory", "submitted_at", "started_at", "ended_at", "results",
  "retries", "kind", "may_run_as", "wanted", "steer", "gate", "let_through" }
local moves = {} -- statements by the names of the columns they set

-- When a job is handed over, it must still be wanted to run, be let through and specified as it was, and the resource must
-- still take jobs.
local may_go = " AND wanted = 'RUN' AND gate IS NULL AND edition = ?"
  .. " AND EXISTS (SELECT 1 FROM resources WHERE name = ? AND drained_at IS NULL)"

---Changes the state of a job that is still in state `from`; `fields` has what else is set; false clears a column.
---@param edition integer|nil that of the specification by which it is handed over
function jobs.move(change, key, from, to, fields, edition)
  local names, values, count = {}, {}, 0
  for _, name in ipairs(settable) do
    local value = fields[name]
    if value ~= nil then
      count = count + 1
      names[count] = name
      if value ~= false then values[count] = value end
    end
  end
  local guard = to == "SUBMITTING" and may_go or ""
  local which = table.concat(names, ",", 1, count) .. guard
  local statement = moves[which]
  if not statement then
    local sets = { "state = ?" }
    for i = 1, count do sets[#sets + 1] = names[i] .. " = ?" end
    statement = db.statement("UPDATE jobs SET " .. table.concat(sets, ", ") .. " WHERE key = ? AND state = ?" .. guard)
    moves[which] = statement
  end
  values[count + 1], values[count + 2] = key, from
  if to == "SUBMITTING" then values[count + 3], values[count + 4] = edition, fields.resource end
  change:add(statement, 1, to, table.unpack(values, 1, count + (to == "SUBMITTING" and 4 or 2)))
end

-- For the control worker -----------------------------------------------------------------------------------------

local whole = [[j.key, j.simulation, j.sweep, j.owner, j.name, j.state, j.wanted, j.priority, j.resource, j.account,
  j.may_run_as, j.cores, j.attempt, j.retries, j.edition, j.submission, j.doubted, j.native_id, j.native_state, j.directory,
  j.inputs, j.submitted_at, j.started_at]]

-- Which jobs wait for nothing but a resource: those in the index jobs_pending.
local ready_to_go = "j.state = 'PENDING' AND j.wanted = 'RUN' AND j.due_at IS NULL AND j.waits = 0 AND j.gate IS NULL"

-- From one queue to the next by the index, however many jobs each has (without the + SQLite would look for owners only).
local queues = db.statement(([[
  WITH RECURSIVE first(key, owner, kind) AS (
    SELECT * FROM (SELECT j.key, j.owner, j.kind FROM jobs j WHERE <ready> AND j.resource IS ?1
                   ORDER BY j.owner, j.kind LIMIT 1)
    UNION ALL
    SELECT n.key, n.owner, n.kind FROM first CROSS JOIN jobs n
    WHERE n.key = (SELECT j.key FROM jobs j WHERE <ready> AND j.resource IS ?1
                     AND (j.owner, j.kind) > (first.owner, +first.kind) ORDER BY j.owner, j.kind LIMIT 1))
  SELECT key, ?1 AS resource, owner, kind FROM first]]):gsub("<ready>", ready_to_go))
local choice = "SELECT " .. whole .. " FROM jobs j INDEXED BY jobs_pending WHERE " .. ready_to_go .. [[
    AND j.resource IS ?4 AND j.owner = ?5 AND j.cores <= ?6 AND j.kind = ?7 AND j.key > ?1 AND j.key < ?2 AND ]]
  .. visible.condition
local pending = db.statement(choice .. " ORDER BY j.priority DESC, j.key LIMIT ?3")
local pending_of_priority = db.statement(choice .. " AND j.priority = ?8 ORDER BY j.key LIMIT ?3")
local next_priority = db.statement("SELECT max(j.priority) FROM jobs j WHERE " .. ready_to_go
  .. " AND j.resource IS ? AND j.owner = ? AND j.kind = ? AND j.priority < ?")
local live = db.statement([[
  SELECT j.key, j.simulation, j.owner, j.state, j.wanted, j.native_id, j.native_state, j.submission, j.element,
    j.doubted, j.directory, j.submitted_at, j.started_at, j.attempt, j.retries, j.message, j.resource, j.account
  FROM jobs j WHERE j.resource = ?
    AND j.state IN ('STAGE_IN', 'SUBMITTING', 'QUEUED', 'HELD', 'ACTIVE', 'SUSPENDED', 'STAGE_OUT')]])
local to_steer = db.statement [[
  SELECT j.key, j.simulation, j.owner, j.state, j.wanted, j.resource, j.native_id, j.submission, j.doubted, j.attempt,
    j.directory, j.submitted_at, j.account
  FROM jobs j WHERE j.steer = 1 AND j.key > ? ORDER BY j.key LIMIT ?]]
local of_simulation = db.statement([[
  SELECT j.key, j.simulation, j.owner, j.state, j.wanted FROM jobs j
  WHERE j.simulation = ?4 AND j.key > ?1 AND j.key < ?2 AND ]] .. visible.condition .. " ORDER BY j.key LIMIT ?3")

---The queues of jobs that wait for a resource (nil: for none in particular): one for each owner and kind, in this order.
---@return {resource:string|nil, owner:string, kind:integer, key:integer}[] queues the key is that of one of its jobs
function jobs.queues(resource) return db.rows(queues, resource) end

---The jobs of a queue that may be handed over: the more urgent first, then the older.
function jobs.pending(queue, cores, limit)
  local resource, owner, kind, segments = queue.resource, queue.owner, queue.kind, visible.segments()
  if #segments == 1 then return visible.rows(pending, segments, limit, resource, owner, cores, kind) end
  -- Only the jobs of one priority are in the order of their keys, which is what can be gone round in.
  local found, priority = {}, db.value(next_priority, resource, owner, kind, math.maxinteger)
  while priority and #found < limit do
    local rows = visible.rows(pending_of_priority, segments, limit - #found, resource, owner, cores, kind, priority)
    table.move(rows, 1, #rows, #found + 1, found)
    priority = db.value(next_priority, resource, owner, kind, priority)
  end
  return found
end

function jobs.live(resource) return db.rows(live, resource) end
function jobs.to_steer(after, limit) return db.rows(to_steer, after, limit) end
function jobs.of_simulation(simulation, after, limit)
  return visible.rows(of_simulation, visible.segments(after), limit, simulation)
end

-- Jobs that named no resource stay with the one that they were tried on; they are let go when that takes none any more, and
-- begin another attempt. But one of which an earlier submission may yet come true there has to stay, and so has one whose
-- inputs are there.
local free = "kind <> 0 AND doubted IS NULL AND inputs IS NULL AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.job = jobs.key)"
local let_go = db.statement("UPDATE jobs SET resource = NULL, submission = NULL WHERE " .. free
  .. " AND key IN (SELECT j.key FROM jobs j INDEXED BY jobs_pending WHERE " .. ready_to_go
  .. " AND j.resource = ? AND j.owner = ? AND j.kind = ?)")
local let_go_all = db.statement("UPDATE jobs SET resource = NULL, submission = NULL WHERE resource = ? AND state = 'PENDING' AND "
  .. free)

---Those of a queue.
function jobs.let_go(change, queue) change:add(let_go, nil, queue.resource, queue.owner, queue.kind) end
---All of a resource that goes away.
function jobs.let_go_all(change, resource) change:add(let_go_all, nil, resource) end

-- Jobs of a resource that is not configured any more: nobody steers them, and they say so, until it is back.
local stranded = [[state IN ('STAGE_IN', 'SUBMITTING', 'QUEUED', 'HELD', 'ACTIVE', 'SUSPENDED', 'STAGE_OUT')
    AND resource %s (SELECT value FROM json_each(?))]]
local why_stranded = "'resource ' || resource || ' is no longer configured; nothing is heard of the job until it is again'"
local strand = db.statement("UPDATE jobs SET steer = 0, message = " .. why_stranded .. " WHERE " .. stranded:format "NOT IN")
local rejoin = db.statement("UPDATE jobs SET steer = 1, message = NULL WHERE " .. stranded:format "IN"
  .. " AND message = " .. why_stranded)

---@param resources string a JSON list of the names of those that are configured
function jobs.strand(change, resources)
  change:add(strand, nil, resources)
  change:add(rejoin, nil, resources)
end

-- Results --------------------------------------------------------------------------------------------------------

local results = [[
  SELECT j.key AS job_id, j.name, j.parameters, j.state, j.exit_code,
    CASE WHEN j.ended_at IS NULL OR j.started_at IS NULL THEN NULL
         ELSE (j.ended_at - j.started_at) / 1000.0 END AS wall_seconds, j.results
  FROM jobs j WHERE j.simulation = ?4 AND j.key > ?1 AND j.key < ?2 AND ]] .. visible.condition
---A page of a simulation's results: a segment of keys, the limit, the simulation.
jobs.results = db.statement(results .. " ORDER BY j.key LIMIT ?3")
jobs.results_newest_first = db.statement(results .. " ORDER BY j.key DESC LIMIT ?3")

return jobs
