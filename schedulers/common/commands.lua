-- What plug-ins that live by a scheduler's commands share: running one and telling what kind of failure its words are,
-- submitting side by side, and control verbs on many jobs at a time.
local commands = {}

local CROWD = 200 -- jobs that one command is given
local LONGEST = 4096 -- bytes of a word that a user gives for a command

local is_of = {
  text = function(value) return type(value) == "string" end,
  ["whole number"] = function(value) return math.type(value) == "integer" end,
  ["list of texts"] = function(value)
    if type(value) ~= "table" then return false end
    for i, word in pairs(value) do
      if math.type(i) ~= "integer" or type(word) ~= "string" then return false end
    end
    return true
  end,
}

---@param options table<string, string> the options that the plug-in has: text, whole number, or list of texts
---@return string|nil problem with what is configured
function commands.check_options(config, scheduler, options)
  local names = {}
  for name in pairs(options) do names[#names + 1] = name end
  table.sort(names)
  for name, value in pairs(config) do
    local kind = options[name]
    if not kind and name ~= "timeout_ms" then
      return ("%s has no option %s; it has %s"):format(scheduler, name, table.concat(names, ", "))
    end
    if kind and not is_of[kind](value) then return ("option %s of %s must be a %s"):format(name, scheduler, kind) end
  end
end

---@return boolean whether a custom attribute can be a command's argument: a text of one line, a number, or true
function commands.is_argument(value)
  if type(value) == "string" then return #value <= LONGEST and not value:find "%c" end
  return type(value) == "number" or value == true
end

local function names_one(text, phrases)
  for _, phrase in ipairs(phrases) do
    if text:find(phrase, 1, true) then return true end
  end
  return false
end

---@class commands.dialect how a scheduler's commands are called, and what their words mean
---@field environment table variables they get
---@field words fun(result:table):string what a command said went wrong
---@field down string[] phrases of a scheduler that does not answer
---@field unasked string[] phrases, of those, that say that it never heard of the matter
---@field busy string[] phrases of a limit that is reached
---@field codes table<integer, string>|nil exit codes that say more than phrases: "down", "busy" or "rejected"

-- What kind of failure it is. One that is frozen does what it was asked when it wakes; one that refuses the connection was
-- not asked.
local function failure_of(argv, dialect, result, in_doubt)
  local words, code = dialect.words(result), dialect.codes and dialect.codes[result.exit_code]
  local class = "rejected"
  if names_one(words, dialect.unasked) then class = "unavailable"
  elseif code then class = code == "down" and in_doubt or code
  elseif result.signal ~= 0 or names_one(words, dialect.down) then class = in_doubt
  elseif names_one(words, dialect.busy) then class = "busy" end
  return { class = class, message = words ~= "" and words or ("%s ended with %d"):format(argv[1], result.exit_code) }
end

---A function that runs a command → its result | nil, the error (schedulers/README.md), and what it said if it ended by
---itself. Its options: `stdin`, `environment` (in addition), and `changes`: it may have had its effect even if it does not
---end well.
---@param dialect commands.dialect
---@param timeout integer ms
function commands.runner(exec, dialect, timeout)
  return function(argv, options)
    options = options or {}
    local environment = {}
    for name, value in pairs(dialect.environment) do environment[name] = value end
    for name, value in pairs(options.environment or {}) do environment[name] = value end
    local result, why = exec(argv, { stdin = options.stdin, timeout = timeout, environment = environment })
    if not result then return nil, { class = "unavailable", message = why } end
    local in_doubt = options.changes and "unknown" or "unavailable"
    if result.timed_out then return nil, { class = in_doubt, message = argv[1] .. " did not answer in time" } end
    if result.exit_code == 0 then return result end
    return nil, failure_of(argv, dialect, result, in_doubt), result.signal == 0 and result or nil
  end
end

---Submits items side by side. When the scheduler does not take one for a reason that is not its own, the others are not
---tried.
---@param one fun(item:table):table|nil, table|nil a report (schedulers/README.md) | nil, the error
function commands.submit(self, items, report, one)
  local stop
  self.each(items, function(item, i)
    if stop then return report(i, { error = stop }) end
    local answer, failure = one(item)
    report(i, answer or { error = failure })
    if failure and failure.class ~= "rejected" then
      stop = { class = failure.class == "busy" and "busy" or "unavailable", message = failure.message }
    end
  end)
end

---The native ids of an array's elements.
---@param format string of a number, such as "1002_%d"
function commands.elements(format, size)
  local natives = {}
  for i = 1, size do natives[i] = format:format(i) end
  return natives
end

-- A crowd of jobs for one command. When that fails it is not known for which of them, so each is tried by itself.
local function try_crowd(self, crowd, items, report, run)
  local function ids_of(places)
    local ids = {}
    for n, i in ipairs(places) do ids[n] = items[i].native_id end
    return ids
  end
  local result, failure = run(ids_of(crowd))
  if failure and failure.class == "rejected" and #crowd > 1 then
    return self.each(crowd, function(i)
      local _, why = run { items[i].native_id }
      report(i, why and { error = why } or {})
    end)
  end
  for _, i in ipairs(crowd) do report(i, result and {} or { error = failure }) end
end

---A control verb. Native ids are used again after a scheduler was set up anew, so only jobs that are seen to be ours are
---touched; one that has gone has nothing more to be done.
---@param records table<string, table>|nil what the scheduler's queue has, by native id; each has `name`
---@param failure table|nil why there is none
---@param run fun(ids:string[]):table|nil, table|nil a command on jobs → a result | nil, the error
---@param most integer|nil jobs that it is given at once
function commands.steer(self, items, report, records, failure, run, most)
  local crowds = {}
  for i, ref in ipairs(items) do
    local record = records and records[ref.native_id]
    if not records then report(i, { error = failure })
    elseif not record or record.name ~= ref.tag then
      report(i, { error = { class = "rejected", message = "the scheduler has no such job any more" } })
    else
      local last = crowds[#crowds]
      if not last or #last == (most or CROWD) then
        last = {}
        crowds[#crowds + 1] = last
      end
      last[#last + 1] = i
    end
  end
  self.each(crowds, function(crowd) try_crowd(self, crowd, items, report, run) end)
end

return commands
