-- What LoadLeveler knows of job steps: its queue (llq), as records by the key of a step's id, and what a record means.
local queue = {}

local NOTHING = "no job status to report"

---A step's id without the domain of its host, which some programs tell and others do not; nil: it is no id of LoadLeveler's.
---The host may have dots and digits, so an id is read from its end.
function queue.key(id)
  local host, job, step = id:match "^(%w[%w._-]*)%.(%d+)%.(%d+)$"
  return host and ("%s.%s.%s"):format(host:match "^[^.]+", job, step)
end

local DIGITS = "0123456789abcdefghijklmnopqrstuv"

---The job name that stands for a tag. Names are letters, digits and underscores, and some sites cut them to fifteen
---characters, which a tag does not fit in: so a name is a hash of it (FNV-1a, 64 bits), and the comment has the tag itself.
function queue.name_of(tag)
  local hash, digits = 0xcbf29ce484222325, {}
  for i = 1, #tag do hash = (hash ~ tag:byte(i)) * 0x100000001b3 end
  for i = 13, 1, -1 do
    local digit = (hash & 31) + 1
    digits[i], hash = DIGITS:sub(digit, digit), hash >> 5
  end
  return "o" .. table.concat(digits)
end

-- The values of a line of llq -r | nil: it has not so many. Of what jobs are called others decide, who may write a "!" into it.
local function values_of(line, count)
  local values = {}
  for value in (line .. "!"):gmatch "([^!]*)!" do values[#values + 1] = value end
  return #values == count and values or nil, #values
end

---One look at all steps that LoadLeveler has, anybody's. That there are none it says in words.
---@return table<string, table>|nil records {id, state, owner, name, host} by key
---@return table|nil failure
function queue.look(self)
  local result, failure = self.run { "llq", "-r", table.unpack(self.categories) }
  if not result and failure.message:find(NOTHING, 1, true) then return {} end
  if not result then return nil, { class = "unavailable", message = failure.message } end
  local records, columns, strange = {}, self.columns, nil
  for line in result.stdout:gmatch "[^\r\n]+" do
    local values, count = values_of(line, #self.categories)
    local key = values and queue.key(values[columns["%id"]])
    if key then
      local host = columns["%h"] and values[columns["%h"]]
      records[key] = { id = values[columns["%id"]], state = values[columns["%st"]], owner = values[columns["%o"]],
        name = values[columns["%jn"]], host = host ~= "" and host or nil }
    elseif count < #self.categories and not line:find(NOTHING, 1, true) then strange = strange or line end
  end
  if strange and not next(records) then
    return nil, { class = "unavailable", message = "llq answers in a form of its own: " .. strange }
  end
  return records
end

---The record of a ref's step, if it is the ref's: of its id, and of its name.
function queue.of(records, ref)
  local key = queue.key(ref.native_id)
  local record = key and records[key]
  return record and record.name == queue.name_of(ref.tag) and record or nil
end

local MOST_IDS = 1000 -- that one command is asked about

local function read_details(text, details)
  local at
  for line in text:gmatch "[^\r\n]+" do
    local id = line:match "^=+ Job Step (%S+) =+$"
    local name, value = line:match "^ *(%a[^:]*): ?(.*)$"
    if id then
      at = {}
      details[queue.key(id) or id] = at
    elseif at and name and not at[name] then at[name] = value end
  end
end

---All that LoadLeveler tells of some steps (llq -l): by key, maps of what is before a colon to what is behind it.
---@return table<string, table<string, string>>|nil
---@return table|nil failure
function queue.details(self, ids)
  local details = {}
  for first = 1, #ids, MOST_IDS do
    local result, failure = self.run { "llq", "-l", table.unpack(ids, first, math.min(first + MOST_IDS - 1, #ids)) }
    if result then read_details(result.stdout, details)
    elseif not failure.message:find(NOTHING, 1, true) then return nil, { class = "unavailable", message = failure.message } end
  end
  return details
end

---The tag that a step was submitted with, of its details.
function queue.tag_of(detail) return (detail.Comment or ""):match "^%S+" end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- "Thu Sep  8 00:09:02 2016" as seconds, of which only differences mean something: the zone is that of another machine.
local function seconds_of(text)
  local month, day, hour, min, sec, year = (text or ""):match "^%a+ (%a+) +(%d+) (%d+):(%d+):(%d+) (%d+)"
  if not MONTHS[month] then return nil end
  return os.time { year = year, month = MONTHS[month], day = day, hour = hour, min = min, sec = sec, isdst = false }
end

---What became of a step that was removed while it ran, of its details, which may be missing: its time was up, or somebody
---cancelled it.
function queue.removed(detail)
  detail = detail or {}
  local began, ended = seconds_of(detail["Dispatch Time"]), seconds_of(detail["Completion Date"])
  local limit = tonumber((detail["Wall Clk Hard Limit"] or ""):match "%((%d+) seconds%)")
  local status = { state = "FAILED", reason = "SIGNAL", native_state = "RM", final = true,
    message = "LoadLeveler removed it while it ran" }
  if began and ended and limit then
    if ended - began >= limit then status.reason, status.message = "TIMEOUT", nil
    else status.state, status.reason, status.message = "CANCELED", nil, nil end
  end
  return status
end

---What a code may stand for, in this plug-in and in its option `states`. ENDED is a step whose own record tells how.
queue.MEANINGS = { QUEUED = true, HELD = true, ACTIVE = true, SUSPENDED = true, CANCELED = true, ENDED = true }
queue.MEANINGS_IN_WORDS = "QUEUED, HELD, ACTIVE, SUSPENDED, CANCELED, ENDED"

-- LoadLeveler's codes: ours, and of an end that no record tells of the reason.
local CODES = {
  I = { "QUEUED" }, NQ = { "QUEUED" }, D = { "QUEUED" }, P = { "QUEUED" }, ST = { "QUEUED" }, XP = { "QUEUED" },
  H = { "HELD" }, S = { "HELD" }, HS = { "HELD" },
  R = { "ACTIVE" }, CK = { "ACTIVE" }, CP = { "ACTIVE" }, VP = { "ACTIVE" }, RP = { "ACTIVE" }, MP = { "ACTIVE" },
  E = { "SUSPENDED" }, EP = { "SUSPENDED" },
  C = { "ENDED" }, CA = { "CANCELED" }, RM = { "REMOVED" },
  TX = { "FAILED", "SIGNAL", "LoadLeveler terminated it" },
  NR = { "FAILED", "LAUNCH_FAILED", "LoadLeveler did not run it" },
  SX = { "FAILED", "LAUNCH_FAILED", "LoadLeveler could not submit it" },
  X = { "FAILED", "LAUNCH_FAILED", "LoadLeveler could not start it", may_return = true },
  V = { "FAILED", "PREEMPTED", "LoadLeveler took its machines away", may_return = true },
}

---What a record's code stands for: one of the MEANINGS, REMOVED, or FAILED; nil: it is of no known code.
function queue.meaning(self, record)
  local added = self.states[record.state]
  return added or CODES[record.state] and CODES[record.state][1]
end

---Whether a step is about to be removed.
function queue.is_leaving(record) return record.state == "RP" end

---What a record means, as a status (schedulers/README.md). A code that nobody knows says nothing, least of all that the job
---failed. An end from which a step may come back is not final before the step has gone. One that was removed is asked about
---(queue.removed).
function queue.status_of(self, record)
  local code, meaning = CODES[record.state] or {}, queue.meaning(self, record)
  if not meaning then
    return { error = { class = "unknown", message = ("LoadLeveler has it in state %q; name it in the option states")
      :format(record.state) } }
  end
  if meaning == "ENDED" then return { absent = true } end
  local status = { state = meaning, native_state = record.state }
  if meaning == "ACTIVE" then status.hosts = record.host and { record.host } end
  if meaning == "CANCELED" then status.final = true end
  if meaning == "FAILED" then
    status.final, status.reason, status.message = not code.may_return, code[2], ("%s (%s)"):format(code[3], record.state)
  end
  return status
end

return queue
