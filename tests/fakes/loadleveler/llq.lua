-- llq -r CATEGORY… [ID…], one line a step, fields joined by "!" (UNICORE, radical.saga); llq -l ID…, as recorded on AIX in
-- 2016 by the weather service whose monitor reads it; llq -v, whose second word is the version (ARC, radical.saga). When there is
-- nothing to show it says so, and ends with 0 (Cylc, radical.saga, XtalOpt).
local function date(format, seconds) return seconds and os.date(format, seconds) or "" end

local SHORT, LONG = "%m/%d/%Y %H:%M", "%a %b %e %H:%M:%S %Y"

local categories = {
  ["%id"] = function(queue, step) return queue.id(step) end,
  ["%st"] = function(_, step) return step.state end,
  ["%c"] = function(_, step) return step.keywords.class end,
  ["%o"] = function(_, step) return step.owner end,
  ["%jn"] = function(_, step) return step.keywords.job_name end,
  ["%dq"] = function(_, step) return date(SHORT, step.queued_at) end,
  ["%dd"] = function(_, step) return date(SHORT, step.dispatched_at) end,
  ["%cc"] = function(_, step) return tostring(step.code or "") end,
  ["%h"] = function(_, step) return step.dispatched_at and "node1" or "" end,
}

local NAMES = { I = "Idle", D = "Deferred", NQ = "Not Queued", H = "User Hold", S = "System Hold", HS = "User and System Hold",
  ST = "Starting", R = "Running", E = "Preempted", RP = "Remove Pending", RM = "Removed", CA = "Canceled", C = "Completed" }

local function raw(queue, steps, wanted)
  local lines = {}
  for n, step in ipairs(steps) do
    local values = {}
    for i, name in ipairs(wanted) do values[i] = categories[name](queue, step) end
    lines[n] = table.concat(values, "!") .. "\n"
  end
  return table.concat(lines)
end

local function long(queue, steps)
  local lines = {}
  local function add(key, value) lines[#lines + 1] = ("%26s: %s"):format(key, value or "") end
  for _, step in ipairs(steps) do
    lines[#lines + 1] = ("===== Job Step %s ====="):format(queue.id(step))
    add("Job Step Id", queue.id(step))
    add("Job Name", step.keywords.job_name)
    add("Owner", step.owner)
    add("Queue Date", date(LONG, step.queued_at))
    add("Status", NAMES[step.state])
    add("Dispatch Time", date(LONG, step.dispatched_at))
    add("Completion Date", date(LONG, step.ended_at))
    add("Completion Code", step.code)
    add("Notifications", "Never")
    add("Env")
    add("Step Type", "Serial")
    add("Class", step.keywords.class)
    add("Wall Clk Hard Limit", ("%02d:%02d:%02d (%d seconds)"):format(step.limit // 3600, step.limit // 60 % 60, step.limit % 60,
      step.limit))
    add("Comment", step.keywords.comment)
    add("Account", step.keywords.account_no)
    lines[#lines + 1] = ("-"):rep(80)
  end
  return table.concat(lines, "\n") .. ("\n\n%d job step(s) in query, 0 waiting, 0 pending, 0 running, 0 held, 0 preempted\n")
    :format(#steps)
end

return function(queue, arguments)
  local how, wanted, steps, named = nil, {}, {}, false
  for _, word in ipairs(arguments) do
    if word:find "^%-" then
      if how or not (word == "-r" or word == "-l" or word == "-v") then queue.refuse("Invalid option %s", word) end
      how = word
    elseif how == "-r" and word:find "^%%" then
      if not categories[word] then queue.refuse("Invalid category %s", word) end
      wanted[#wanted + 1] = word
    else
      named = true
      steps[#steps + 1] = queue:step(word)
    end
  end
  if how == "-v" then return "llq 5.1.0.17 fake\n" end
  if not how or how == "-r" and #wanted == 0 then queue.refuse "No categories" end
  if not named then steps = queue.data.steps end
  if #steps == 0 then return "llq: There is currently no job status to report.\n" end
  return how == "-r" and raw(queue, steps, wanted) or long(queue, steps)
end
