-- Control verbs of LoadLeveler. Its commands say that they were sent, and end well, whatever comes of it: so the queue is looked
-- at before, since only what is ours is touched, and afterwards, some times, whether it has come true.
local queue = require "loadleveler.queue"

local steering = {}

local CROWD = 200 -- steps that one command is given
local PAUSES_MS = { 100, 200, 400, 800, 1600 }

steering.WAIT = "wait"

local function rejected(message) return { error = { class = "rejected", message = message } } end

local GONE = rejected "the scheduler has no such job any more"
local LATE = { class = "unknown", message = "LoadLeveler was told, but has not done it yet" }

-- Reports items of which it is clear what came of the wish → the places of those that still wait for it.
local function settle(items, todo, records, judge, gone, report)
  local left = {}
  for _, i in ipairs(todo) do
    local record = queue.of(records, items[i])
    local verdict = record and judge(record)
    if not record then report(i, gone)
    elseif verdict == steering.WAIT then left[#left + 1] = i
    else report(i, verdict and rejected(verdict) or {}, record) end
  end
  return left
end

-- Runs the command on steps → the error of what did not go well | nil
local function send(self, items, todo, records, argv)
  local failure
  for first = 1, #todo, CROWD do
    local command = { table.unpack(argv) }
    for n = first, math.min(first + CROWD - 1, #todo) do command[#command + 1] = queue.of(records, items[todo[n]]).id end
    failure = select(2, self.run(command, { changes = true })) or failure
  end
  return failure
end

-- Looks until all has come true, or will not → the places that are left, and why.
local function await(self, todo, failure, settle_by)
  for _, pause in ipairs(PAUSES_MS) do
    local records, why = queue.look(self)
    if not records then return todo, why end
    todo = settle_by(todo, records)
    if failure or not todo[1] then break end
    self.sleep(pause)
  end
  return todo, failure or LATE
end

---@class steering.wish
---@field argv fun(self:table):string[] the command, without the steps it is for
---@field judge fun(self:table, record:table):string|nil WAIT: it is yet to come true; nil: it is; other words: why it cannot be
---@field ends boolean|nil what is wished for is that the step goes
---@field done fun(self:table, ref:table, before:table, after:table|nil)|nil told of each that was done, of the record that it
---had before, and of the one it has

---A verb that is a command.
---@param wish steering.wish
function steering.verb(wish)
  return function(self, items, report)
    local todo, before, failure = {}, queue.look(self)
    for i in ipairs(items) do todo[i] = i end
    local function judge(record) return wish.judge(self, record) end
    local function tell(i, answer, record)
      if wish.done and not answer.error then wish.done(self, items[i], queue.of(before, items[i]), record) end
      report(i, answer)
    end
    if before then
      todo = settle(items, todo, before, judge, GONE, report)
      if not todo[1] then return end
      failure = send(self, items, todo, before, wish.argv(self))
      todo, failure = await(self, todo, failure, function(places, records)
        return settle(items, places, records, judge, wish.ends and {} or GONE, tell)
      end)
    end
    for _, i in ipairs(todo) do report(i, { error = failure }) end
  end
end

return steering
