-- What Grid Engine's accounting knows of jobs that have ended (qacct), as records by native id, and what a record means.
local time = require "common.time"

local accounting = {}

---One look at some jobs, of the last run of each. Those of several tags are looked for in one go through its long file.
function accounting.look(self, refs)
  local argv, first, several = { "qacct", "-j", refs[1].tag }, math.huge, false
  for _, ref in ipairs(refs) do
    first, several = math.min(first, ref.submitted_at or 0), several or ref.tag ~= refs[1].tag
  end
  if several then argv = { "qacct", "-b", os.date("!%Y%m%d%H%M.%S", first // 1000 - 60), "-j", "orrery-*" } end
  local result, failure = self.run(argv, { environment = { TZ = "UTC" } })
  if not result and failure.class ~= "rejected" then return nil, failure end
  local records, record = {}, {}
  for name, value in (result and result.stdout or ""):gmatch "([%w_=]+) *([^\n]-) *\n" do
    if name:find "^=" then record = {} end
    record[name] = value
    if name == "jobnumber" then records[value] = record -- of several runs the last counts
    elseif name == "taskid" and value ~= "undefined" then
      records[record.jobnumber], records[record.jobnumber .. "." .. value] = nil, record
    end
  end
  return records
end

-- Words of accounting: numbers with a unit.
local UNITS = { K = 1024, M = 1024 ^ 2, G = 1024 ^ 3, T = 1024 ^ 4 }
local function amount(text)
  local number, unit = (text or ""):match "^([%d.]+)(%u?)"
  return (tonumber(number) or 0) * (UNITS[unit] or 1)
end

local function usage_of(record)
  local memory = math.tointeger(amount(record.maxvmem) // 1)
  return { wall_seconds = amount(record.ru_wallclock), cpu_seconds = amount(record.cpu), memory = memory > 0 and memory or nil }
end

-- Codes of `failed`: what kept a job from starting, and what tells nothing of how it ended.
local NEVER_BEGAN, SAYS_NOTHING = {}, {}
for code in ("1 2 3 4 5 6 7 8 9 10 11 21 22 26 27 28 29 31 32 33 34 35 36 38"):gmatch "%d+" do NEVER_BEGAN[code] = true end
for code in ("18 19 20 24 25"):gmatch "%d+" do SAYS_NOTHING[code] = true end

-- Why a killed job was killed, as far as its limits tell.
local function limit_passed(record, started_at, ended_at)
  local seconds = tonumber((record.category or ""):match "h_rt=(%d+)")
  if seconds and started_at and ended_at and ended_at - started_at >= seconds * 1000 then return "TIMEOUT" end
  local peak, slots = amount(record.maxvmem), tonumber(record.slots) or 1
  local bytes = tonumber((record.category or ""):match "h_vmem=(%d+)")
  if bytes and peak >= bytes * slots then return "OUT_OF_MEMORY" end
end

---What a record means, as a status (schedulers/README.md); nil when it tells of no end. A job that was deleted by force has
---success in its record, but not a single page fault.
function accounting.status_of(record)
  local code, why = (record.failed or ""):match "^(%d+)[%s:]*(.*)$"
  local exit = math.tointeger(tonumber((record.exit_status or ""):match "^%d+"))
  if not code or not exit or SAYS_NOTHING[code] or record.ru_minflt == "0" and not NEVER_BEGAN[code] then return nil end
  local started_at, ended_at = time.asctime(record.start_time), time.asctime(record.end_time)
  local status = { state = "FAILED", final = true, native_state = code == "0" and "done" or "failed " .. code,
    started_at = started_at, ended_at = ended_at, hosts = { record.hostname }, usage = usage_of(record) }
  if NEVER_BEGAN[code] then
    status.reason, status.message = "LAUNCH_FAILED", "Grid Engine could not start it: " .. why
  elseif exit <= 128 or code ~= "37" and code ~= "100" then
    status.state, status.exit_code = exit == 0 and "COMPLETED" or "FAILED", exit
  else
    status.reason = limit_passed(record, started_at, ended_at) or code == "37" and "TIMEOUT" or "SIGNAL"
    if status.reason == "SIGNAL" then status.signal = exit - 128
    else status.message = why end
  end
  return status
end

return accounting
