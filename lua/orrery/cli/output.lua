-- A job's standard output and standard error, while it runs. One of them the server sends on as it grows. Of both, what
-- is new is fetched by ranges, and between two looks the server is asked to wait for the job's end, so that nothing is
-- polled faster than it is read.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local output = {}

local PAUSE_MS, TROUBLE_PAUSE_MS = 200, 1000 -- while output flows; when it cannot be read
-- While it does not, the waiting doubles, up to:
local FIRST_WAIT_S, LONGEST_WAIT_S, LONGEST_ACTIVE_WAIT_S = 0.1, 5, 2

local NOT_YET, NOTHING_NEW = 404, 416
local expected = { [NOT_YET] = true, [NOTHING_NEW] = true }

-- Prints what a stream has beyond its offset, or, followed, will have until the job's end. An answer that breaks off is
-- not asked for again here: what came of it has been printed.
---@return boolean whole whether that was all of it
local function print_new(opened, id, stream, followed)
  local status, headers, body = opened:send {
    path = session.path("/v1/jobs", id, stream.name), accept = "*/*",
    query = followed and { follow = 1, offset = stream.offset } or nil,
    range = not followed and ("bytes=%d-"):format(stream.offset) or nil,
    sink = function(bytes)
      stream.offset = stream.offset + #bytes
      stream.write(bytes)
    end,
  }
  if not status or status == 0 or status >= 500 then return false end
  opened:check(expected, status, headers, body)
  return true
end

-- Prints what is new of all streams.
---@return boolean whole
---@return boolean grown whether anything was new
local function print_all_new(opened, id, streams)
  local whole, grown = true, false
  for _, stream in ipairs(streams) do
    local before = stream.offset
    whole = print_new(opened, id, stream) and whole
    grown = grown or stream.offset > before
  end
  return whole, grown
end

-- Says what the trouble with the server is, but not at every attempt.
local function say_once()
  local said
  return function(sentence)
    if sentence and not said then
      out.say(("orrery: no answer from the server (%s), trying again"):format(text.clean(sentence)))
    end
    said = said or sentence
  end
end

---@return table|nil job nil when a signal was caught
local function read_job(opened, id, wait)
  local status, headers, body = opened:patiently({ path = session.path("/v1/jobs", id), wait = wait }, say_once())
  if opened.caught() then return nil end
  opened:check(nil, status, headers, body)
  return session.decode(body)
end

-- The server goes on from one attempt to the next by itself; only a stream that broke off in one of them must know.
local function follow_one(opened, id, stream)
  local attempt = 0
  stream.offset = 0
  while true do
    local job = read_job(opened, id)
    if not job then return nil end
    if attempt > 0 and job.attempt ~= attempt then stream.offset = 0 end
    attempt = job.attempt
    local whole = print_new(opened, id, stream, true)
    if opened.caught() then return nil end
    if whole then return read_job(opened, id) end
    terminal.sleep(TROUBLE_PAUSE_MS)
  end
end

local function follow_all(opened, id, streams)
  local wait, attempt, state
  while true do
    local job = read_job(opened, id, wait)
    if not job then return nil end
    if job.attempt ~= attempt then -- each attempt writes into files of its own
      for _, stream in ipairs(streams) do stream.offset = 0 end
    end
    local changed = job.state ~= state
    attempt, state = job.attempt, job.state
    local whole, grown = print_all_new(opened, id, streams)
    if opened.caught() then return nil end
    if session.ended[state] and whole then return job end
    if grown or not whole then
      terminal.sleep(grown and PAUSE_MS or TROUBLE_PAUSE_MS)
      wait = nil
    else
      local longest = state == "ACTIVE" and LONGEST_ACTIVE_WAIT_S or LONGEST_WAIT_S
      wait = (changed or not wait) and FIRST_WAIT_S or math.min(wait * 2, longest)
    end
  end
end

---Prints streams as they grow, until the job has ended.
---@param streams {name:string, write:fun(bytes:string)}[] "stdout" or "stderr", and where it goes
---@return table|nil job as it ended; nil when a signal was caught
function output.follow(opened, id, streams)
  if #streams == 1 then return follow_one(opened, id, streams[1]) end
  return follow_all(opened, id, streams)
end

---Prints what there is of a stream.
function output.print(opened, id, name)
  opened:check(nil, opened:send {
    path = session.path("/v1/jobs", id, name), accept = "*/*", sink = out.bytes,
  })
end

---The exit code for a command that stood for the job: the job's own, as a shell would tell it.
function output.exit_code(job)
  if job.state == "COMPLETED" then return exit.OK end
  if math.type(job.signal) == "integer" and job.signal > 0 then return exit.by_signal(job.signal) end
  if job.exit_code and job.exit_code ~= 0 then return job.exit_code & 255 end
  if job.reason == "LAUNCH_FAILED" then return exit.NO_COMMAND end
  return exit.FAILED
end

return output
