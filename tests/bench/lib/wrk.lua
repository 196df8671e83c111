-- What wrk runs (in LuaJIT): requests made once and then drawn at random, and a line of results for lib/load.lua.
-- Arguments are name=value: paths (a file of paths, one a line), token, body (makes it POST), pause_ms.
-- luacheck: globals init request delay done, read globals wrk

local requests = {}

function init(arguments)
  local given = {}
  for _, argument in ipairs(arguments) do
    local name, value = argument:match "^([%w_]+)=(.*)$"
    given[name] = value
  end
  local headers = { Host = wrk.headers.Host, ["Content-Type"] = given.body and "application/json" or nil,
    Authorization = given.token and "Bearer " .. given.token or nil }
  for path in io.lines(given.paths) do
    requests[#requests + 1] = wrk.format(given.body and "POST" or "GET", path, headers, given.body)
  end
  if given.pause_ms then
    local pause = tonumber(given.pause_ms)
    function delay() return pause end
  end
end

function request() return requests[math.random(#requests)] end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(("bench: sent=%d rate=%.1f p50=%.3f p99=%.3f slowest=%.3f failed=%d\n"):format(summary.requests,
    summary.requests * 1e6 / summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency.max / 1000, failed))
end
