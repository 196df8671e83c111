-- Keeping the log: a site may say for how many days events are kept, and how many of them. The older ones go, a chunk in a
-- commit, but never one that a reader has yet to read; and what happened to jobs that have not ended stays until they have.
-- All of it can be seen in the store, so after a crash the next round goes on.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local log = require "house.log"
local commit = require "orrery.core.commit"
local data = require "orrery.data.keeping"
local events = require "orrery.data.events"
local readers = require "orrery.data.readers"

local keeping = {}

local CHUNK, DAY_MS = 500, 24 * 3600000
local LEFT_MS = 3600000  -- between two looks at what stayed for the sake of jobs that had not ended
local FAR_MS = 600000    -- a reader that is so far behind is told of …
local AGAIN_MS = 3600000 -- … and again after so long

-- Removes events from `from` on: those older than `before`, and those up to the number `over` → the number from which on the
-- log is whole.
local function remove_old(from, before, over)
  local readers_at = readers.least() or math.maxinteger
  repeat
    local chunk = data.chunk(from, math.maxinteger, before, CHUNK)
    local last = math.min(readers_at, math.max(over, (chunk.young or (chunk.last or 0) + 1) - 1), chunk.last or 0)
    if last < from then return from end
    local change = db.change()
    data.remove(change, from, last)
    data.whole_from(change, last + 1)
    commit(change)
    from = last + 1
  until chunk.events < CHUNK or last < chunk.last
  return from
end

-- What stayed may have become free to go.
local function remove_left(below)
  local from = 0
  repeat
    local chunk = data.chunk(from, below, 0, CHUNK)
    if chunk.events > 0 then
      local change = db.change()
      data.remove(change, from, chunk.last)
      commit(change)
      from = chunk.last + 1
    end
  until chunk.events < CHUNK
end

local next_left = 0 -- when what stayed is looked at again

local function remove()
  local keep, from = config.events, events.oldest()
  local before = keep.keep_days and clock.now() - keep.keep_days * DAY_MS or 0
  local over = keep.keep_count and events.newest() - keep.keep_count or 0
  local whole = remove_old(from, before, over)
  if whole > from then log.info("events kept long enough", { from = from, to = whole - 1 }) end
  if clock.monotonic() < next_left then return end
  remove_left(whole)
  next_left = clock.monotonic() + LEFT_MS
end

local mark         -- {newest, at}: how far the log was when all readers had last come as far as it had been before
local next_warning -- nil: there is nothing to warn of

-- A reader that does not come on holds up all removal, and says so.
local function look_at_readers()
  local reader, newest, now = readers.last(), events.newest(), clock.monotonic()
  if not mark or not reader or reader.number >= mark.newest then mark = { newest = newest, at = now } end
  if now - mark.at < FAR_MS then
    if next_warning then log.info("all readers of events have caught up") end
    next_warning = nil
  elseif not next_warning or now >= next_warning then
    log.warn("a reader of events is far behind; nothing that it has yet to read is removed", { reader = reader.name,
      events = newest - reader.number, since = clock.text(clock.now() - (now - mark.at)) })
    next_warning = now + AGAIN_MS
  end
end

---One round: all that is too old now.
function keeping.run()
  look_at_readers()
  if config.events.keep_days or config.events.keep_count then remove() end
end

return keeping
