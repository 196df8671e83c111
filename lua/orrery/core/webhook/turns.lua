-- Whose delivery is begun next: one of the owner who has the fewest under way, and of several such, of the one who was served
-- the longest ago; an owner's webhooks come one after the other. So whoever has many webhooks, or receivers that take their
-- time, holds up nobody but oneself. Pure.

---@class webhook.owner
---@field busy integer deliveries under way
---@field turn integer number of the last turn that was this owner's
---@field last integer the webhook that had it

---@class webhook.turns
---@field queues table<webhook.owner, webhook.lane[]> of each owner, those that wait for a turn
local turns = {}
turns.__index = turns

---@param lanes webhook.lane[] those that have something to send, by their keys
function turns.new(lanes)
  local self = setmetatable({ queues = {} }, turns)
  for _, lane in ipairs(lanes) do
    if lane.key > lane.owner.last then self:add(lane) end
  end
  for _, lane in ipairs(lanes) do
    if lane.key <= lane.owner.last then self:add(lane) end
  end
  return self
end

---It waits for a turn, after the others of its owner.
function turns:add(lane)
  self.queues[lane.owner] = self.queues[lane.owner] or {}
  table.insert(self.queues[lane.owner], lane)
end

---Only those wait on for which `may` is true.
---@param may fun(lane:webhook.lane):boolean
function turns:keep(may)
  for owner, lanes in pairs(self.queues) do
    local kept = {}
    for _, lane in ipairs(lanes) do kept[#kept + 1] = may(lane) and lane or nil end
    self.queues[owner] = #kept > 0 and kept or nil
  end
end

local function comes_before(a, b) return a.busy < b.busy or a.busy == b.busy and a.turn < b.turn end

---Takes the one whose turn it is | nil
---@return webhook.lane|nil
function turns:next()
  local first
  for owner in pairs(self.queues) do
    if not first or comes_before(owner, first) then first = owner end
  end
  if not first then return nil end
  local lane = table.remove(self.queues[first], 1)
  if #self.queues[first] == 0 then self.queues[first] = nil end
  return lane
end

---How many an owner must have under way to give one up, so that the shares of those who wait become fairer: as many as somebody
---has of whose webhooks one has nothing under way, or two more than somebody who could have more.
---@param has_more fun(lane:webhook.lane):boolean whether there is more to send than what is under way
function turns:too_many(has_more)
  local least = math.huge
  for owner, lanes in pairs(self.queues) do
    for _, lane in ipairs(lanes) do
      local many = owner.busy + (lane.busy > 0 and 2 or 0)
      if many < least and (lane.busy == 0 or has_more(lane)) then least = many end
    end
  end
  return least
end

return turns
