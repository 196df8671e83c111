-- The plug-in of examples/plugins/shell.lua with everything that a scheduler may have, in the plainest way: a queue, limits,
-- and all the optional verbs. The conformance kit is tried on it, and on copies with one fault each.
-- A job waits at the head of its own script until its folder has a file `go`. Whoever looks, lets jobs go.
--   options of the resource: cores (default 2): so many jobs run at once
-- Of an array each member has a folder of its own, its tag with a number, and a file says how many there are.
--   more files of a job's folder: limit (seconds), held, stopped (0 or 1), go (when it was let go), overdue
local whole = require "shell"

local WAIT = "until [ -e go ]; do [ -e script ] || exit 1; sleep 0.1; done\n"
local CORES = 2

local plain = {}
for verb, run in pairs(whole) do plain[verb] = run end

local function path_of(self, tag, name) return ("%s/%s/%s"):format(self.directory "state", tag, name) end
local function read(self, tag, name) return self.fs.read(path_of(self, tag, name)) end
local function write(self, tag, name, text) assert(self.fs.write(path_of(self, tag, name), text)) end
local function is(self, tag, name) return read(self, tag, name) == "1" end

function whole.open(config, host)
  local self = plain.open({}, host)
  self.cores = config.cores or CORES
  local fields = self.honours.fields
  self.honours.fields = { "attributes.duration", "attributes.queue_name", table.unpack(fields) }
  self.honours.cores, self.honours.array_size = self.cores, 100
  self.honours.index, self.honours.element = "SHELL_INDEX", "${SHELL_JOB}"
  return self
end

-- Arrays -----------------------------------------------------------------------------------------------------------

local function size_path(self, tag) return ("%s/%s.size"):format(self.directory "state", tag) end
local function size_of(self, tag) return tonumber(self.fs.read(size_path(self, tag)) or nil) end
local function member_tag(tag, m) return ("%s.%d"):format(tag, m) end
local function pid_of(self, tag) return (read(self, tag, "pid") or ""):match "%d+" end

-- Refs whose tags are those of folders.
local function own(self, items)
  local refs = {}
  for i, ref in ipairs(items) do
    refs[i] = { tag = ref.tag, native_id = ref.native_id }
    for m = 1, size_of(self, ref.tag) or 0 do
      if pid_of(self, member_tag(ref.tag, m)) == ref.native_id then refs[i].tag = member_tag(ref.tag, m) end
    end
  end
  return refs
end

-- Jobs ---------------------------------------------------------------------------------------------------------------

local function kill(self, ref, name) return self.exec { "kill", "-s", name, "--", "-" .. ref.native_id } end

-- The tags of all jobs, in the order of their coming.
local function tags_of(self)
  local tags = {}
  for tag in (self.fs.read(self.directory "state" .. "/tags") or ""):gmatch "%S+" do tags[#tags + 1] = tag end
  return tags
end

local function has_ended(self, tag) return read(self, tag, "status") or read(self, tag, "cancelled") end

-- Ends what runs for too long, and lets go what may: as many as there are cores.
local function turn(self)
  local free, now = self.cores, self.now()
  local waiting = {}
  for _, tag in ipairs(tags_of(self)) do
    local went = read(self, tag, "go")
    if not has_ended(self, tag) and not went then waiting[#waiting + 1] = tag
    elseif not has_ended(self, tag) then
      free = free - 1
      if now - tonumber(went) > tonumber(read(self, tag, "limit")) * 1000 then
        write(self, tag, "overdue", "1")
        plain.cancel(self, { { tag = tag, native_id = pid_of(self, tag) } }, function() end)
      end
    end
  end
  for _, tag in ipairs(waiting) do
    if free > 0 and not is(self, tag, "held") then
      write(self, tag, "go", tostring(now))
      free = free - 1
    end
  end
end

local function refusal(words) return { error = { class = "rejected", message = words } } end
local function is_unknown(queue) return queue and queue ~= "main" end

-- Starts a process in a folder → what is to be reported.
local function start(self, item, tag, script)
  local answer
  plain.submit(self, { { tag = tag, batch = WAIT .. script } }, function(_, said) answer = said end)
  write(self, tag, "limit", tostring(item.attributes.duration))
  local tags = self.directory "state" .. "/tags"
  assert(self.fs.write(tags, (self.fs.read(tags) or "") .. tag .. "\n"))
  return answer
end

local function start_array(self, item)
  local natives = {}
  for m = 1, item.size do
    local script = ("export SHELL_INDEX=%d\n%s"):format(m, item.batch)
    natives[m] = start(self, item, member_tag(item.tag, m), script).native_id
  end
  assert(self.fs.write(size_path(self, item.tag), tostring(item.size)))
  return { native_ids = natives }
end

function whole.submit(self, items, report)
  for i, item in ipairs(items) do
    if is_unknown(item.attributes.queue_name) then report(i, refusal "there is no such queue")
    elseif item.size then report(i, start_array(self, item))
    else report(i, start(self, item, item.tag, item.batch)) end
  end
  turn(self)
end

function whole.find(self, items, report)
  plain.find(self, items, function(i, said)
    local tag, natives = items[i].tag, {}
    for m = 1, size_of(self, tag) or 0 do natives[m] = pid_of(self, member_tag(tag, m)) end
    report(i, natives[1] and { answer = "found", native_ids = natives } or said)
  end)
end

local function status_of(self, ref, status)
  if status.state == "CANCELED" and is(self, ref.tag, "overdue") then
    return { state = "FAILED", reason = "TIMEOUT", final = true }
  elseif status.state ~= "ACTIVE" then return status
  elseif not read(self, ref.tag, "go") then return { state = is(self, ref.tag, "held") and "HELD" or "QUEUED" }
  elseif is(self, ref.tag, "stopped") then return { state = "SUSPENDED" } end
  return status
end

function whole.monitor(self, items, report)
  local refs = own(self, items)
  turn(self)
  plain.monitor(self, refs, function(i, status) report(i, status_of(self, refs[i], status)) end)
end

-- A control verb: `change(self, ref, call)` does it, or returns why not. Only what is ours and lives is touched.
local function verb(change)
  return function(self, items, report, call)
    local states = {}
    whole.monitor(self, items, function(i, status) states[i] = status.state end)
    for i, ref in ipairs(own(self, items)) do
      local lives = states[i] and states[i] ~= "COMPLETED" and states[i] ~= "FAILED" and states[i] ~= "CANCELED"
      local why = not lives and "no such job" or change(self, ref, call, states[i])
      report(i, why and refusal(why) or {})
    end
    turn(self)
  end
end

whole.hold = verb(function(self, ref, _, state)
  if state ~= "QUEUED" then return "it does not wait" end
  write(self, ref.tag, "held", "1")
end)
whole.release = verb(function(self, ref) write(self, ref.tag, "held", "0") end)
whole.suspend = verb(function(self, ref, _, state)
  if state ~= "ACTIVE" then return "it does not run" end
  kill(self, ref, "STOP")
  write(self, ref.tag, "stopped", "1")
end)
whole.resume = verb(function(self, ref)
  write(self, ref.tag, "stopped", "0")
  kill(self, ref, "CONT")
end)
whole.alter = verb(function(self, ref, call)
  local wanted = call.changes.attributes
  if is_unknown(wanted.queue_name) then return "there is no such queue" end
  if wanted.duration then write(self, ref.tag, "limit", tostring(wanted.duration)) end
end)
-- The leader of the group has to outlive the script.
whole.signal = verb(function(self, ref, call)
  self.exec { "sh", "-c", 'kill -s "$1" $(ps -o pid= -g "$2" | grep -vw "$2")', "sh", call.name, ref.native_id }
end)

function whole.cancel(self, items, report) return plain.cancel(self, own(self, items), report) end

function whole.status(self, _, report) report(1, { state = "up", cores_total = self.cores, queues = { { name = "main" } } }) end

function whole.estimate(self, items, report)
  for i in ipairs(items) do report(i, { start_at = self.now() }) end
end

return whole
