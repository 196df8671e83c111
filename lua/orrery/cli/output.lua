-- A job's standard output and standard error, while it runs: what is new is fetched by ranges, and between two looks
-- the server is asked to wait for the job's end, so that nothing is polled faster than it is read.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local terminal = require "house.terminal"

local output = {}

local PAUSE_MS = 200 -- while output flows
local LONGEST_WAIT_S = { ACTIVE = 2, default = 5 } -- while it does not

output.has_ended = { COMPLETED = true, FAILED = true, CANCELED = true }
local writers = { stdout = out.bytes, stderr = out.error_bytes }

local NOT_YET, NOTHING_NEW = 404, 416
local expected = { [NOT_YET] = true, [NOTHING_NEW] = true }

-- Prints what a stream has beyond its offset → how many bytes that was.
local function print_new(opened, id, stream)
  local before = stream.offset
  opened:check(expected, opened:patiently {
    path = session.path("/v1/jobs", id, stream.name), accept = "*/*", range = ("bytes=%d-"):format(before),
    sink = function(bytes)
      stream.offset = stream.offset + #bytes
      stream.write(bytes)
    end,
  })
  return stream.offset - before
end

---Prints the streams as they grow, until the job has ended.
---@param names string[] "stdout", "stderr"
---@param fd integer|nil where all of it goes; nil: each to its own kind
---@return table|nil job as it ended; nil when a signal was caught
function output.follow(opened, id, names, fd)
  local streams, attempt, idle = {}, nil, 0
  for i, name in ipairs(names) do
    streams[i] = { name = name, offset = 0, write = fd == 1 and out.bytes or writers[name] }
  end
  local state
  while true do
    local wait = math.min(idle, LONGEST_WAIT_S[state] or LONGEST_WAIT_S.default)
    local status, headers, body = opened:patiently {
      path = session.path("/v1/jobs", id), wait = wait > 0 and wait or nil,
    }
    if opened.caught() then return nil end
    opened:check(nil, status, headers, body)
    local job = session.decode(body)
    if attempt and job.attempt ~= attempt then -- it was tried again, and writes into new files
      for _, stream in ipairs(streams) do stream.offset = 0 end
    end
    attempt, state = job.attempt, job.state
    local bytes = 0
    for _, stream in ipairs(streams) do
      bytes = bytes + print_new(opened, id, stream)
      if opened.caught() then return nil end
    end
    if output.has_ended[state] then return job end
    idle = bytes > 0 and 0 or idle + 1
    if bytes > 0 then terminal.sleep(PAUSE_MS) end
  end
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
