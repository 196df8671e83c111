-- What Slurm knows of jobs: its queue (squeue) and its accounting (sacct), as records by native id, and what a record means.
-- Names are what others can write: they are told from what Slurm says by a mark that nobody can guess.
local looking = {}

local MOST_IDS = 2000 -- that a command is asked about

local function new_mark() return ("<%08x%08x>"):format(math.random(0, 0xffffffff), math.random(0, 0xffffffff)) end

local function milliseconds(text)
  local seconds = math.tointeger(tonumber(text))
  return seconds and seconds > 0 and seconds * 1000 or nil
end

-- One look at jobs in the queue, told by further arguments of squeue → records by native id | nil, failure
local function ask_queue(self, ...)
  local mark = new_mark()
  local result, failure = self.run { "squeue", "--noheader", "--array", "--all", "--states=all",
    ("--Format=JobArrayID:|,State:|,Reason:|,exit_code:|,StartTime:|,EndTime:|,Name:%s"):format(mark), ... }
  if not result then return nil, failure end
  local records, at = {}, 1
  while true do
    local first, last = result.stdout:find(mark, at, true)
    if not first then return records end
    local id, state, reason, status, started, ended, name =
      result.stdout:sub(at, first - 1):match "^%s*([%d_]+)|([^|]*)|([^|]*)|(%d+)|([^|]*)|([^|]*)|(.*)$"
    at = last + 1
    if id then
      status = math.tointeger(tonumber(status)) or 0
      records[id] = { state = state, reason = reason, name = name, started_at = milliseconds(started),
        ended_at = milliseconds(ended), exit_code = status >> 8, signal = status & 127 ~= 0 and status & 127 or nil }
    end
  end
end

---One look at our account's jobs in the queue.
---@param ... string further arguments of squeue
---@return table<string, table>|nil records
---@return table|nil failure
function looking.at_queue(self, ...) return ask_queue(self, "--me", ...) end

-- Those that Slurm can have given. A record in a job's directory may have said any, and for one of these Slurm answers nothing.
local function possible(ids)
  local some = {}
  for _, id in ipairs(ids) do
    if id:find "^%d+$" or id:find "^%d+_%d+$" then some[#some + 1] = id end
  end
  return some
end

---What the queue has of some jobs of our account's, or of anybody's.
---@param anybodys boolean|nil
function looking.at_queue_for(self, ids, anybodys)
  local ask = anybodys and ask_queue or looking.at_queue
  ids = possible(ids)
  if #ids == 0 then return {} end
  if #ids > MOST_IDS then return ask(self) end
  local records, failure = ask(self, "--jobs=" .. table.concat(ids, ","))
  if not records and failure.message:find "Invalid job id" then return {} end -- none of them is there
  return records, failure
end

-- Elements that were cancelled before they began are one line: "1002_[3,5-8]", or "1002_[2-20:2]" for every second.
local function ids_of(text)
  local array, ranges = text:match "^(%d+_)%[([%d,:-]+)"
  if not array then return { text } end
  local ids = {}
  for first, last, step in ranges:gmatch "(%d+)%-?(%d*):?(%d*)" do
    local function number(word, otherwise) return math.tointeger(word ~= "" and word or otherwise) end
    for i = number(first), number(last, first), number(step, 1) do ids[#ids + 1] = array .. i end
  end
  return ids
end

-- One look at accounting, which remembers for long: adds to the records.
local function ask_accounting(self, records, ...)
  local mark = new_mark()
  local result, failure = self.run { "sacct", "--allocations", "--noheader", "--parsable2", "--delimiter=" .. mark,
    "--format=JobID,State,ExitCode,Start,End,JobName", ... }
  if not result then return nil, failure end
  local line_of = ("^([%d_%[%],:%%-]+)@(.-)@(%d+):(%d+)@(.-)@(.-)@(.*)$"):gsub("@", (mark:gsub("%p", "%%%%%0")))
  for line in result.stdout:gmatch "[^\n]+" do
    local text, state, code, signal, started, ended, name = line:match(line_of)
    for _, id in ipairs(text and ids_of(text) or {}) do
      if id == text or not records[id] then -- one that began has a line of its own
        records[id] = { state = state, reason = "None", name = name, exit_code = math.tointeger(code),
          signal = signal ~= "0" and math.tointeger(signal) or nil, started_at = milliseconds(started),
          ended_at = milliseconds(ended) }
      end
    end
  end
  return records
end

---What accounting has of jobs of some names, which are few.
function looking.at_accounting_of_names(self, names)
  return ask_accounting(self, {}, "--name=" .. table.concat(names, ","), "--starttime=now-7days")
end

---What accounting has of jobs, which may be many: no argument of a command can be long.
function looking.at_accounting(self, ids)
  local records = {}
  ids = possible(ids)
  for first = 1, #ids, MOST_IDS do
    local some = table.concat(ids, ",", first, math.min(first + MOST_IDS - 1, #ids))
    local more, failure = ask_accounting(self, records, "--jobs=" .. some)
    if not more then return nil, failure end
  end
  return records
end

-- Slurm's words for a state: ours, and the reason of an end.
local STATES = {
  PENDING = { "QUEUED" }, CONFIGURING = { "QUEUED" }, REQUEUED = { "QUEUED" }, REQUEUE_FED = { "QUEUED" },
  REQUEUE_HOLD = { "HELD" }, RESV_DEL_HOLD = { "HELD" }, SPECIAL_EXIT = { "HELD" },
  RUNNING = { "ACTIVE" }, COMPLETING = { "ACTIVE" }, SIGNALING = { "ACTIVE" }, RESIZING = { "ACTIVE" }, STAGE_OUT = { "ACTIVE" },
  SUSPENDED = { "SUSPENDED" }, STOPPED = { "SUSPENDED" },
  COMPLETED = { "COMPLETED" }, CANCELLED = { "CANCELED" }, FAILED = { "FAILED" },
  TIMEOUT = { "FAILED", "TIMEOUT" }, DEADLINE = { "FAILED", "TIMEOUT" }, NODE_FAIL = { "FAILED", "NODE_FAIL" },
  BOOT_FAIL = { "FAILED", "NODE_FAIL" }, OUT_OF_MEMORY = { "FAILED", "OUT_OF_MEMORY" }, PREEMPTED = { "FAILED", "PREEMPTED" },
  REVOKED = { "FAILED", "LOST" },
}
local HELD = { JobHeldUser = true, JobHeldAdmin = true, JobHoldMaxRequeue = true }
-- Reasons that nothing but a change by somebody ends.
local STUCK = { PartitionNodeLimit = true, PartitionTimeLimit = true, PartitionConfig = true, BadConstraints = true,
  DependencyNeverSatisfied = true, InvalidAccount = true, InvalidQOS = true,
  AccountNotAllowed = true, QOSNotAllowed = true, ["launch failed requeued held"] = true }

-- How a program ended that Slurm says has completed or failed.
local function add_outcome(status, record)
  status.signal, status.exit_code = record.signal, not record.signal and record.exit_code or nil
  if status.state ~= "FAILED" then return end
  if record.reason == "JobLaunchFailure" and not record.signal then
    status.reason, status.exit_code = "LAUNCH_FAILED", nil
    status.message = "Slurm could not start it (JobLaunchFailure)"
  else
    status.reason = record.signal and "SIGNAL" or "EXIT_CODE"
  end
end

---What a record means, as a status (schedulers/README.md).
function looking.status_of(record)
  local word = record.state:match "^[%u_]+" or record.state
  local known = STATES[word]
  if not known then return { state = "ACTIVE", native_state = record.state, message = "Slurm says " .. record.state } end
  local status = { state = known[1], native_state = word, reason = known[2] }
  if status.state == "QUEUED" then
    if HELD[record.reason] then status.state = "HELD" end
    if STUCK[record.reason] then status.stuck = record.reason end
    if record.reason ~= "None" then status.message = record.reason end
    return status
  end
  status.started_at = record.started_at
  if status.state ~= "COMPLETED" and status.state ~= "FAILED" and status.state ~= "CANCELED" then return status end
  status.ended_at, status.final = record.ended_at, record.ended_at ~= nil
  if not known[2] and status.state ~= "CANCELED" then add_outcome(status, record) end
  return status
end

return looking
