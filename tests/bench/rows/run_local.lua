-- Local jobs from end to end: a sweep posted, every job run, its every state durable in its history. Bare posix_spawn
-- remembers nothing; both run as many at a time.
local own = require "bench.lib.own"
local peers = require "bench.lib.peers"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local WIDTH = 2

local function rate_of(it)
  local simulation = it:simulation "local"
  local began = socket.gettime()
  own.post_sweep(it, simulation, scale.local_jobs, "local")
  local counts = it:finished(simulation).counts
  local took = socket.gettime() - began
  assert(counts.COMPLETED == scale.local_jobs, "not all jobs completed")
  return scale.local_jobs / took
end

return function()
  local it = own.start {
    resources = ('resource "local" { scheduler = "local", options = { cores = %d } }\n'):format(WIDTH) }

  report.compared("local jobs, end to end", "rate", rounds.compare(function() return rate_of(it) end,
    function() return (peers.bare_spawn(scale.local_jobs, WIDTH)) end), "posix_spawn + wait", { least = 0.5 })

  it:stop()
end
