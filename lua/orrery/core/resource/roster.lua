-- The resources that the control worker drives, kept in line with the store: those of the configuration, and those that
-- come, change and go over REST. Whatever happens between two looks, the second finds what is wanted now.
local clock = require "house.clock"
local config = require "house.config"
local db = require "house.db"
local house = require "house.resources"
local json = require "house.json"
local log = require "house.log"
local reach = require "house.reach"
local data = require "orrery.data.resources"
local jobs = require "orrery.data.jobs"
local resource = require "orrery.core.resource"
local settings = require "orrery.core.settings"

local roster = {}

-- How its machine is reached from now on: files at once, its plug-in when that is opened anew.
local function lead_to(it)
  local led, _, why = reach.set(it.name, it.settings)
  if not led then it.settings.problem = it.settings.problem or why end
end

---At the start: the store is told which resources there are. → true | nil, code, sentence
function roster.begin()
  local change = db.change()
  data.begin(change, config.resources, clock.now())
  return change:commit()
end

-- Live jobs of a resource that is not there say so, and go on when it is back.
local function strand(self, names)
  local text = json.encode(names)
  if text == self.stranded_but then return end
  local change = db.change()
  jobs.strand(change, text)
  local ok, _, why = change:commit()
  if ok then self.stranded_but = text else log.warn("jobs without a resource not marked", { error = why }) end
end

---@class roster
---@field all table<string, resource> by name
local methods = {}
methods.__index = methods

function roster.new() return setmetatable({ all = {} }, methods) end

---Looks at what is wanted now.
function methods:look()
  local names, seen = json.list {}, {}
  for i, plan in ipairs(data.plans()) do
    local it = self.all[plan.name]
    if not it then
      it = resource.new(settings.of(plan))
      lead_to(it)
      it.revision, self.all[plan.name] = plan.revision, it
    elseif it.revision ~= plan.revision then
      it:change(settings.of(plan), plan.revision)
      lead_to(it)
    end
    it:obey(plan)
    names[i], seen[plan.name] = plan.name, true
  end
  for name, it in pairs(self.all) do
    it.leaving, it.alone, it.others = not seen[name], #names == 1, self.all
    if it.leaving and not it.driven then
      house.forget(name)
      reach.set(name, nil)
      self.all[name] = nil
    end
  end
  strand(self, names)
end

---The resource-status service says that something has changed about a resource; nil: about any.
function methods:ask_again(name)
  for each, it in pairs(self.all) do
    if name == nil or each == name then
      it:ask_again()
      house.poke(each)
    end
  end
end

return roster
