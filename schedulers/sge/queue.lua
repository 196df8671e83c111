-- What Grid Engine's queue knows of our jobs (qstat -xml), as records by native id, and what a record means.
local time = require "common.time"

local queue = {}

local MOST_ASKED = 1000 -- jobs that one command is asked about: no argument can be long

local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

---The text of XML. "%lt;" is a mistake of qstat's.
function queue.plain(text) return (text:gsub("[&%%](%l+);", ENTITIES)) end

-- The elements of jobs of some states. Pending ones are told one by one.
local function each_job(self, states)
  local result, failure = self.run({ "qstat", "-xml", "-g", "d", "-s", states }, { environment = { TZ = "UTC" } })
  if not result then return nil, failure end
  return result.stdout:gmatch "<job_list.-</job_list>"
end

---One look at our account's jobs that have not ended.
function queue.look(self)
  local jobs, failure = each_job(self, "prs")
  if not jobs then return nil, failure end
  local records = {}
  for job in jobs do
    local id, state, task = job:match "<JB_job_number>(%d+)<", job:match "<state>([^<]*)<", job:match "<tasks>(%d+)<"
    if id and state then
      records[task and id .. "." .. task or id] = { name = queue.plain(job:match "<JB_name>([^<]*)<" or ""), state = state,
        started_at = time.iso(job:match "<JAT_start_time>([^<]*)<"), queue = job:match "<queue_name>([^<]+)<" }
    end
  end
  return records
end

---The numbers of our account's jobs by their names; the last that ended are there for a while.
function queue.numbers(self)
  local jobs, failure = each_job(self, "prsz")
  if not jobs then return nil, failure end
  local numbers = {}
  for job in jobs do
    numbers[queue.plain(job:match "<JB_name>([^<]*)<" or "")] = job:match "<JB_job_number>(%d+)<"
  end
  return numbers
end

---What a record means, as a status (schedulers/README.md). Its state is letters: r runs, t is transferred, s S T suspended,
---h held, q w waits, E in error, d being deleted, R has been started again.
function queue.status_of(record)
  local state = record.state
  local status = { native_state = state, started_at = record.started_at }
  if state:find "E" then status.state = "QUEUED"
  elseif state:find "[sST]" then status.state = "SUSPENDED"
  elseif state:find "[rt]" then status.state = "ACTIVE"
  elseif state:find "h" then status.state = "HELD"
  elseif state:find "[qw]" then status.state = "QUEUED"
  else status.state, status.message = "ACTIVE", "Grid Engine says " .. state end
  local host = record.queue and record.queue:match "@(.*)"
  status.hosts = host and { host }
  return status
end

---Learns why jobs are in error into self.reasons: asked once for each, for as long as it is. An array's elements are told of
---together.
function queue.learn_reasons(self, ids)
  local known, asked, seen = {}, {}, {}
  for _, id in ipairs(ids) do
    local number = id:match "^%d+"
    known[id] = self.reasons[id]
    if not known[id] and not seen[number] and #asked < MOST_ASKED then asked[#asked + 1], seen[number] = number, true end
  end
  self.reasons = known
  local result = asked[1] and self.run { "qstat", "-xml", "-j", table.concat(asked, ",") }
  local by_number = {}
  for part in (result and result.stdout or ""):gmatch "<JB_job_number>.-</JB_ja_tasks>" do
    local message = part:match "<QIM_message>([^<]*)<"
    if message then by_number[part:match "%d+"] = queue.plain(message):gsub("^[%d/]+ [%d:]+ %[[%d:]+%]: ", "") end
  end
  for _, id in ipairs(ids) do known[id] = known[id] or by_number[id:match "^%d+"] end
end

return queue
