-- The sweeps of a simulation: one request that becomes up to a million jobs, all of them or none.
local changes = require "house.changes"
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local events = require "orrery.data.events"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local server = require "house.server"
local access = require "orrery.api.access"
local act = require "orrery.core.job.act"
local answer = require "orrery.api.answer"
local data = require "orrery.data.sweeps"
local dependencies = require "orrery.api.dependencies"
local fitting = require "orrery.api.fitting"
local jobs = require "orrery.data.jobs"
local kind_of = require "orrery.core.job.kind"
local lifecycle = require "orrery.core.job.lifecycle"
local limits = require "orrery.data.limits"
local problem = require "orrery.api.problem"
local schema = require "orrery.core.schema"
local simulations = require "orrery.data.simulations"
local spec = require "orrery.core.job.spec"
local sweep = require "orrery.core.sweep"

local CHUNK = 500 -- jobs in one commit: others' commits find their place between two of them

local whole, cut = answer.shapes { { "id", "id" }, { "simulation_id", "id" }, { "jobs", "int" }, { "combine", "text" },
  { "sample", "json" }, { "max_active", "int" }, { "created_at", "born", "born" }, { "template", "json", "body" },
  { "parameters", "json" } }

local function checker(who)
  return function(job, prefix) return schema.check(spec.schema, job, prefix) or fitting.check(job, prefix, who) end
end

-- The cells of jobs first … first + count - 1 of a plan, in the order of data.jobs' statement. `check.known` has for each
-- resource ("" for any) the most cores that were seen to fit, since parameters that fit one by one need not fit together.
local function cells_of(plan, row, simulation, first, count, check)
  local cells, n, width = {}, 0, jobs.swept_width
  local waits, gate = #(plan.first.depends_on or {}), limits.gate_of(simulation, row) or json.null
  local seen, wanted, cores, kind, due_at, retries, tags
  for i = first, first + count - 1 do
    local parameters, job = sweep.job(plan, i)
    if job ~= seen then -- it is the same one for all, unless a parameter stands in what has a column
      seen, wanted = job, job.hold and "HOLD" or act.of_new(simulation.wanted)
      cores, kind = spec.cores(job), kind_of(job, row.may_run_as)
      due_at, retries = spec.due_at(job, clock.now()) or json.null, spec.retries(job)
      tags = job.tags and json.encode(job.tags) or json.null
      local resource = job.resource or ""
      if cores > (check.known[resource] or 0) then
        local problems = check.job(job, "/template")
        if problems then problem.invalid(problems) end
        check.known[resource] = cores
      end
    end
    cells[n + 1], cells[n + 2], cells[n + 3], cells[n + 4] = row.first_job + i, row.simulation, row.key, row.owner
    cells[n + 5], cells[n + 6], cells[n + 7] = job.name or json.null, "PENDING", wanted
    cells[n + 8], cells[n + 9], cells[n + 10] = job.priority or 0, job.resource or json.null, cores
    cells[n + 11], cells[n + 12], cells[n + 13] = kind, due_at, waits
    cells[n + 14], cells[n + 15], cells[n + 16], cells[n + 17], cells[n + 18] = retries, gate, tags, row.may_run_as, parameters
    n = n + width
  end
  return cells
end

local function expand(plan, row, simulation, check_job)
  local batch, check = lifecycle.batch(), { job = check_job, known = {} }
  data.insert(batch.change, row)
  local ok, code, why = batch:commit()
  for first = 0, plan.jobs - 1, CHUNK do
    if not ok then break end
    if changes.ending() then problem.raise("unavailable", "The server is shutting down; send the sweep again.") end
    local count = math.min(CHUNK, plan.jobs - first)
    batch = lifecycle.batch()
    jobs.insert_swept(batch.change, cells_of(plan, row, simulation, first, count, check), count)
    ok, code, why = batch:commit()
  end
  if not ok then problem.of_commit(code, why) end
end

-- What happened is told when all of it is there: one event for many jobs. What is taken back was never told.
local function tell(change, at, row)
  local sweep_id = ids.text(row.key)
  events.append(change, at, "sweep.created", row.owner, row.simulation, nil, { sweep_id = sweep_id, jobs = row.jobs })
  for first = 0, row.jobs - 1, CHUNK do
    events.append(change, at, "jobs.created", row.owner, row.simulation, row.first_job + first,
      { sweep_id = sweep_id, count = math.min(CHUNK, row.jobs - first), to = "PENDING" })
  end
end

-- What a failed expansion left is taken back here; when the server ends, the next start does it.
local function take_back(row)
  if changes.ending() then return end
  for first = 0, row.jobs - 1, CHUNK do
    local change = db.change()
    data.delete_jobs(change, row.key, row.first_job + first, row.first_job + math.min(first + CHUNK, row.jobs) - 1)
    if not change:commit() then return log.warn("sweep not taken back yet", { sweep = ids.text(row.key) }) end
  end
  local change = db.change()
  data.delete(change, row.key)
  change:commit()
end

local function create(context, id)
  local simulation = access.simulation(context, id)
  local who = fitting.who(context, simulation)
  local check_job = checker(who)
  local sample = context.body.sample
  if sample then sample.seed = sample.seed or tonumber(server.random(4), 16) end
  local plan, problems = sweep.plan(context.body, config.limits.sweep_jobs, check_job)
  problems = problems or dependencies.check(plan.first, simulation.owner, "/template")
  if problems then problem.invalid(problems) end
  local row = { key = ids.new(), simulation = simulation.key, owner = simulation.owner, template = plan.template,
    body = plan.body, parameters = plan.parameters, combine = plan.combine, sample = plan.sample, jobs = plan.jobs,
    max_active = context.body.max_active, first_job = ids.new(plan.jobs), may_run_as = who.may_run_as }
  local begun, published = false, false
  local function effect(finish)
    begun = true
    expand(plan, row, simulation, check_job)
    local batch = lifecycle.batch()
    simulations.touch_as(batch.change, simulation)
    data.publish(batch.change, row.key)
    dependencies.add(batch.change, plan.first, row.owner, row.first_job, row.first_job + row.jobs - 1)
    tell(batch.change, batch.at, row)
    batch:count(row.simulation, "PENDING", row.jobs)
    row.id, row.born, row.simulation_id = row.key, row.key, row.simulation
    local location = "Location: /v1/simulations/" .. id .. "/sweeps/" .. ids.text(row.key) .. "\r\n"
    local status, headers, body = finish(batch:settle(), 201, location, whole:text(row))
    published = data.get(row.key) ~= nil -- a twin's answer may have been replayed
    return status, headers, body
  end
  local ok, status, headers, body = pcall(answer.once, context, effect, function()
    access.simulation(context, id)
  end)
  if begun and not published then take_back(row) end
  if not ok then error(status, 0) end
  return status, headers, body
end

local function list(context, id)
  local simulation = access.simulation(context, id)
  local after, _, limit = answer.page(context.query)
  return answer.list_of(cut(context.query.fields), limit, data.page, simulation.key, after, limit)
end

local function get(context, id, sweep_id)
  local simulation, row = access.simulation(context, id), access.sweep(context, sweep_id)
  if row.simulation ~= simulation.key then access.absent(context, "sweep", sweep_id) end
  return answer.tagged(context, db.json(whole, data.one, row.key))
end

local list_query = {}
for _, name in ipairs { "limit", "cursor", "fields" } do list_query[name] = answer.page_query[name] end

return {
  shape = whole,
  { method = "POST", path = "/v1/simulations/{id}/sweeps", rpc = "sweeps.create",
    summary = "Create the jobs of a parameter space", status = 201, handler = create, body = sweep.schema, response = "sweep" },
  { method = "GET", path = "/v1/simulations/{id}/sweeps", rpc = "sweeps.list", summary = "List a simulation's sweeps",
    handler = list, query = list_query, response = "list" },
  { method = "GET", path = "/v1/simulations/{id}/sweeps/{sweep}", rpc = "sweeps.get", summary = "Get a sweep", handler = get,
    response = "sweep" },
}
