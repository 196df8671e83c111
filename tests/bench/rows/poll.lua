-- A resource with many running jobs is looked at every second, and what others notice of it. Its scheduler costs nothing, so
-- that this is the house's own share.
local bystanders = require "bench.lib.bystanders"
local own = require "bench.lib.own"
local process = require "support.process"
local scale = require "bench.lib.scale"

local POLL_MS = 1000

local function start() return bystanders.start { resources = own.endless("crowd", scale.active_jobs, POLL_MS) } end

local function make_busy(it)
  local simulation = it:simulation "crowd"
  own.post_sweep(it, simulation, scale.active_jobs, "crowd")
  process.eventually("all jobs of the crowd", function()
    return it:read("/v1/simulations/" .. simulation).counts.ACTIVE == scale.active_jobs
  end, 120)
end

return function()
  local busy, quiet = start(), start()
  make_busy(busy)
  print(("While a resource with %d active jobs is polled every %d ms; the budget is for the difference:"):format(
    scale.active_jobs, POLL_MS))
  bystanders.compare(busy, quiet)
  busy:stop()
  quiet:stop()
end
