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
local CONNECTIONS, PAUSE_MS = 8, 20 -- of the other clients: some 400 requests a second of each kind
local PATIENCE_MS = 50

local function rate_of(it, simulation)
  local began = socket.gettime()
  own.post_sweep(it, simulation, scale.sweep_jobs, "shelf")
  return scale.sweep_jobs / (socket.gettime() - began)
end

-- The 99th percentile of others' GETs and POSTs while sweeps are being stored.
local function delays(it, simulation, job)
  local path = "/v1/simulations/" .. simulation .. "/jobs"
  local began = socket.gettime()
  local gets = load.start { url = it.url, token = it.token, paths = { "/v1/jobs/" .. job },
    connections = CONNECTIONS, pause_ms = PAUSE_MS }
  local posts = load.start { url = it.url, token = it.token, paths = { path }, body = own.JOB,
    connections = CONNECTIONS, pause_ms = PAUSE_MS }
  repeat own.post_sweep(it, simulation, scale.sweep_jobs, "shelf") until socket.gettime() - began > scale.seconds + 0.2
  return gets:finish().p99, posts:finish().p99
end

return function()
  local it = own.start()
  local simulation = it:simulation "sweep"
  local job = it:make("/v1/simulations/" .. simulation .. "/jobs", own.JOB).id

  report.compared("sweep into durable jobs", "rate", rounds.compare(function() return rate_of(it, simulation) end,
    function() return (peers.bare_sqlite(scale.sweep_jobs, BATCH)) end),
    ("SQLite, %d a transaction"):format(BATCH), { least = 0.25 })

  local gets, posts = {}, {}
  for i = 1, scale.rounds do gets[i], posts[i] = delays(it, simulation, job) end
  report.absolute("  meanwhile others' GET, 99 of 100", "ms", rounds.median(gets), PATIENCE_MS)
  report.absolute("  meanwhile others' POST, 99 of 100", "ms", rounds.median(posts), PATIENCE_MS)

  it:stop()
end
