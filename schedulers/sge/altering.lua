-- Altering a job of Grid Engine's that waits (qalter). Of one that runs qalter changes what is shown, and nothing else; and an
-- array it alters only as a whole.
local queue = require "sge.queue"

local altering = {}

local function refused(message) return nil, { class = "rejected", message = message } end

-- The list of resources of a job with another limit of its time: qalter takes it whole, and what is not in it is gone.
local function resources_with(self, id, duration)
  local result, failure = self.run { "qstat", "-xml", "-j", id }
  if not result then return nil, failure end
  local list = result.stdout:match "<JB_hard_resource_list>.-</JB_hard_resource_list>" or ""
  local resources = { "h_rt=" .. duration }
  for request in list:gmatch "<qstat_l_requests>.-</qstat_l_requests>" do
    local name, value = request:match "<CE_name>([^<]*)<", request:match "<CE_stringval>([^<]*)<"
    if name ~= "h_rt" then resources[#resources + 1] = queue.plain(name) .. (value and "=" .. queue.plain(value) or "") end
  end
  return table.concat(resources, ",")
end

---@param id string a native id that is ours
---@param record table what the queue has of it
---@param attributes table what it is to have (schedulers/README.md)
---@return table|nil result
---@return table|nil failure
function altering.alter(self, id, record, attributes)
  if id:find(".", 1, true) then return refused "Grid Engine alters no single element of an array" end
  if record.state:find "[rtsST]" then return refused "Grid Engine alters only jobs that wait" end
  local argv, resources, failure = { "qalter" }
  local function add(option, value)
    if value then argv[#argv + 1], argv[#argv + 2] = option, value end
  end
  if attributes.duration then
    resources, failure = resources_with(self, id, attributes.duration)
    if failure then return nil, failure end
  end
  add("-l", resources)
  add("-q", attributes.queue_name)
  add("-P", attributes.account)
  add("-ar", attributes.reservation_id)
  argv[#argv + 1] = id
  return self.run(argv, { changes = true })
end

return altering
