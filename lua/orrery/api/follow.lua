-- Following what a job writes: an answer that goes on while the job runs, and ends when it has ended and all is sent. One
-- that has to end earlier, as the server does or the token is revoked, breaks off, so that nobody takes it for all.
--
-- A change of the job wakes its followers; a file tells nobody that it has grown, so while the job runs they look at it,
-- less often the longer it is quiet. A client that reads slowly holds up its own answer alone.
local changes = require "house.changes"
local files = require "orrery.core.files"
local task = require "house.task"
local auth = require "orrery.api.auth"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"

local PIECE, DEADLINE_MS = 65536, 20000
local GATHER_MS = 50                       -- changes come in crowds
local FIRST_LOOK_MS, LAST_LOOK_MS = 200, 2000 -- between two looks at the file of a running job
local IDLE_MS = 30000                      -- while there is nothing to look at
local ENDLESS = 2 ^ 53 - 1 | 0             -- the last byte of a range without an end

local HEADERS = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
  .. "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n" -- the last one is for proxies that gather answers

-- offset=FROM, or Range: bytes=FROM-TO, of which only the beginning is known to exist → status, headers, from, to. The
-- answer to a range names its end as the client did, or as endless (RFC 8673).
local function start_of(context)
  local offset = context.query.offset
  if offset then return 200, HEADERS, offset, ENDLESS end
  local from, to = (context.request:header "range" or ""):match "^bytes=(%d+)%-(%d*)$"
  from, to = math.tointeger(tonumber(from)), to == "" and ENDLESS or math.tointeger(tonumber(to))
  if not from or not to or from > to then return 200, HEADERS, 0, ENDLESS end
  return 206, ("%sContent-Range: bytes %d-%d/*\r\n"):format(HEADERS, from, to), from, to
end

---@class follow.stream
---@field named string|nil the folder of its user's choice that it is in
---@field path string
---@field place fun(job:table):table where house.files finds it

-- Sends what there is between two bytes → how far it came, and whether that was all there is; nil: the client has gone.
local function send(request, job, stream, at, last)
  while at <= last do
    local bytes, code = files.read(job.resource, stream.place(job), stream.path, at, math.min(PIECE, last - at + 1),
      DEADLINE_MS)
    if not bytes then return at, code == "not_found" end
    if #bytes == 0 then break end
    if not request:write(bytes) then return nil end
    at = at + #bytes
  end
  return at, true
end

-- Each attempt writes a file of its own. In a folder of the user's choice an older one may lie until the job has started.
local function readable(job, stream)
  if stream.named then return job.attempt > 0 and (job.started_at or lifecycle.ended[job.state]) end
  return job.directory
end

-- Sends the stream as it grows → true when all of it was sent.
local function go_on(request, job, stream, at, last)
  local key, look_ms = job.key, FIRST_LOOK_MS
  while not changes.ending() and not request:aborted() and pcall(auth.identify, request) do
    local before, whole = at, true
    if readable(job, stream) then at, whole = send(request, job, stream, at, last) end
    if not at then return false end
    if at > last then return true end
    if lifecycle.ended[job.state] then return whole end
    look_ms = at > before and FIRST_LOOK_MS or math.min(look_ms * 2, LAST_LOOK_MS)
    changes.wait(job.started_at and look_ms or IDLE_MS, key)
    task.sleep(GATHER_MS)
    local now = jobs.get(key)
    if not now then return false end
    if job.directory and now.directory ~= job.directory then
      if not stream.named and not send(request, job, stream, at, last) then return false end
      at = 0
    end
    job = now
  end
  return false
end

---@param job table its row
---@param stream follow.stream
return function(context, job, stream)
  local request = context.request
  local status, headers, from, to = start_of(context)
  request:begin(status, headers)
  if request:method() == "HEAD" then return end
  if not go_on(request, job, stream, from, to) then request:cut() end
end
