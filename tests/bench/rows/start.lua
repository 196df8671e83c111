-- From starting the program to its first answer, with nothing stored and with much; and the memory it takes then.
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"
local stock = require "bench.lib.stock"

-- Milliseconds until the first answer, and MiB after it.
local function start(data)
  local it = own.new { data = data }
  local began = socket.gettime()
  it:launch()
  while not process.read(it.data .. "/server.json") do
    assert(not it.process:ended(), "the server did not start")
    socket.sleep(0.001)
  end
  it:ready()
  it:read("/readyz", { token = false })
  local took = (socket.gettime() - began) * 1000
  local memory = own.memory(it)
  it:stop()
  return took, memory
end

local function measure(data)
  local times, memories = {}, {}
  for i = 1, scale.starts do times[i], memories[i] = start(data) end
  return rounds.median(times), rounds.median(memories)
end

return function()
  local empty_ms, empty_mib = measure(nil)
  local full_ms = measure(stock.many().data)
  report.absolute("start to first answer, nothing stored", "ms", empty_ms, 50)
  report.absolute(("start to first answer, %d jobs stored"):format(scale.stored_jobs), "ms", full_ms, 500)
  report.absolute("resident memory, idle", "mib", empty_mib, 20)
end
