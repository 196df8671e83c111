-- The jobs that a resource holds, and how many more it may be given. Methods of core.resource.
local clock = require "house.clock"
local jobs = require "orrery.data.jobs"

local holdings = {}

local MOST_OF_ARRAY = 1000
local SETTLE_MS = 2000 -- after a submission, before its scheduler is asked whether it ever came

local function count(self, job, more)
  local of_owner = (self.held_of[job.owner] or 0) + more
  self.held, self.held_of[job.owner] = self.held + more, of_owner > 0 and of_owner or nil
end

---Reads the jobs it holds from the store: at the start, and whenever a commit failed and memory may be ahead of it.
function holdings:load()
  self.live, self.submitting, self.held, self.held_of = {}, {}, 0, {}
  for _, job in ipairs(jobs.live(self.name)) do
    if job.native_id then self.live[job.native_id] = job
    else
      self:doubt(job, clock.now() - job.submitted_at)
      self.submitting[job.key] = job
    end
    count(self, job, 1)
  end
end

---It is not known what came of the job's submission: its scheduler will be asked.
---@param age integer|nil ms since it was submitted; negative where the clock has been set back
function holdings.doubt(_, job, age)
  job.find_at = clock.monotonic() + math.max(SETTLE_MS - math.max(age or 0, 0), 0)
end

---Room is taken for a job that is about to be submitted.
function holdings:hold(job)
  self.submitting[job.key] = job
  count(self, job, 1)
end

function holdings:submitted(job, native_id)
  self.submitting[job.key] = nil
  self.live[native_id] = job
end

---The job goes by another native id: another submission of its attempt came first.
function holdings:adopt(job, native_id)
  self.live[job.native_id] = nil
  self.live[native_id] = job
end

---The scheduler no longer holds the job.
function holdings:release(job)
  if job.native_id and self.live[job.native_id] == job then self.live[job.native_id] = nil
  elseif self.submitting[job.key] then self.submitting[job.key] = nil
  else return end
  count(self, job, -1)
end

---How many more jobs it may be given, or those of one owner.
function holdings:free(owner)
  local room, most = self.max_submitted - self.held, owner and self.settings.max_submitted_per_owner
  return most and math.min(room, most - (self.held_of[owner] or 0)) or room
end

---The most members that an array may have now; less than 2: it has none.
function holdings:most_of_array() return math.min(self.array_most, MOST_OF_ARRAY) end

---A scheduler with little room left takes fewer at once …
function holdings:turned_down(size) self.array_most = math.max(size // 2, 1) end

---… and more again when it took them.
function holdings:took(size)
  if size >= self.array_most then self.array_most = math.min(size * 2, self.info.honours.array_size or 0) end
end

return holdings
