-- Streams of events: what ten thousand open ones take of memory, how long an event takes to reach one of them, and to reach
-- all of them.
local listeners = require "support.listeners"
local own = require "bench.lib.own"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"
local stream = require "support.stream"

-- Milliseconds from a request that creates something to its event at a client; and, of others, to their answers, which are sent
-- when their commits are on the disk.
local function delivery(it)
  local events, connection = stream.open(it, "/v1/events?type=simulation.created"), it:connect()
  local function event() assert(events:next()) end
  local function answer() assert(connection:receive()) end
  local function time(first, second)
    local began = socket.gettime()
    it:send("POST", "/v1/simulations", { body = { name = "timed" }, connection = connection })
    first()
    local took = (socket.gettime() - began) * 1000
    second()
    return took
  end
  local to_event, to_answer = {}, {}
  for i = 1, scale.streamed do to_event[i], to_answer[i] = time(event, answer), time(answer, event) end
  events:close()
  connection:close()
  return { ours = rounds.median(to_event), theirs = rounds.median(to_answer) }
end

return function()
  local it = own.start()
  report.delayed("a commit's event at a client, idle", delivery(it), "the answer to who commits", 5)
  local clients = listeners.start(it, "/v1/events", scale.streams)
  local what = ("%d streams of events"):format(scale.streams)
  report.absolute("resident memory with " .. what, "mib", own.memory(it), 150)
  local _, seconds = clients:reached_by("to_all", function() it:simulation "to_all" end)
  report.absolute("commit to its event at the last of these", "ms", seconds * 1000, 1000)
  report.absolute("resident memory after that", "mib", own.memory(it), 150)
  clients:close()
  it:stop()
end
