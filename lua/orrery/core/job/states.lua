-- The states of a job's life, and which may follow which: data, for whoever changes states and whoever checks them.
local states = {}

states.all = { "NEW", "PENDING", "STAGE_IN", "SUBMITTING", "QUEUED", "HELD", "ACTIVE", "SUSPENDED", "STAGE_OUT",
  "COMPLETED", "FAILED", "CANCELED" }

local function set(...)
  local result = {}
  for _, name in ipairs({ ... }) do result[name] = true end
  return result
end

states.ended = set("COMPLETED", "FAILED", "CANCELED")
-- The scheduler knows, or may know, a native job.
states.live = set("STAGE_IN", "SUBMITTING", "QUEUED", "HELD", "ACTIVE", "SUSPENDED", "STAGE_OUT")

-- Why an attempt fails; those for which the job cannot be blamed; why a job fails.
states.failures = { "EXIT_CODE", "SIGNAL", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "SUBMIT_REJECTED",
  "STAGING", "LAUNCH_FAILED", "LOST" }
states.blameless = { "NODE_FAIL", "PREEMPTED", "LAUNCH_FAILED", "LOST" }
states.reasons = { "DEPENDENCY", table.unpack(states.failures) }

-- What may follow a state. PENDING after SUBMITTING: certainly nothing was submitted; after any other: it is tried again.
-- QUEUED after ACTIVE: a native requeue. Looks at a scheduler come at intervals, so a state between may never be seen.
states.next = {
  NEW = set("PENDING", "CANCELED", "FAILED"),
  PENDING = set("STAGE_IN", "SUBMITTING", "CANCELED", "FAILED"),
  STAGE_IN = set("SUBMITTING", "PENDING", "CANCELED", "FAILED"),
  SUBMITTING = set("QUEUED", "HELD", "ACTIVE", "SUSPENDED", "STAGE_OUT", "PENDING", "COMPLETED", "CANCELED", "FAILED"),
  QUEUED = set("HELD", "ACTIVE", "SUSPENDED", "STAGE_OUT", "PENDING", "COMPLETED", "CANCELED", "FAILED"),
  HELD = set("QUEUED", "ACTIVE", "SUSPENDED", "STAGE_OUT", "PENDING", "COMPLETED", "CANCELED", "FAILED"),
  ACTIVE = set("QUEUED", "HELD", "SUSPENDED", "STAGE_OUT", "PENDING", "COMPLETED", "CANCELED", "FAILED"),
  SUSPENDED = set("ACTIVE", "QUEUED", "HELD", "STAGE_OUT", "PENDING", "COMPLETED", "CANCELED", "FAILED"),
  STAGE_OUT = set("PENDING", "COMPLETED", "CANCELED", "FAILED"),
  COMPLETED = set("PENDING"), FAILED = set("PENDING"), CANCELED = set("PENDING"),
}

function states.legal(from, to) return states.next[from] ~= nil and states.next[from][to] == true end

return states
