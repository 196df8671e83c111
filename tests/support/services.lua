-- Stands for the bus in specs of what asks services over it: what they answer is a function, time is set by hand, and tasks are
-- coroutines. `require` it before the module under test, and after support.house.
local house = require "support.house"

local services = { now = 1000, logged = {}, counted = {}, calls = {}, subscribed = {} }

---What a call comes to: fun(method, request) → body, content type | nil, code, sentence
services.answer = nil

-- Tasks that wait: they go on by `services.go_on`.
local waiting = {}

---Runs a function as a task; one that waits goes on later.
function services.task(run, ...)
  local thread = coroutine.create(run)
  local function step(...)
    local ok, why = coroutine.resume(thread, ...)
    if not ok then error(why, 0) end
    if coroutine.status(thread) ~= "dead" then waiting[#waiting + 1] = step end
  end
  step(...)
end

---Lets all that wait go on, in the order in which they began to.
function services.go_on()
  local list = waiting
  waiting = {}
  for _, step in ipairs(list) do step() end
end

local gate = {}
gate.__index = gate
function gate:open() self.opened = true end
function gate:wait()
  while not self.opened do coroutine.yield() end
  return true
end

house.clock.monotonic = function() return services.now end
house.clock.now = function() return services.now end
package.loaded["house.clock"] = house.clock
package.loaded["house.task"] = { gate = function() return setmetatable({}, gate) end, spawn = services.task }
package.loaded["house.digest"] = { sha256 = function(text) return "digest of " .. text end }
package.loaded["house.server"] = { count = function(name) services.counted[name] = (services.counted[name] or 0) + 1 end }
package.loaded["house.log"] = setmetatable({}, { __index = function(_, level)
  return function(message, fields)
    services.logged[#services.logged + 1] = level .. ": " .. message .. " " .. house.json.encode(fields)
  end
end })
package.loaded["house.bus"] = {
  kind = function() return "rabbitmq" end,
  subscribe = function(pattern, action) services.subscribed[pattern] = action end,
  call = function(name, method, body, options)
    services.calls[#services.calls + 1] = { service = name, method = method, body = body, timeout_ms = options.timeout_ms }
    if coroutine.isyieldable() and services.slow then coroutine.yield() end
    return services.answer(method, house.json.decode(body))
  end,
}

function services.json(value) return house.json.encode(value), "application/json" end
function services.problem(status, detail)
  return house.json.encode { type = "/problems/x", status = status, detail = detail }, "application/problem+json"
end

function services.reset()
  services.now = services.now + 10000000
  services.logged, services.counted, services.calls, services.slow = {}, {}, {}, false
end

return services
