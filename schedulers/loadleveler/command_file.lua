-- The job command file that a submission becomes: keywords, "# @ key = value", and the batch script. They stand behind its first
-- line, before anything that a user wrote; what comes after `# @ queue` is no keyword any more, and no line of the script begins
-- like one.
local commands = require "common.commands"
local queue = require "loadleveler.queue"

local command_file = {}

-- Keywords that jobs may set. All others would take the job out of our hands, or may (the option `allowed` has more).
local CUSTOM = {}
for keyword in ([[as_limit bg_connectivity bg_size blocking bulkxfer core_limit cpu_limit data_limit energy_policy_tag file_limit
  group island_count job_cpu_limit job_type large_page mcm_affinity_options node_resources node_usage preferences requirements
  resources rset smt stack_limit task_affinity task_geometry user_priority]]):gmatch "%S+" do CUSTOM[keyword] = true end

-- And those that no option of a resource may set either.
local OURS = {}
for keyword in ("arguments comment dependency error executable hold initialdir input job_name notification output queue restart "
  .. "shell step_name"):gmatch "%S+" do OURS[keyword] = true end

local function is_allowed(config, keyword)
  if CUSTOM[keyword] or keyword:find "^network%.[%w_]+$" then return true end
  for _, more in ipairs(config.allowed or {}) do
    if more == keyword and not OURS[keyword:lower()] then return true end
  end
  return false
end

-- A line that ends with a backslash goes on in the next.
local function is_value(value) return value ~= true and commands.is_argument(value) and not tostring(value):find "\\%s*$" end

---@return string|nil problem with the keywords of a resource, each "key = value"
function command_file.check(lines)
  for _, line in ipairs(lines or {}) do
    local keyword, value = line:match "^([%w_.]+) *= *(.+)$"
    if not keyword or not is_value(value) then return ("option keywords of loadleveler: %q is not KEY = VALUE"):format(line) end
    if OURS[keyword:lower()] then return "option keywords of loadleveler cannot set " .. keyword end
  end
end

local function whole(amount, unit) return (amount + unit - 1) // unit end

-- How many tasks a node gets of a job, as far as it says.
local function tasks_on_node(r) return r.processes_per_node or whole(r.process_count or 1, r.node_count or 1) end

-- How tasks lie on nodes. Tasks a node and tasks in all exclude each other; without a number of nodes they may lie anywhere.
local function add_shape(add, r, custom)
  local parallel = (r.node_count or 1) * tasks_on_node(r) > 1
  add("job_type", parallel and "parallel" or "serial")
  if custom.task_geometry then return end
  if r.processes_per_node then
    add("node", r.node_count or whole(r.process_count or 1, r.processes_per_node))
    add("tasks_per_node", r.processes_per_node)
  elseif r.node_count then
    add("node", r.node_count)
    add("total_tasks", r.process_count)
  elseif parallel then
    add("total_tasks", r.process_count)
    add("blocking", "unlimited")
  end
end

-- Consumable resources count for each task; memory is that of a node.
local function resources_of(r, custom)
  local words = {}
  if r.cpu_cores_per_process then words[1] = ("ConsumableCpus(%d)"):format(r.cpu_cores_per_process) end
  if r.memory then
    words[#words + 1] = ("ConsumableMemory(%dmb)"):format(whole(whole(r.memory, tasks_on_node(r)), 1 << 20))
  end
  words[#words + 1] = custom and tostring(custom)
  return words[1] and table.concat(words, " ")
end

-- The keywords of a submission: a list without doubles of {key, value}; of two of a name the later counts.
local function keywords_of(config, item)
  local r, a, list, places = item.resources, item.attributes, {}, {}
  local function add(key, value)
    if value == nil then return end
    local place = places[key:lower()] or #list + 1
    places[key:lower()], list[place] = place, { key, tostring(value) }
  end
  local custom = a.custom_attributes
  add("job_name", queue.name_of(item.tag))
  add("comment", item.tag .. " " .. item.name:sub(1, 64):gsub("[^%w._-]", "_"))
  add("class", a.queue_name or config.class)
  add("account_no", a.account or config.account)
  add("ll_res_id", a.reservation_id or config.reservation)
  add("wall_clock_limit", a.duration)
  add_shape(add, r, custom)
  if r.exclusive_node_use then add("node_usage", "not_shared") end
  for _, line in ipairs(config.keywords or {}) do add(line:match "^([%w_.]+) *= *(.+)$") end
  for keyword, value in pairs(custom) do add(keyword, value) end
  add("resources", resources_of(r, custom.resources))
  for _, stream in ipairs { "input", "output", "error" } do add(stream, "/dev/null") end
  add("initialdir", "/")
  add("shell", "/bin/sh")
  add("notification", "never")
  add("restart", "no")
  return list
end

---@param config table the options of the resource
---@param item table a submission (schedulers/README.md)
---@return string|nil text
---@return string|nil why there is none
function command_file.of(config, item)
  for keyword, value in pairs(item.attributes.custom_attributes) do
    if not is_allowed(config, keyword) then return nil, ("loadleveler.%s cannot be set here"):format(keyword) end
    if not is_value(value) then
      return nil, ("loadleveler.%s must be a number, or a text of one line that does not end with a backslash"):format(keyword)
    end
  end
  local first, rest = item.batch:match "^(#![^\n]*\n)(.*)$"
  local lines = {}
  for _, keyword in ipairs(keywords_of(config, item)) do
    if not is_value(keyword[2]) then return nil, ("%s cannot be %q: it must be one line"):format(keyword[1], keyword[2]) end
    lines[#lines + 1] = ("# @ %s = %s\n"):format(keyword[1], keyword[2])
  end
  return table.concat { first or "", table.concat(lines), "# @ queue\n", rest or item.batch }
end

return command_file
