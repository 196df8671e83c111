-- The streams of events that are open on this worker. One task reads the log on as it grows and tells each event to those who
-- have all before it (house.feed finds them); another sends those who are behind, since they began further back or take what
-- they are sent slowly, what they lack, out of the log, a little at a time, until they have caught up. So an event is written
-- down once, however many streams it goes to, and no stream costs a task.
local alive = require "orrery.core.alive"
local changes = require "house.changes"
local clock = require "house.clock"
local feed = require "house.feed"
local ids = require "house.ids"
local log = require "house.log"
local task = require "house.task"
local bits = require "orrery.core.event.bits"
local cloud = require "orrery.core.event.cloud"
local events = require "orrery.data.events"
local permits = require "orrery.api.permits"

local streams = {}

local CHUNK = 100        -- events of one read …
local WINDOW = 2000      -- … among so many numbers of the log
local ENOUGH = 65536     -- bytes of their data; they are for one stream, in its turn
local IDLE_MS = 1000
local SLICE_MS = 5       -- of helping those behind, between two turns of everybody else
local TROUBLE_MS = 1000
local KEPT = 4 << 20     -- bytes of events as they were written down last: many streams are behind by the same ones

local frames, framed = {}, 0

-- An event that cannot be written down moves the client on, as a heartbeat does.
local function frame(row)
  local text = frames[row.number]
  if text then return text end
  local event = cloud.text(row)
  text = event and ("id: %d\nevent: %s\ndata: %s\n\n"):format(row.number, row.type, event) or ("id: %d\n\n"):format(row.number)
  if framed + #text > KEPT then frames, framed = {}, 0 end
  frames[row.number], framed = text, framed + #text
  return text
end

-- Owners have numbers here: those who listen, and those whom somebody listens to.
local numbers, owners = {}, {}

local function number_of(owner)
  if owner and not numbers[owner] then
    owners[#owners + 1] = owner
    numbers[owner] = #owners
  end
  return owner and numbers[owner]
end

local function key_or_0(value) return math.tointeger(value) or 0 end

-- An event as house.feed takes it.
local function about(row)
  local type_bit, state_bit = bits.of(row)
  return row.number, type_bit, state_bit, numbers[row.owner] or 0, key_or_0(row.simulation), key_or_0(row.job), events.jobs(row)
end

local function close(key)
  if key_or_0(key) > 0 then feed.close(key) end
end

-- What an event means for the streams themselves.
local ends = {}
ends["simulation.deleted"] = function(row) close(row.simulation) end
ends["job.deleted"] = function(row) close(row.job) end
ends["token.revoked"] = function(row)
  local text = events.words(row).token_id
  local token = type(text) == "string" and ids.key(text)
  if token then feed.revoke(permits.of_token(token)) end
end

local function tell_those_who_want_it(row, ...) return not feed.wants(...) or feed.tell(frame(row), ...) end

-- → false when so much was told that the loop should have a turn
local function tell(row)
  local little = tell_those_who_want_it(row, about(row))
  feed.number(row.number)
  if ends[row.type] then ends[row.type](row) end
  return little
end

-- Whether keeping has been faster than what was just read, of which something may be missing then.
local function is_overtaken(number) return number + 1 < events.oldest() end

-- What follows in the log. All streams end if that is not all that followed: their clients come again, and are told so.
local function read_more()
  local rows = events.after(feed.number(), CHUNK)
  if not is_overtaken(feed.number()) then return rows end
  feed.finish()
  feed.number(events.oldest() - 1)
  return read_more()
end

-- Reads the log on while anybody listens.
local function read_on()
  while feed.streams() > 0 and not changes.ending() do
    local rows = read_more()
    for _, row in ipairs(rows) do
      if not tell(row) then task.sleep(0) end
    end
    if #rows == 0 then changes.wait(IDLE_MS) end
  end
  feed.finish()
end

-- What the stream whose turn it is lacks → rows, and the number up to which these are all.
local function read_what_lacks(owner, simulation, job, number, last)
  if job > 0 then return events.about_job(job, number, last, CHUNK, ENOUGH) end
  last = math.min(last, number + WINDOW)
  return events.between(number, last, owners[owner], simulation > 0 and simulation or nil, CHUNK, ENOUGH)
end

local function help_one(owner, simulation, job, number)
  local rows, reached = read_what_lacks(owner, simulation, job, number, feed.number())
  if is_overtaken(number) then return feed.drop() end
  for _, row in ipairs(rows) do
    if feed.fits(about(row)) then feed.send(frame(row)) end
  end
  feed.reached(reached)
end

local function help()
  while true do
    local over = clock.monotonic() + SLICE_MS
    repeat help_one(feed.behind()) until clock.monotonic() >= over
    task.sleep(0)
  end
end

local running = {}

-- Runs a task for as long as it has something to do, whatever happens to it.
local function keep_running(name, run)
  if alive(running[name]) then return end
  task.spawn(function()
    local _ <close> = setmetatable({}, { __close = function() running[name] = nil end })
    running[name] = coroutine.running()
    while true do
      local fine, why = xpcall(run, debug.traceback)
      if fine then return end
      log.error(name .. " failed", { error = why })
      task.sleep(TROUBLE_MS)
    end
  end)
end

-- One that ran for too long and was thrown out is missed by the last of them, now and then.
local function run_all()
  keep_running("reading on for streams", read_on)
  keep_running("helping streams", help)
  keep_running("looking at permits", function() permits.look(run_all) end)
end

---How many are open.
streams.count = feed.streams

---How many of these a principal's owner has.
function streams.count_of(principal) return feed.streams(number_of(principal.owner)) end

---Takes over the answer to a request, which was begun: its client has all events up to a number.
---@param token string|nil what the request bears; nil: a ticket, which came from the principal's token
---@param filter {owner:string|nil, simulation:integer|nil, job:integer|nil, types:string[]|nil, states:string[]|nil}
function streams.open(request, principal, token, filter, number)
  if feed.streams() == 0 then feed.number(events.newest()) end
  feed.add(request, { owner = number_of(filter.owner), simulation = filter.simulation, job = filter.job,
    types = bits.of_types(filter.types), states = bits.of_states(filter.states) },
    { holder = number_of(principal.owner), permit = permits.of(principal, token), expires_at = principal.expires_at }, number)
  run_all()
end

return streams
