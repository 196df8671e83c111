-- Where attempts get their directories: the resource's setting `base`, in which ${home} and ${account} are those of the account
-- that runs the job. Methods of core.resource.
local files = require "orrery.core.files"
local house = require "house.resources"
local task = require "house.task"

local base = {}

-- In a task of its own: a home on a dead machine keeps nobody else waiting.
local function learn(self, homes, name)
  local known = homes[name or ""]
  local _ <close> = setmetatable({}, { __close = function() known.learning = nil end })
  local path, code, why = files.home(self.name, name, self.settings.timeout_ms)
  if self.homes ~= homes then return end -- the settings are others now
  known.path = path
  if not path then self:lose(name, ("its home is not known: %s"):format(why or code)) end
  if self.driven then house.poke(self.name) end
end

local function home_of(self, name)
  local known = self.homes[name or ""] or {}
  if not known.path and not known.learning then
    known.learning = true
    self.homes[name or ""] = known
    task.spawn(learn, self, self.homes, name)
  end
  return known.path
end

---@param account string|nil nil: the service's own
---@return string|nil path nil: it is not known yet; it is being learnt, and then the resource is poked
function base:base_of(account)
  local path = self.settings.base
  if not path:find("${", 1, true) then return path end
  local values = { account = account }
  if path:find("${home}", 1, true) then
    values.home = home_of(self, account)
    if not values.home then return nil end
  end
  return (path:gsub("%${(%l+)}", values))
end

return base
