-- What follows from a job's state and from what is wanted of it: a pure decision, made again and again until reality is
-- as wanted. The answer is data; whoever asks carries it out.
local act = {}

-- By what is wanted and the state. `verb`: ask the scheduler (`patient`: if it lacks the verb, a later state will do).
-- `move`: change the state here, no scheduler is involved. `wait`: nothing can be done now, something under way will
-- show. `done`: it is as wanted.
local decisions = {
  CANCEL = {
    NEW = { move = "CANCELED" }, PENDING = { move = "CANCELED" }, STAGE_IN = { move = "CANCELED" },
    SUBMITTING = { wait = true },
    QUEUED = { verb = "cancel" }, HELD = { verb = "cancel" }, ACTIVE = { verb = "cancel" },
    SUSPENDED = { verb = "cancel" }, STAGE_OUT = { done = true },
  },
  HOLD = {
    NEW = { done = true }, PENDING = { done = true }, STAGE_IN = { wait = true },
    SUBMITTING = { wait = true }, QUEUED = { verb = "hold" }, HELD = { done = true },
    ACTIVE = { done = true }, SUSPENDED = { done = true }, STAGE_OUT = { done = true },
  },
  SUSPEND = {
    NEW = { done = true }, PENDING = { done = true }, STAGE_IN = { wait = true },
    SUBMITTING = { wait = true }, QUEUED = { verb = "hold", patient = true }, HELD = { done = true },
    ACTIVE = { verb = "suspend" }, SUSPENDED = { done = true }, STAGE_OUT = { done = true },
  },
  RUN = {
    NEW = { done = true }, PENDING = { done = true }, STAGE_IN = { done = true },
    SUBMITTING = { wait = true }, QUEUED = { done = true }, HELD = { verb = "release" },
    ACTIVE = { done = true }, SUSPENDED = { verb = "resume" }, STAGE_OUT = { done = true },
  },
}

---@return {verb:string|nil, patient:boolean|nil, move:string|nil, wait:boolean|nil, done:boolean|nil}
function act.on(job)
  return decisions[job.wanted][job.state] or { done = true }
end

---What is wanted of a job that comes to a simulation: the same as of the others, but that a CANCEL was for those alone.
function act.of_new(wanted) return wanted == "CANCEL" and "RUN" or wanted end

---Which states a wish makes sense for; the API refuses the others at once.
function act.possible(wanted, state)
  if state == "COMPLETED" or state == "FAILED" or state == "CANCELED" then return false end
  if wanted == "SUSPEND" then return state ~= "NEW" end
  if wanted == "HOLD" then return state ~= "ACTIVE" and state ~= "SUSPENDED" and state ~= "STAGE_OUT" end
  return true
end

return act
