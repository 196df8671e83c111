-- For those who watch the server: alive, ready, and in numbers.
local bus = require "house.bus"
local clock = require "house.clock"
local config = require "house.config"
local json = require "house.json"
local server = require "house.server"
local answer = require "orrery.api.answer"
local data = require "orrery.data.resources"
local events = require "orrery.data.events"
local readers = require "orrery.data.readers"

local STILL_MS = 10000 -- a control loop that has not gone round for so long stands still

local function healthz() return answer.json(200, '{"status":"ok"}') end

local function unready(detail) return answer.json(503, json.encode { status = "unready", detail = detail }) end

-- The server does its work without the broker, too: events wait for it.
local function state_of_bus()
  local state = bus.state()
  return { state = state.blocked and "blocked" or state.up and "up" or "down", since = clock.text(state.since) }
end

local function readyz()
  local age, trouble = server.beat_age(), server.trouble()
  if age > STILL_MS then return unready(("the control loop has stood still for %d ms"):format(age)) end
  if trouble then return unready("nothing can be stored: " .. trouble) end
  if bus.kind() == "embedded" then return answer.json(200, '{"status":"ready"}') end
  return answer.json(200, json.encode { status = "ready", bus = state_of_bus() })
end

local function put(out, name, kind, help, value)
  out[#out + 1] = ("# HELP orrery_%s %s\n# TYPE orrery_%s %s\norrery_%s %s\n"):format(name, help, name, kind, name, value)
end

local function put_answers(out, m)
  out[#out + 1] = "# HELP orrery_http_answers_total answers by class of status\n# TYPE orrery_http_answers_total counter\n"
  for class = 1, 5 do
    out[#out + 1] = ('orrery_http_answers_total{class="%dxx"} %d\n'):format(class, m.answers[class])
  end
  out[#out + 1] = "# HELP orrery_http_seconds time from request to the end of its answer, but for streams of events\n"
    .. "# TYPE orrery_http_seconds histogram\n"
  local sum = 0
  for _, bucket in ipairs(m.within) do
    sum = sum + bucket[2]
    out[#out + 1] = ('orrery_http_seconds_bucket{le="%s"} %d\n'):format(bucket[1], sum)
  end
  out[#out + 1] = ("orrery_http_seconds_sum %.6f\norrery_http_seconds_count %d\n"):format(m.answer_ns / 1e9, sum)
end

local function put_resources(out)
  out[#out + 1] = "# HELP orrery_resource_up whether a resource answers\n# TYPE orrery_resource_up gauge\n"
  for _, row in ipairs(data.all()) do
    out[#out + 1] = ('orrery_resource_up{resource="%s",scheduler="%s"} %d\n'):format(row.name, row.scheduler,
      row.state == "up" and 1 or 0)
  end
end

-- How far the log has come, and those who read it.
local function put_events(out)
  local newest, relay, last = events.newest(), readers.get "relay", readers.last()
  put(out, "events_total", "counter", "events that were ever appended to the log", newest)
  put(out, "events_unread", "gauge", "events that the last of those who must have all has yet to deal with",
    last and math.max(newest - last.number, 0) or 0)
  if relay then
    put(out, "relay_behind_events", "gauge", "events that the broker has yet to confirm", math.max(newest - relay, 0))
  end
end

local function put_bus(out)
  if bus.kind() == "embedded" then return end
  local state = bus.state()
  put(out, "bus_up", "gauge", "whether there is a connection to the broker", state.up and 1 or 0)
  put(out, "bus_blocked", "gauge", "whether the broker takes nothing at present", state.blocked and 1 or 0)
  put(out, "bus_connects_total", "counter", "connections made to the broker", state.connects)
  put(out, "bus_published_total", "counter", "events handed to the broker, those that were repeated among them", state.published)
  put(out, "bus_confirmed_total", "counter", "events that it has confirmed", state.confirmed)
end

local function metrics()
  local m, out = server.metrics(), {}
  put_answers(out, m)
  put(out, "http_answer_bytes_total", "counter", "bytes of answers", m.answer_bytes)
  put(out, "http_handler_failures_total", "counter", "handlers that threw or went over a budget", m.handler_failures)
  put(out, "hook_failures_total", "counter", "hooks of the site that threw, looped or returned nonsense", m.hook_failures)
  put(out, "rpc_calls_total", "counter", "calls of Orrery's methods over the bus", m.rpc_calls)
  put(out, "rpc_refusals_total", "counter", "those answered with a problem of the caller's making", m.rpc_refusals)
  put(out, "service_calls_total", "counter", "calls of the site's services over the bus", m.service_calls)
  put(out, "service_failures_total", "counter", "those without an answer, or with what is none", m.service_failures)
  put(out, "event_streams", "gauge", "streams of events that are open", m.streams)
  put(out, "webhook_tries_total", "counter", "deliveries of webhooks that were tried", m.webhook_tries)
  put(out, "webhook_failures_total", "counter", "those that were not taken", m.webhook_failures)
  put(out, "store_commits_total", "counter", "commits", m.store_commits)
  put(out, "store_groups_total", "counter", "transactions, each of one commit or more", m.store_groups)
  put(out, "store_conflicts_total", "counter", "commits whose guard failed", m.store_conflicts)
  put(out, "store_errors_total", "counter", "commits that failed otherwise", m.store_errors)
  put(out, "store_rows_total", "counter", "rows changed", m.store_rows)
  put(out, "store_queued", "gauge", "commits waiting now", m.store_queued)
  put(out, "store_group_seconds_max", "gauge", "the slowest transaction", ("%.6f"):format(m.store_group_ns_max / 1e9))
  put(out, "store_wal_bytes", "gauge", "size of the write-ahead log", m.store_wal_bytes)
  put(out, "control_beat_age_seconds", "gauge", "since the control loop last went round", ("%.3f"):format(server.beat_age() / 1000))
  put(out, "process_memory_peak_bytes", "gauge", "largest resident size", m.memory_peak_bytes)
  put(out, "process_cpu_seconds_total", "counter", "processor time", ("%.3f"):format((m.cpu_user_us + m.cpu_system_us) / 1e6))
  put(out, "process_start_time_seconds", "gauge", "when it started", ("%.3f"):format(m.started_ms / 1000))
  put_events(out)
  put_bus(out)
  put_resources(out)
  return 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", table.concat(out)
end

return {
  { method = "GET", path = "/healthz", rpc = "ping", summary = "Whether the server runs", open = true, handler = healthz,
    response = "status" },
  { method = "GET", path = "/readyz", rpc = "ready", summary = "Whether it does its work", open = true, handler = readyz,
    response = "status" },
  { method = "GET", path = "/metrics", summary = "Counters, for Prometheus", open = config.metrics_open, handler = metrics,
    response = "text" },
}
