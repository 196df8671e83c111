-- The life of a job: the one way to change its state (core.job.states says which may follow which). A batch of transitions is
-- gathered and committed as one: each job's row, its event, and the counts of its simulation change together.
local clock = require "house.clock"
local db = require "house.db"
local events = require "orrery.data.events"
local jobs = require "orrery.data.jobs"
local retry = require "orrery.core.job.retry"
local simulations = require "orrery.data.simulations"
local states = require "orrery.core.job.states"
local waiting = require "orrery.data.waiting"

local lifecycle = {}

lifecycle.states, lifecycle.ended, lifecycle.live = states.all, states.ended, states.live
lifecycle.reasons, lifecycle.legal = states.reasons, states.legal

---@class lifecycle.batch transitions to be committed together
local batch = {}
batch.__index = batch

function lifecycle.batch()
  return setmetatable({ change = db.change(), deltas = {}, at = clock.now() }, batch)
end

---Counts jobs into (positive) or out of (negative) a state of a simulation.
function batch:count(simulation, state, jobs_more)
  local deltas = self.deltas[simulation]
  if not deltas then
    deltas = {}
    self.deltas[simulation] = deltas
  end
  deltas[state] = (deltas[state] or 0) + jobs_more
end

-- What of a transition's fields is told in its event.
local told = { "reason", "message", "exit_code", "signal", "native_id", "native_state", "resource", "account", "attempt" }

-- One step of a job's life: the event that tells it, the counts, those who depend on it, and the job itself. Its row is
-- left to the caller, who is told the columns to set: those of a failed attempt become others if there is another.
local function step(self, job, to, fields, at)
  local again = to == "FAILED" and retry.instead(job, fields, self.at)
  if again then
    self:tell(job, "job.retry", { attempt = job.attempt, reason = fields.reason, message = fields.message or nil,
      exit_code = fields.exit_code or nil, signal = fields.signal or nil })
    to, fields = "PENDING", again
  end
  local from = job.state
  if not lifecycle.legal(from, to) then error(("a job cannot go from %s to %s"):format(from, to), 3) end
  if lifecycle.ended[to] then
    if fields.ended_at == nil then fields.ended_at = self.at end
    waiting.ended(self.change, job.key, to)
  end
  local data = { from = from, to = to }
  for _, name in ipairs(told) do
    if fields[name] then data[name] = fields[name] end
  end
  -- Another machine's clock may be ahead; the log's own is not.
  events.append(self.change, math.min(at or self.at, self.at), "job.state", job.owner, job.simulation, job.key, data)
  self:count(job.simulation, from, -1)
  self:count(job.simulation, to, 1)
  job.state = to
  for name, value in pairs(fields) do job[name] = value or nil end
  return fields
end

---Moves a job on. `job` is its row (key, simulation, owner, state) and is brought up to date; `fields` are columns to
---set (false clears one). A failure may become PENDING (core.job.retry). An illegal step is a defect of the caller and raises.
---@param at integer|nil when it happened, if that is known better than by "now"
function batch:move(job, to, fields, at)
  local from = job.state
  fields = step(self, job, to, fields or {}, at)
  jobs.move(self.change, job.key, from, job.state, fields, job.edition)
end

---Moves a job over several states at once, of which some were not seen in time: `path` is a list of {state, fields, at}.
---The history has them all; the row is written once, from the state before the first to the last.
function batch:walk(job, path)
  local from, all = job.state, {}
  for _, each in ipairs(path) do
    for name, value in pairs(step(self, job, each[1], each[2], each[3])) do all[name] = value end
  end
  jobs.move(self.change, job.key, from, job.state, all)
end

---Tells something about a job that is no change of state.
function batch:tell(job, type, data) events.append(self.change, self.at, type, job.owner, job.simulation, job.key, data) end

function batch:empty() return self.change:size() == 0 end

---Adds what the counts became; the change is complete then.
function batch:settle()
  for simulation, deltas in pairs(self.deltas) do simulations.count(self.change, simulation, deltas, self.at) end
  self.deltas = {}
  return self.change
end

---Waits until all of it is durable → true | nil, code, sentence. Nothing of it happened if it failed.
function batch:commit()
  if self:empty() then return true end
  return self:settle():commit()
end

return lifecycle
