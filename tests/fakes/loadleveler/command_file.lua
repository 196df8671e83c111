-- The job command file as the fake LoadLeveler reads it: `# @ key = value`, any blanks before and behind the @, to `# @ queue`
-- (LONI's page, IBM's manual pages, Eclipse PTP's checks). Of the keywords that are known it knows those that can do nothing that
-- the fake does not do. A file of several steps it does not take; nor, though the real one ignores them, keywords behind the
-- queue, which can only be a user's that should not be there.
local refuse = require("queue").refuse

local command_file = {}

local function one_of(...)
  local values = {}
  for _, value in ipairs { ... } do values[value] = true end
  return function(value) return values[value] end
end

local function matches(pattern) return function(value) return value:find(pattern) end end

local path, whole, any = matches "^/", matches "^%d+$", matches "."
local is_valid = {
  job_name = function(value) return value:find "^%a[%w_]*$" and #value <= 15 end, -- ARC and UNICORE cut it to that
  comment = any, account_no = any, group = any, requirements = any, preferences = any, resources = any,
  class = any, ll_res_id = function() return false end, -- there are no reservations
  job_type = one_of("serial", "parallel"),
  node_usage = one_of("shared", "not_shared"),
  user_priority = function(value) return tonumber(value) and tonumber(value) <= 100 end, -- ARC
  wall_clock_limit = matches "^[%d:]+$",
  node = matches "^%d+$", total_tasks = whole, tasks_per_node = whole, blocking = matches "^[%du]",
  input = path, output = path, error = path, initialdir = path, shell = path,
  notification = one_of("never", "always", "start", "complete", "error"),
  restart = one_of("yes", "no"),
}

-- Eclipse PTP's checks of what excludes what.
local EXCLUDE = { { "tasks_per_node", "total_tasks" }, { "blocking", "node" }, { "blocking", "tasks_per_node" } }
local REQUIRED = { "job_name", "wall_clock_limit" } -- the real one has defaults, of its class

local function add(keywords, line)
  local key, value = line:match "^([%w_.]+)%s*=%s*(.-)%s*$"
  if not key then refuse("Syntax error: %q", line) end
  key = key:lower()
  if not is_valid[key] then refuse("Unknown keyword %q", key) end
  if not is_valid[key](value) or value:find "\\$" then refuse("%s: invalid value %q", key, value) end
  if keywords[key] then refuse("%s is given twice", key) end
  keywords[key] = value
end

---The keywords of a file.
function command_file.read(text)
  local keywords, queued = {}, false
  for line in text:gmatch "[^\n]*" do
    local directive = line:match "^%s*#%s*@%s*(.*)$"
    if directive then
      if queued then refuse("%q stands behind the queue", line) end
      if directive:find "^queue%s*$" then queued = true else add(keywords, directive) end
    end
  end
  if not queued then refuse "There is no queue statement" end
  for _, key in ipairs(REQUIRED) do
    if not keywords[key] then refuse("%s is missing", key) end
  end
  for _, pair in ipairs(EXCLUDE) do
    if keywords[pair[1]] and keywords[pair[2]] then refuse("%s excludes %s", pair[1], pair[2]) end
  end
  return keywords
end

-- "HH:MM:SS", "MM:SS" or seconds
function command_file.seconds(text)
  local total = 0
  for part in text:gmatch "%d+" do total = total * 60 + math.tointeger(part) end
  return total
end

---How many slots a step takes: one for each task, or for each processor that a task asks for.
function command_file.slots(keywords)
  local tasks = math.tointeger(keywords.total_tasks or 0)
  if tasks == 0 then tasks = math.tointeger(keywords.node or 1) * math.tointeger(keywords.tasks_per_node or 1) end
  return tasks * math.tointeger((keywords.resources or ""):match "ConsumableCpus%((%d+)%)" or 1)
end

return command_file
