-- How a resource is by the word of the site's resource-status service, where that is asked instead of the plug-in. It is asked in
-- a task beside the resource's own, which goes on meanwhile, and takes the answer in its next round. While it says "down" no jobs
-- are handed over, and all else is done for those that are there. Whether the scheduler's commands answer is another matter.
-- Methods of core.resource.
local clock = require "house.clock"
local config = require "house.config"
local house = require "house.resources"
local service = require "orrery.core.service.resource_status"
local task = require "house.task"

local told = {}

local settings = config.resource_status
local LIFETIME_MS, GRACE_MS = settings.lifetime_s * 1000, (math.tointeger(settings.away) or 0) * 1000
local AGAIN_MS = 5000 -- after an inquiry without an answer
local LEFT_MS = 5000 -- after its time-out an inquiry that has not come back is given up

---Whether the service tells how this resource is.
function told:is_told() return service.is_external(self.settings) end

---It is to be asked anew, whatever was asked before.
function told:ask_again() self.inquiry, self.next_status = self.inquiry + 1, 0 end

local function inquire(self, number)
  local report, why = service.ask(self.name, self.scheduler)
  if number ~= self.inquiry then return end -- another was begun meanwhile, which knows better
  self.heard = { report = report, why = why, at = clock.now() }
  self.next_status = clock.monotonic() + (report and LIFETIME_MS or math.min(LIFETIME_MS, AGAIN_MS))
  house.poke(self.name)
end

local function open(self)
  if self.closed then self:well "status" end
  self.closed = false
end

local function believe(self, report)
  local why = report.message or "the resource-status service says so"
  self.told_until = clock.monotonic() + LIFETIME_MS + GRACE_MS
  self.status = report
  if report.state == "down" then return self:close_for(why) end
  open(self)
  if report.state == "degraded" then self:troubled("status", why) else self:untroubled "status" end
end

-- Nothing is known now: jobs are handed over, and the scheduler has the last word.
local function know_nothing(self, why)
  local words = "the resource-status service does not say how it is: " .. why
  self.status = { message = words }
  open(self)
  self:troubled("status", words)
end

---Takes what the service has said since, and has it asked when that is due.
function told:hear()
  local heard, now = self.heard, clock.monotonic()
  self.heard = nil
  if heard and heard.report then
    heard.report.observed_at = heard.at
    believe(self, heard.report)
  elseif heard and now >= self.told_until then know_nothing(self, heard.why) end
  if now < self.next_status then return end
  self.inquiry, self.next_status = self.inquiry + 1, now + settings.timeout_ms + LEFT_MS
  task.spawn(inquire, self, self.inquiry)
end

return told
