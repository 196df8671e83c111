-- The message bus over RabbitMQ: events of the log relayed with confirms, and calls of a method that does nothing. Compared
-- with librabbitmq in a plain loop, on the same broker, into the same queue.
local own = require "bench.lib.own"
local peers = require "bench.lib.peers"
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"

local WINDOW, CALLS, BYTES = 1024, 5000, 420 -- BYTES: of an event of a job's state

local function serve(rig)
  return own.start { config = ("bus = { url = %q, window = %d }\n"):format(rig.url, WINDOW) }
end

local function metric(it, name) return tonumber(it:get("/metrics").body:match("\n" .. name .. " (%d+)")) end

local function await_relayed(it)
  process.eventually("all events at the broker", function() return metric(it, "orrery_relay_behind_events") == 0 end, 300)
end

-- After it the queue is there, and empty.
local function bare(rig, events) return (peers.bare_bus("publish", rig.url, events, WINDOW, BYTES)) end

-- Events that wait for the broker to come back: jobs that are made, and then canceled, have two each.
local function with_backlog(rig, fn)
  bare(rig, 1)
  local it = serve(rig)
  await_relayed(it)
  rabbitmq.shut_down(rig)
  local simulation = it:simulation "bus"
  own.post_sweep(it, simulation, scale.events, "shelf")
  it:post("/v1/simulations/" .. simulation .. "/cancel")
  process.eventually("all jobs to be canceled but the one that runs", function()
    return it:read("/v1/simulations/" .. simulation).counts.CANCELED == scale.events - 1
  end, 300)
  local result = fn(it)
  it:stop()
  return result
end

local function our_relay(rig)
  return with_backlog(rig, function(it)
    rig:revive()
    local before = metric(it, "orrery_relay_behind_events")
    process.eventually("the first events", function() return metric(it, "orrery_relay_behind_events") < before end, 60)
    local began, first = socket.gettime(), metric(it, "orrery_relay_behind_events")
    await_relayed(it)
    return first / (socket.gettime() - began)
  end)
end

-- Both in one run, call by call in turns: a machine that is busy delays a call by more than it takes.
local function compare_round_trips(rig)
  local it, echo = serve(rig), peers.echo(rig.url, "bare.echo")
  local ours, theirs = peers.bare_bus("call", rig.url, CALLS, "orrery.rpc", "orrery.ping", "bare.echo", "echo")
  echo:close()
  it:stop()
  return { ours = ours / 1e6, theirs = theirs / 1e6, ratio = ours / theirs }
end

return function()
  local rig = rabbitmq.start()
  report.compared("events relayed with confirms", "rate",
    rounds.compare(function() return our_relay(rig) end, function() return bare(rig, 2 * scale.events) end),
    "bare librabbitmq", { least = 0.8 })
  report.compared("round trip of a null method", "ms", compare_round_trips(rig), "bare librabbitmq", { most = 1.5 })
  rig:stop()
end
