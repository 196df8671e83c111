-- Whose turn it is: which of the pending jobs a resource is given next. Owners take turns, a job at a time; among an owner's
-- jobs the more urgent come first. Jobs wait in queues by owner and kind (core.job.spec), so those that do not fit here stand
-- in nobody's way.
local account = require "orrery.core.account"
local clock = require "house.clock"
local jobs = require "orrery.data.jobs"
local spec = require "orrery.core.job.spec"
local specification = require "orrery.core.job.specification"

local turns = {}

local MOST_KINDS = 10000 -- of which it is remembered whether they fit

-- Whether the resource can honour jobs of a queue that ask for none: one of them tells for all, and it is kept for as
-- long as the plug-in stays open.
local function fits(resource, queue)
  local info = resource.info
  local known = info.fitting
  if not known or known.count > MOST_KINDS then
    known = { count = 0 }
    info.fitting = known
  end
  if known[queue.kind] == nil then
    local row = jobs.specification(queue.key)
    if not row then return false end -- it was deleted at this moment
    known.count = known.count + 1
    known[queue.kind] = account.allowed(resource.settings, row.may_run_as)
      and spec.kind_fits(specification.of(row), info.honours, resource.name, resource.scheduler)
  end
  return known[queue.kind]
end

-- The owners of whom something may be taken, with their queues. They are in the order of their names, and the one after
-- the one whose turn it was last comes first.
local function owners_of(resource)
  local by_name, owners, now = {}, {}, clock.monotonic()
  local function add(queue)
    local room = resource:free(queue.owner)
    if room <= 0 or now < (resource.turned_away[queue.owner] or 0) then return end
    local owner = by_name[queue.owner]
    if not owner then
      owner = { name = queue.owner, queues = {}, room = room }
      by_name[queue.owner], owners[#owners + 1] = owner, owner
    end
    table.insert(owner.queues, queue)
  end
  for _, queue in ipairs(jobs.queues(resource.name)) do add(queue) end
  for _, queue in ipairs(jobs.queues(nil)) do
    if now >= (resource.elsewhere[queue.owner] or 0) and (resource.alone or fits(resource, queue)) then add(queue) end
  end
  local last = resource.last_turn or ""
  table.sort(owners, function(a, b)
    if (a.name > last) ~= (b.name > last) then return a.name > last end
    return a.name < b.name
  end)
  return owners
end

local function more_urgent(a, b)
  if a.priority ~= b.priority then return a.priority > b.priority end
  return a.key < b.key
end

-- Reads so many of an owner's jobs, if there is room for them, the most urgent of all queues. Those that take too many cores
-- wait for another resource, but for those that name this one: they are refused when they are handed over.
local function read(owner, cores, most)
  local list, more = {}, false
  most = math.min(most, owner.room)
  for _, queue in ipairs(owner.queues) do
    local rows = jobs.pending(queue, queue.resource and math.maxinteger or cores, most)
    more = more or #rows == most
    table.move(rows, 1, #rows, #list + 1, list)
  end
  if #owner.queues > 1 then table.sort(list, more_urgent) end
  owner.jobs, owner.more = list, more and most < owner.room
end

-- Reads no more than are needed: at first each owner's share, then more of those who have it.
local function read_all(owners, cores, most)
  local share = math.max(most // #owners, 1)
  repeat
    local count, more = 0, false
    for _, owner in ipairs(owners) do
      if count >= most then break end -- the others' turn comes next time
      if not owner.jobs or owner.more then read(owner, cores, share) end
      count, more = count + math.min(#owner.jobs, share), more or owner.more
    end
    share = share * 2
  until count >= most or not more
end

-- One job of each owner in every round, so a large sweep does not starve the next user.
local function take_turns(owners, most)
  local chosen, round = {}, 1
  repeat
    local any = false
    for _, owner in ipairs(owners) do
      local job = owner.jobs and round <= owner.room and owner.jobs[round]
      if job and #chosen < most then
        chosen[#chosen + 1] = job
        any = true
      end
    end
    round = round + 1
  until not any
  return chosen
end

---The jobs that go to a resource next. Reading them takes as long as there are queues and jobs to choose, not jobs that wait.
---@param resource resource its `last_turn` is the owner who had the last turn; `alone`: there is no other
function turns.choose(resource, most)
  local owners = owners_of(resource)
  if #owners == 0 then return owners end
  read_all(owners, math.tointeger(resource.info.honours.cores) or math.maxinteger, most)
  return take_turns(owners, most)
end

return turns
