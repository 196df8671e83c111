-- Altering a job of PBS's: its limit and account by qalter, its queue by qmove. What one of them did is undone if PBS refuses the
-- other.
local time = require "common.time"

local altering = {}

-- A reservation is a queue.
local function queue_of(attributes)
  return attributes.reservation_id and attributes.reservation_id:match "^[^.]*" or attributes.queue_name
end

-- The arguments of qalter | nil: there is nothing for it
local function arguments_of(id, duration, account)
  if not duration and not account then return nil end
  local argv = { "qalter" }
  if duration then table.move({ "-l", "walltime=" .. duration }, 1, 2, #argv + 1, argv) end
  if account then table.move({ "-A", account }, 1, 2, #argv + 1, argv) end
  argv[#argv + 1] = id
  return argv
end

local function run(self, argv) return self.run(argv, { changes = true }) end

-- Two commands, both or none: `back` undoes the first, if anything can.
local function both(self, first, second, back)
  local result, failure = run(self, first)
  if not result then return nil, failure end
  result, failure = run(self, second)
  if not result and failure.class == "rejected" and back then run(self, back) end
  return result, failure
end

---@param id string a native id that is ours
---@param record table what PBS has of it
---@param attributes table what it is to have (schedulers/README.md)
---@return table|nil result
---@return table|nil failure
function altering.alter(self, id, record, attributes)
  local qalter, queue = arguments_of(id, attributes.duration, attributes.account), queue_of(attributes)
  local qmove = queue and queue ~= record.queue and { "qmove", queue, id }
  if not qalter or not qmove then
    if not qalter and not qmove then return {} end
    return run(self, qalter or qmove)
  end
  -- A longer time may be what the new queue allows alone, a shorter one what it asks for.
  local longer = attributes.duration and attributes.duration > (time.span(record.limit) or math.huge)
  if longer then return both(self, qmove, qalter, { "qmove", record.queue, id }) end
  return both(self, qalter, qmove, arguments_of(id, attributes.duration and record.limit, attributes.account and record.account))
end

return altering
