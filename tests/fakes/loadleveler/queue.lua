-- The queue of the fake LoadLeveler: job steps, as a file in its folder, and what happens to them by itself. States are the codes
-- that IBM's interface for Perl lists (IBM-LoadLeveler), with what the manual pages say of them.
local queue = {}
queue.__index = queue

queue.HOST = "schedd1.example.org" -- with its domain, as Jülich's and Boston's have it

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a"
end

local function write(path, text)
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(text))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end
queue.write = write

local function literal(value)
  if type(value) ~= "table" then return ("%q"):format(value) end
  local parts = {}
  for key, each in pairs(value) do parts[#parts + 1] = ("[%s]=%s"):format(literal(key), literal(each)) end
  return "{" .. table.concat(parts, ",") .. "}"
end

---@param dir string with the file `settings`: {slots, linger, root, administrators, classes}
function queue.open(dir)
  local text = read(dir .. "/queue") or "{ last = 0, steps = {} }"
  local self = setmetatable({ dir = dir, settings = assert(load("return " .. read(dir .. "/settings")))() }, queue)
  self.data, self.now, self.was = assert(load("return " .. text))(), os.time(), text
  return self
end

function queue:save()
  local text = literal(self.data)
  if text ~= self.was then write(self.dir .. "/queue", text) end
end

function queue.refuse(format, ...) error({ refused = format:format(...) }, 0) end

function queue.id(step) return ("%s.%d.0"):format(queue.HOST, step.number) end

function queue:spool(step, ending) return ("%s/spool/%d%s"):format(self.dir, step.number, ending or "") end

---A step by its id, HOST.JOBID.STEP.
function queue:step(id)
  local number = id:match("^" .. queue.HOST:gsub("%p", "%%%0") .. "%.(%d+)%.0$")
  for _, step in ipairs(self.data.steps) do
    if step.number == tonumber(number) then return step end
  end
end

function queue:add(step)
  self.data.last = self.data.last + 1
  step.number, step.queued_at = self.data.last, self.now
  table.insert(self.data.steps, step)
  return step
end

---Gives a step's processes a signal, after a while if it is to end them. Until they have begun their starter has to know.
function queue:signal(step, name)
  local ends = name == "KILL"
  if ends then write(self:spool(step, ".cancel"), "") end
  local pid = read(self:spool(step, ".pid"))
  local line = pid and ("%s kill -s %s -- -%d"):format(ends and "sleep 0.3;" or "", name, pid)
  if pid then os.execute(("(%s) >/dev/null 2>&1 3>&- 9>&- %s"):format(line, ends and "&" or "")) end
end

function queue:finish(step, state, code)
  step.state, step.ended_at, step.code = state, self.now, code
  os.execute(("rm -f %s %s.*"):format(self:spool(step), self:spool(step)))
end

local TAKES_SLOTS = { ST = true, R = true, E = true, RP = true }

---The slots that no step has.
function queue:free()
  local free = self.settings.slots
  for _, step in ipairs(self.data.steps) do
    if TAKES_SLOTS[step.state] then free = free - step.slots end
  end
  return free
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The starter has neither the lock nor what its caller was given by whoever called that.
local function start(self, step)
  step.state, step.dispatched_at = "ST", self.now
  local variables = ("ORRERY_RIG=%s LOADL_STEP_ID=%s LOADL_JOB_NAME=%s LOADL_STEP_CLASS=%s"):format(quote(self.dir),
    queue.id(step), step.keywords.job_name, step.keywords.class)
  os.execute(("exec env -i PATH=/usr/local/bin:/usr/bin:/bin %s setsid sh %s/starter %s %d %d </dev/null >/dev/null 2>&1 "
    .. "3>&- 9>&- &"):format(variables, quote(self.here), quote(self.dir), step.number, step.limit))
end

---Lets time pass: steps that ended are forgotten, those that have begun run, and the first that fit are started.
function queue:advance()
  local left, free = {}, self:free()
  for _, step in ipairs(self.data.steps) do
    if step.state == "ST" and read(self:spool(step, ".pid")) then step.state = "R" end
    if step.state == "I" and step.slots <= free then
      start(self, step)
      free = free - step.slots
    end
    if not step.ended_at or self.now - step.ended_at < self.settings.linger then left[#left + 1] = step end
  end
  self.data.steps = left
end

return queue
