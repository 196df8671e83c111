-- What specs of the bus need beside a broker: strangers in Python who call and serve, and the examples, each a process of its own.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local bus = {}

local PYTHON = "/usr/bin/python3"
local quote = process.quote

---The server's configuration of its bus, and what else is given.
function bus.configuration(rig, more) return ("bus = { url = %q, heartbeat_s = 2 }\n%s"):format(rig.url, more or "") end

---Waits until the server has its broker.
function bus.ready(rig, name)
  process.eventually("the queue orrery.rpc", function()
    return rig:run("rabbitmqctl -q list_queues -p /orrery name consumers"):find((name or "orrery.rpc") .. "%s+[1-9]")
  end)
end

---Starts a Python program → the process; its directory, which may be there already, has what it says.
function bus.start(arguments, folder)
  folder = folder or process.temporary()
  return process.start(("env PYTHONDONTWRITEBYTECODE=1 %s -u %s"):format(PYTHON, arguments), folder)
end

---Kills it and takes away what it wrote.
function bus.stop(it)
  if not it:ended() then it:signal "KILL" end
  it:wait()
  it:close()
  process.run("rm -rf " .. quote(it.directory))
end

---Makes calls, all at once, without waiting → a function that waits for their answers {status, type, body}, in order; nil for those
---that have none in time.
---@param calls table[] as tests/support/bus_caller.py takes them
function bus.begin(rig, calls, seconds)
  local folder, lines = process.temporary(), {}
  for i, call in ipairs(calls) do lines[i] = http.encode(call) end
  process.write(folder .. "/calls", table.concat(lines, "\n") .. "\n")
  local it = bus.start(("%s/tests/support/bus_caller.py %s %g %s/calls"):format(quote(server.top), quote(rig.url), seconds or 30,
    folder), folder)
  return function()
    local code, text, log = it:wait(seconds and seconds + 30), process.read(folder .. "/out"), process.read(folder .. "/log")
    bus.stop(it)
    assert(code == 0, log)
    local answers = http.decode(text)
    for i = 1, #calls do
      if answers[i] == http.null then answers[i] = nil end
    end
    return answers
  end
end

---The same, and waits.
function bus.calls(rig, calls, seconds) return bus.begin(rig, calls, seconds)() end

---One call of a method by whose token → its answer.
function bus.call(rig, token, method, params, body, more)
  local call = { method = "orrery." .. method, message = { token = token, params = params, body = body } }
  for name, value in pairs(more or {}) do call[name] = value end
  return bus.calls(rig, { call })[1]
end

---A service that misbehaves (tests/support/bus_liar.py).
function bus.liar(rig, service)
  local folder = process.temporary()
  local file = folder .. "/liar"
  process.write(file, "silent")
  local it = bus.start(("%s/tests/support/bus_liar.py %s %s %s"):format(quote(server.top), quote(rig.url), service, file), folder)
  it.file = file
  process.eventually("a liar", function() return (process.read(it.directory .. "/out") or ""):find "serving" end)
  return it
end

---Tells it what to do from now on.
function bus.behave(liar, words)
  process.write(liar.file .. ".next", words)
  os.rename(liar.file .. ".next", liar.file)
end

---How often it was asked.
function bus.asked(liar) return tonumber(process.read(liar.file .. ".calls") or 0) end

---An example that serves, with a file that says what.
function bus.example(rig, name, option, file)
  return bus.start(("%s/examples/%s.py --url %s --%s %s"):format(quote(server.top), name, quote(rig.url), option, quote(file)))
end

return bus
