-- Calling verbs. A call is made as one account, so what is asked for jobs of several accounts is asked in as many calls. All
-- are begun before the first is waited for: they go on side by side, while what they report is acted on in turn. Methods of
-- core.resource.
local house = require "house.resources"
local json = require "house.json"
local submission = require "orrery.core.submission"

local calls = {}

local CROWD = 512 -- reports that are acted on, and committed, at once

-- From one list to a part for each account: its items, and `at`, their places in the list; nil, where it is the whole list.
local function split(self, items, accounts)
  if not accounts or next(accounts) == nil then return { { items = items } } end
  local parts, by_name, part_of = {}, {}, {}
  for i, item in ipairs(items) do
    local name = accounts[i] or ""
    local part = by_name[name]
    if not part then
      part = { account = accounts[i], items = json.list {}, at = {} }
      parts[#parts + 1], by_name[name] = part, part
    end
    local n = #part.items + 1
    part.items[n], part.at[n], part_of[i] = item, i, part
  end
  -- What may hang again comes last.
  table.sort(parts, function(a, b) return not self:on_trial(a.account) and self:on_trial(b.account) end)
  return parts, part_of
end

local function begin(self, verb, part, request)
  if not self:can_call(part.account) then
    part.code, part.why = "unavailable", (self:why_not(part.account))
    return
  end
  request.items, request.account = part.items, part.account
  part.begun, part.call, part.code, part.why = true, house.call(self.name, verb, request, self.settings.timeout_ms)
end

-- Of many jobs that ended at once, what they left would be in memory at once, and one commit would hold up all others.
local function hand_over(reports, at, each)
  local crowd, size = {}, 0
  for i, report in pairs(reports) do
    crowd[at and at[i] or i], size = report, size + 1
    if size == CROWD then
      each(crowd)
      crowd, size = {}, 0
    end
  end
  if size > 0 then each(crowd) end
end

-- What is said of the resource's health meanwhile is said of this account.
local function finish(self, verb, part, each)
  self.calling, self.failing = part.account, false
  while part.call do
    local reports
    reports, part.code, part.why = part.call:next()
    if not reports then break end
    hand_over(reports, part.at, each)
  end
  local code, why = part.code, part.why
  if code == "timeout" then self:lost(("the plug-in hangs in %s"):format(verb))
  elseif code == "unavailable" then self:lost(why)
  elseif code ~= "ok" then self:troubled(verb, tostring(why):match "^[^\n]*")
  elseif not self.failing then self:well(verb) end
  self.calling = nil
end

---Calls a verb and hands over its reports as they come, in crowds.
---@param items table[] what it is given (schedulers/README.md)
---@param each fun(reports:table<integer, table>) by the items' places in the list
---@param accounts table<integer, string>|nil as whom it is called for an item; where there is none: as the service's own account
---@param more table|nil what the verb is given beside the items
---@return fun(i:integer):string, string|nil came_to the code with which the call of an item ended: "ok", or how the verb as a
---whole failed; and why
function calls:call(verb, items, each, accounts, more)
  local request = more or {}
  local parts, part_of = split(self, items, accounts)
  for _, part in ipairs(parts) do begin(self, verb, part, request) end
  for _, part in ipairs(parts) do
    if part.begun then finish(self, verb, part, each) end
  end
  return function(i)
    local part = part_of and part_of[i] or parts[1]
    return part.code, part.why
  end
end

---Asks about some of its jobs with a verb that takes refs.
function calls:call_on(verb, list, each, more)
  local items, accounts, operator = json.list {}, {}, self.operator_for[verb]
  for i, job in ipairs(list) do items[i], accounts[i] = submission.ref(job), operator or job.account end
  return self:call(verb, items, each, accounts, more)
end

return calls
