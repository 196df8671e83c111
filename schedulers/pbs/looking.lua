-- What PBS knows of jobs, as records by native id, and what a record means.
local standing = require "pbs.standing"
local time = require "common.time"

local looking = {}

local MOST_IDS = 500 -- that a command is asked about

local LONGEST_NUMBER = 12 -- a longer one qstat calls illegal, and may say nothing of the others

-- Whether PBS can have given an id: a record in a job's directory may have said any, and one of another server would be asked for
-- there. A server is told of with or without its domain.
local function is_possible(self, id)
  local number, server = id:match "^(%d+)%.([%w.:-]+)$"
  if not number then number, server = id:match "^(%d+)%[%d+%]%.([%w.:-]+)$" end
  if not number or #number > LONGEST_NUMBER then return false end
  local own = self.server
  return server == own or server:sub(1, #own + 1) == own .. "." or own:sub(1, #server + 1) == server .. "."
end

-- What qstat is asked for: of an array's elements the array, once.
local function asked_for(self, ids)
  local words, seen = {}, {}
  for _, id in ipairs(ids) do
    local word = id:gsub("%[%d+%]", "[]")
    if not seen[word] and is_possible(self, id) then words[#words + 1], seen[word] = word, true end
  end
  return words
end

-- Whether all that qstat complains of is that it does not know some of the jobs.
local function only_unknown(self, said)
  local lines = 0
  for line in said.stderr:gmatch "[^\n]+" do
    local known = false
    for _, pattern in ipairs(self.flavour.unknown) do known = known or line:find(pattern) ~= nil end
    if not known then return false end
    lines = lines + 1
  end
  return lines > 0
end

---Runs a command whose words depend on whether the server remembers ended jobs, which may have changed since it was asked.
---@param argv_of fun(remembers:boolean):string[]
---@return table|nil result
---@return table|nil failure
---@return table|nil said what it said nevertheless (commands.runner)
function looking.run(self, argv_of)
  local options = { environment = { TZ = "UTC" } }
  local result, failure, said = self.run(argv_of(self.remembers), options)
  local remembers = (result or said) and self.flavour.has_changed(result or said)
  if remembers == nil or remembers == self.remembers then return result, failure, said end
  self.remembers = remembers
  return self.run(argv_of(remembers), options)
end

-- Asked for several jobs, and not for ended ones, a server says nothing of those that ended. Whether some may be missing only for
-- that, since it remembers them now | nil, the error
local function has_come_to_remember(self, records, words)
  local missing = false
  for _, id in ipairs(words) do missing = missing or not records[id] end
  if self.remembers or not missing then return false end
  local server, failure = standing.server(self)
  if not server then return nil, failure end
  self.remembers = self.flavour.remembers(server)
  return self.remembers
end

-- One look at some jobs: adds to the records.
local function ask(self, records, words)
  local mark
  local result, failure, said = looking.run(self, function(remembers)
    local argv
    argv, mark = self.flavour.look(remembers)
    return table.move(words, 1, #words, #argv + 1, argv)
  end)
  if not result and not (said and only_unknown(self, said)) then return failure end
  result = result or said
  local jobs = not result.cut and self.flavour.parse(result.stdout, mark)
  if not jobs then return { class = "unavailable", message = "what qstat said cannot be read" } end
  for id, attributes in pairs(jobs) do records[id] = self.flavour.record(attributes) end
  local again
  again, failure = has_come_to_remember(self, records, words)
  if again then return ask(self, records, words) end
  return failure
end

---What PBS has of some jobs. Those of others it may hide: they are not there then.
---@return table<string, table>|nil records
---@return table|nil failure
function looking.at(self, ids)
  local records, words = {}, asked_for(self, ids)
  for first = 1, #words, MOST_IDS do
    local failure = ask(self, records, { table.unpack(words, first, math.min(first + MOST_IDS - 1, #words)) })
    if failure then return nil, failure end
  end
  return records
end

---Those of some jobs that have not ended.
function looking.at_live(self, ids)
  local records, failure = looking.at(self, ids)
  for id, record in pairs(records or {}) do
    if self.flavour.ended[record.state] then records[id] = nil end
  end
  return records, failure
end

-- Meaning --------------------------------------------------------------------------------------------------------

-- Letters of a state; those of an end are the flavour's.
local STATES = { Q = "QUEUED", W = "QUEUED", T = "QUEUED", H = "HELD", R = "ACTIVE", E = "ACTIVE", B = "ACTIVE", S = "SUSPENDED",
  U = "SUSPENDED" }

local function hosts_of(text)
  local hosts, seen = {}, {}
  for host in (text or ""):gmatch "([^/+]+)/[^+]*" do
    if not seen[host] then hosts[#hosts + 1], seen[host] = host, true end
  end
  return hosts[1] and hosts
end

local UNITS = { b = 1, kb = 1 << 10, mb = 1 << 20, gb = 1 << 30, tb = 1 << 40 }

local function usage_of(record)
  local amount, unit = (record.memory or ""):match "^(%d+)(%l+)$"
  local bytes = UNITS[unit] and math.tointeger(amount) * UNITS[unit]
  local seconds = time.span(record.walltime)
  return seconds and { wall_seconds = seconds, cpu_seconds = time.span(record.cput), memory = bytes ~= 0 and bytes or nil }
end

-- Whether a job was killed when its time was over: some Torques say no more than that they killed it.
local function was_late(record)
  local used, limit = time.span(record.walltime), time.span(record.limit)
  return used and limit and limit > 0 and used >= limit
end

-- How a job ended that has an exit status: negative ones are PBS's own; above 256 is the signal by which PBS ended it, above 128
-- that by which the script ended.
local function outcome(flavour, record, exit)
  if flavour.was_deleted(record) then return { state = "CANCELED" } end
  if exit == 0 then return { state = "COMPLETED", exit_code = 0 } end
  if exit < 0 then
    local reason = flavour.reasons[exit] or "LAUNCH_FAILED"
    if reason == "TIMEOUT" then return { state = "FAILED", reason = reason } end
    return { state = "FAILED", reason = reason ~= "LIMIT" and reason or nil,
      message = record.comment or ("%s ended it with %d"):format(flavour.title, exit) }
  end
  if exit > 256 then
    if was_late(record) then return { state = "FAILED", reason = "TIMEOUT" } end
    return { state = "FAILED", reason = "SIGNAL", signal = exit - 256 }
  end
  if exit > 128 and exit <= 192 then return { state = "FAILED", reason = "SIGNAL", signal = exit - 128 } end
  return { state = "FAILED", reason = "EXIT_CODE", exit_code = exit }
end

-- A job that has ended without an exit status never ran. Of an array's element that is true only if PBS says that it was deleted:
-- PBS may have forgotten the rest.
local function ended(flavour, record)
  local exit = math.tointeger(tonumber(record.exit))
  if exit then return outcome(flavour, record, exit) end
  if flavour.was_deleted(record) then return { state = "CANCELED" } end
  if record.state ~= "F" then return nil end
  return { state = "FAILED", reason = "LAUNCH_FAILED", message = record.comment or "PBS removed it before it ran" }
end

-- Why a job that waits will never start by itself, if that is so.
local function stuck_on(record)
  local comment = record.comment or ""
  if comment:find "^Can Never Run" then return comment end
  if record.state == "H" and (record.holds or ""):find "s" and not record.depends then
    return comment ~= "" and comment or "PBS holds it"
  end
end

---What a record means, as a status (schedulers/README.md); nil: it tells of no end.
function looking.status_of(self, record)
  local state = record.state or "?"
  if self.flavour.ended[state] then
    local status = ended(self.flavour, record)
    if not status then return nil end
    status.final, status.native_state = true, state
    status.started_at, status.ended_at, status.hosts = record.started_at, record.ended_at, hosts_of(record.hosts)
    status.usage, status.runs = usage_of(record), math.tointeger(tonumber(record.runs))
    return status
  end
  local status = { state = STATES[state], native_state = state }
  if not status.state then status.state, status.message = "ACTIVE", "PBS says " .. state end
  if status.state == "QUEUED" or status.state == "HELD" then
    status.message, status.stuck = record.comment, stuck_on(record)
    return status
  end
  status.started_at, status.hosts = record.started_at, hosts_of(record.hosts)
  status.runs = math.tointeger(tonumber(record.runs))
  return status
end

return looking
