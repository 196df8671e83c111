-- A large sweep: how fast its jobs become durable, and how long other clients wait for their answers meanwhile. Those
-- are as many as a busy site has, each asking at intervals; they and the sweep share one API worker.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local peers = require "bench.lib.peers"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local BATCH = 1000 -- inserts in a transaction of bare SQLite
local CONNECTIONS, PAUSE_MS = 4, 40 -- of the other clients: some 100 requests a second of each kind
local PATIENCE_MS = 50

local function rate_of(it, simulation)
  local began = socket.gettime()
  own.post_sweep(it, simulation, scale.sweep_jobs, "shelf")
  return scale.sweep_jobs / (socket.gettime() - began)
end

-- The 99th percentiles of others' requests while sweeps are being stored; the lists are of the sweeps' own simulation,
-- whose newest jobs are those that nobody may see yet.
local function delays(it, simulation, job)
  local began = socket.gettime()
  local function client(options)
    options.url, options.token, options.connections, options.pause_ms = it.url, it.token, CONNECTIONS, PAUSE_MS
    return load.start(options)
  end
  local gets = client { paths = { "/v1/jobs/" .. job } }
  local posts = client { paths = { "/v1/simulations/" .. it.others .. "/jobs" }, body = own.JOB }
  local lists = client { paths = { "/v1/simulations/" .. simulation .. "/jobs?order=desc&limit=10" } }
  repeat own.post_sweep(it, simulation, scale.sweep_jobs, "shelf") until socket.gettime() - began > scale.seconds + 0.2
  return { get = gets:finish().p99, post = posts:finish().p99, list = lists:finish().p99 }
end

return function()
  local it = own.start()
  local simulation = it:simulation "sweep"
  it.others = it:simulation "others"
  local job = it:make("/v1/simulations/" .. simulation .. "/jobs", own.JOB).id

  report.compared("sweep into durable jobs", "rate", rounds.compare(function() return rate_of(it, simulation) end,
    function() return (peers.bare_sqlite(scale.sweep_jobs, BATCH)) end),
    ("SQLite, %d a transaction"):format(BATCH), { least = 0.25 })

  local seen = { get = {}, post = {}, list = {} }
  for i = 1, scale.rounds do
    for name, delay in pairs(delays(it, simulation, job)) do seen[name][i] = delay end
  end
  report.absolute("  meanwhile others' GET, 99 of 100", "ms", rounds.median(seen.get), PATIENCE_MS)
  report.absolute("  meanwhile others' POST, 99 of 100", "ms", rounds.median(seen.post), PATIENCE_MS)
  report.absolute("  meanwhile others' list, 99 of 100", "ms", rounds.median(seen.list), PATIENCE_MS)

  it:stop()
end
