-- A resource with many running jobs is looked at every second: how much later the API and another resource answer for
-- it than a server whose resources are idle.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local POLL_MS = 1000
local CONNECTIONS, PAUSE_MS = 4, 5
local DELAY_MS = 50

local function start()
  local it = own.start { resources = own.endless("crowd", scale.active_jobs, POLL_MS) .. own.LOCAL }
  it.work = it:simulation "work"
  it.path = "/v1/simulations/" .. it.work .. "/jobs"
  it.job = it:make(it.path, { executable = "/bin/true", resource = "local" }).id
  return it
end

local function make_busy(it)
  local simulation = it:simulation "crowd"
  own.post_sweep(it, simulation, scale.active_jobs, "crowd")
  process.eventually("all jobs of the crowd", function()
    return it:read("/v1/simulations/" .. simulation).counts.ACTIVE == scale.active_jobs
  end, 120)
end

local function request_ms(it)
  return load.run { url = it.url, token = it.token, paths = { "/v1/jobs/" .. it.job }, connections = CONNECTIONS,
    pause_ms = PAUSE_MS }.p99
end

-- From posting a local job that does nothing to knowing that it ended.
local function job_ms(it)
  local times, over = {}, socket.gettime() + scale.seconds
  repeat
    local began = socket.gettime()
    local job = it:make(it.path, { executable = "/bin/true", resource = "local" })
    job = it:read("/v1/jobs/" .. job.id .. "?wait=20")
    assert(job.state == "COMPLETED", job.state)
    times[#times + 1] = (socket.gettime() - began) * 1000
  until socket.gettime() > over
  table.sort(times)
  return times[math.ceil(#times * 0.99)]
end

return function()
  local busy, quiet = start(), start()
  make_busy(busy)
  print(("While a resource with %d active jobs is polled every %d ms; the budget is for the difference:"):format(
    scale.active_jobs, POLL_MS))
  local function row(what, measure)
    local result = rounds.compare(function() return measure(busy) end, function() return measure(quiet) end)
    report.delayed(what, result, "without it", DELAY_MS)
  end
  row("  GET a job, 99 of 100", request_ms)
  row("  a local job end to end, 99 of 100", job_ms)
  busy:stop()
  quiet:stop()
end
