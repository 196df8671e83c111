-- Altering a job of PBS's: its limit and account by qalter, its queue by qmove. Of the two each may be what lets the other
-- pass, and what one of them did is undone if the other does not.
local altering = {}

local function queue_of(attributes) return attributes.reservation_id or attributes.queue_name end

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

-- Two commands, of which the second is only worth something after the first: `back` undoes the first.
local function both(self, first, second, back)
  local result, failure = run(self, first)
  if not result then return nil, failure end
  result, failure = run(self, second)
  if result or failure.class ~= "rejected" or not back then return result, failure end
  run(self, back)
  return nil, failure
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
  local undo = arguments_of(id, attributes.duration and record.limit, attributes.account and record.account)
  local result, failure = both(self, qalter, qmove, undo)
  if result or failure.class ~= "rejected" then return result, failure end
  local done, why = both(self, qmove, qalter, { "qmove", record.queue, id })
  if done or why.class ~= "rejected" then return done, why end
  return nil, failure
end

return altering
