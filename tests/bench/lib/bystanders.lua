-- What others notice of a resource that has much to do: how much later the API answers, and another resource runs a job,
-- than on a server whose resources are idle.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local bystanders = {}

local CONNECTIONS, PAUSE_MS = 4, 5
local DELAY_MS = 50

---A server with a resource "local" beside those given, and what is asked of it.
---@param options table own.start's; `resources` is needed
function bystanders.start(options)
  options.resources = options.resources .. own.LOCAL
  local it = own.start(options)
  it.path = "/v1/simulations/" .. it:simulation "work" .. "/jobs"
  it.job = it:make(it.path, { executable = "/bin/true", resource = "local" }).id
  return it
end

local function get_ms(it)
  return load.run { url = it.url, token = it.token, paths = { "/v1/jobs/" .. it.job }, connections = CONNECTIONS,
    pause_ms = PAUSE_MS }.p99
end

-- Jobs that nobody runs: what the local scheduler does with them would be measured as well.
local function post_ms(it)
  return load.run { url = it.url, token = it.token, paths = { it.path }, connections = CONNECTIONS, pause_ms = PAUSE_MS,
    body = '{"executable":"/bin/true","resource":"local","submit":false}' }.p99
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

---Three rows.
function bystanders.compare(busy, quiet)
  local function row(what, measure)
    local result = rounds.compare(function() return measure(busy) end, function() return measure(quiet) end)
    report.delayed(what, result, "without it", DELAY_MS)
  end
  row("  GET a job, 99 of 100", get_ms)
  row("  POST a job, 99 of 100", post_ms)
  row("  a local job end to end, 99 of 100", job_ms)
end

return bystanders
