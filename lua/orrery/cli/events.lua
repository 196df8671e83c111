-- `orrery events`: what happens, line by line while it happens. Outlives restarts of the server, and lost connections: it goes
-- on behind the last event that it has printed.
local event_stream = require "orrery.cli.event_stream"
local exit = require "orrery.cli.exit"
local json = require "house.json"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"
local several = require "orrery.cli.several"
local style = require "orrery.cli.style"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local events = {
  name = "events",
  summary = "print what happens, while it happens",
  client = true,
}

local FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 250, 10000 -- before a connection that was lost is made again

function events.declare(command)
  command:option("--simulation", "only what happens to this simulation and its jobs"):argname "ID"
  command:option("--job", "only what happens to this job"):argname "ID"
  several.declare(command, "--type", "only events of this type, such as job.state, or job.*", "TYPE", "types")
  several.declare(command, "--state", "only jobs and simulations coming to this state", "STATE", "states")
  command:option("--owner", "only what is theirs; for operators and administrators"):argname "OWNER"
  command:option("--after", "begin behind the event of this number; 0: with the first that is kept"):argname "NUMBER"
  command:epilog "Goes on until Ctrl-C. --json prints each event as a line of CloudEvents."
end

-- Members of an event's data that the line tells elsewhere, or in an order of their own.
local placed = { job_id = true, simulation_id = true, from = true, to = true, reason = true, message = true }

local function step_of(data)
  local to = style.state(data.to, text.clean(data.to), style.wanted(1))
  return data.from and text.clean(data.from) .. " > " .. to or to
end

-- What happened, in words: from one state to another and why, and whatever else the event tells.
local function words_of(data)
  local words, others = { data.to and step_of(data) }, {}
  for name, value in pairs(data) do
    if not placed[name] then
      others[#others + 1] = name .. " " .. (type(value) == "table" and json.encode(value) or tostring(value))
    end
  end
  table.sort(others)
  for _, word in ipairs { data.reason or "", table.unpack(others) } do
    if word ~= "" then words[#words + 1] = text.clean(word) end
  end
  words[#words + 1] = data.message and text.clean(data.message)
  return table.concat(words, ", ")
end

local function print_line(event)
  local said = session.decode(event.data)
  local line = ("%s  %-18s %s  %s"):format(quantity.time(said.time), text.clean(event.type), text.clean(said.subject or ""),
    words_of(said.data))
  out.line((line:gsub("%s+$", "")))
end

local function print_json(event) out.json(event.data) end

-- Ends, with its reason, what will not be otherwise when it is tried again.
local function check(opened, status, headers, body)
  local may_pass = opened.answered and (not status or status == 0 or status == 502 or status == 503 or status == 504)
  if not may_pass then opened:check(nil, status, headers, body) end
end

-- What the server says of it, if it says something.
local function say_trying(body)
  local told = json.decode(body or "")
  local why = type(told) == "table" and type(told.detail) == "string" and ": " .. text.clean(told.detail) or ""
  out.say(("orrery: no events from the server%s; trying again"):format(why:gsub("%.$", "")))
end

---Prints events until a signal is caught.
local function follow(opened, query, show)
  local pause, said = FIRST_PAUSE_MS, false
  local stream = event_stream.new(show)
  while not opened.caught() do
    local came = false
    stream:begin()
    local status, headers, body = opened:send { path = "/v1/events", query = query, accept = "text/event-stream",
      last_event_id = stream.id, sink = function(bytes)
        came, said = true, false
        stream:feed(bytes)
      end }
    if opened.caught() then return end
    check(opened, status, headers, body)
    if not came and not said then
      say_trying(body)
      said = true
    end
    pause = came and FIRST_PAUSE_MS or math.min(pause * 2, LONGEST_PAUSE_MS)
    terminal.sleep(pause)
    opened:find_again()
  end
end

function events.run(arguments)
  local opened = session.open(arguments)
  opened:catch_signals()
  follow(opened, { simulation = arguments.simulation, job = arguments.job, type = several.text(arguments.types),
    state = several.text(arguments.states), owner = arguments.owner, after = arguments.after }, arguments.json and print_json or print_line)
  return exit.by_signal(terminal.caught())
end

return events
