-- A scheduler whose jobs are timers and whose failures are scripted; the twin, in Lua, of fake.c, with the same keys.
-- A job's state is a function of its times and of now, so nothing runs between two calls.
--   custom attributes of a job: queue_ms, run_ms, exit_code, signal, submit_error (rejected, busy, unavailable, unknown),
--     submit_lands (with submit_error unknown: it happened all the same), submit_delay_ms, monitor_error, vanish,
--     alter_error (as submit_error), alter_delay_ms (the first time)
--   options of the resource: down (true: unavailable), max_jobs, cores
local fake = { version = "1" }

local function journal(self) return self.directory "state" .. "/jobs" end

-- One line a job: native id, tag, submitted, queue_ms, run_ms, exit_code, signal, vanish; then what was done to it, its
-- limit, and what alter does.
local function save(self)
  local lines = {}
  for id, job in pairs(self.jobs) do
    lines[#lines + 1] = table.concat({ id, job.tag, job.submitted, job.queue_ms, job.run_ms, job.exit_code, job.signal,
      job.vanish, job.ended or -1, job.stopped or -1, job.held or -1, job.lost, job.limit_ms, job.alter_delay_ms,
      job.alter_error }, " ")
  end
  assert(self.fs.write(journal(self), table.concat(lines, "\n")))
end

local function load(self)
  local text = self.fs.read(journal(self)) or ""
  for line in text:gmatch "[^\n]+" do
    local f = {}
    for word in line:gmatch "%S+" do f[#f + 1] = word end
    local function n(i) return math.tointeger(tonumber(f[i])) end
    local function maybe(i) local v = n(i) return v >= 0 and v or nil end
    self.jobs[f[1]] = { tag = f[2], submitted = n(3), queue_ms = n(4), run_ms = n(5), exit_code = n(6), signal = n(7),
      vanish = n(8), ended = maybe(9), stopped = maybe(10), held = maybe(11), lost = n(12),
      limit_ms = n(13), alter_delay_ms = n(14), alter_error = f[15] }
    self.by_tag[f[2]] = f[1]
    self.count = math.max(self.count, math.tointeger(tonumber(f[1])))
  end
end

function fake.open(config, host)
  local self = { jobs = {}, by_tag = {}, count = 0, config = config, directory = host.directory, fs = host.fs,
    now = host.now, sleep = host.sleep, honours = { array_size = 0, cores = config.cores, max_submitted = config.max_jobs or 1000,
    fields = { "executable", "arguments", "script", "environment", "directory", "inherit_environment", "stdin_path",
      "stdout_path", "stderr_path", "resources.cpu_cores_per_process", "resources.process_count", "attributes.duration",
      "attributes.custom_attributes" } } }
  load(self)
  return self
end

-- Each native start, and each time that alter was asked for, is one line of a file, so that tests can count them.
local function count(self, what, tag)
  local path = self.directory "state" .. "/" .. what
  assert(self.fs.write(path, (self.fs.read(path) or "") .. tag .. "\n"))
end

local function land(self, item, custom)
  self.count = self.count + 1
  local id = tostring(self.count)
  local function n(name, otherwise) return math.tointeger(tonumber(custom[name])) or otherwise end
  self.jobs[id] = { tag = item.tag, submitted = self.now(), queue_ms = n("queue_ms", 0), run_ms = n("run_ms", 0),
    exit_code = n("exit_code", 0), signal = n("signal", 0), vanish = custom.vanish and 1 or 0, lost = 0,
    limit_ms = item.attributes.duration * 1000, alter_delay_ms = n("alter_delay_ms", 0), alter_error = custom.alter_error or "-" }
  self.by_tag[item.tag] = id
  count(self, "starts", item.tag)
  save(self)
  return id
end

local function failure(class, message) return { error = { class = class, message = message } } end

function fake.submit(self, items, report)
  for i, item in ipairs(items) do
    local custom = item.attributes.custom_attributes
    if custom.submit_delay_ms then self.sleep(tonumber(custom.submit_delay_ms)) end
    if self.config.down then report(i, failure("unavailable", "the fake is down"))
    elseif self.by_tag[item.tag] then report(i, { native_id = self.by_tag[item.tag] })
    elseif custom.submit_error then
      if custom.submit_lands then land(self, item, custom) end
      report(i, failure(custom.submit_error, "scripted " .. custom.submit_error))
    else report(i, { native_id = land(self, item, custom) }) end
  end
end

-- The time a job has been stopped does not count: its clock stands still.
local function status_of(self, job)
  local now = job.ended or job.stopped or job.held or self.now()
  local begin = job.submitted + job.lost + job.queue_ms
  local finish = begin + math.min(job.run_ms, job.limit_ms)
  if job.vanish == 1 then return { absent = true } end
  if job.ended then return { state = "CANCELED", native_state = "killed", final = true, ended_at = job.ended } end
  if job.held then return { state = "HELD", native_state = "held" } end
  if now < begin then return { state = "QUEUED", native_state = "waiting" } end
  if job.stopped then return { state = "SUSPENDED", native_state = "stopped", started_at = begin } end
  if now < finish then return { state = "ACTIVE", native_state = "running", started_at = begin } end
  if job.run_ms > job.limit_ms then
    return { state = "FAILED", native_state = "over", final = true, reason = "TIMEOUT", started_at = begin, ended_at = finish }
  end
  local bad = job.exit_code ~= 0 or job.signal ~= 0
  return { state = bad and "FAILED" or "COMPLETED", native_state = "over", final = true, started_at = begin,
    ended_at = finish, exit_code = job.signal == 0 and job.exit_code or nil, signal = job.signal ~= 0 and job.signal or nil,
    reason = bad and (job.signal ~= 0 and "SIGNAL" or "EXIT_CODE") or nil }
end

function fake.monitor(self, items, report)
  for i, ref in ipairs(items) do
    local job = self.jobs[ref.native_id]
    if not job or job.tag ~= ref.tag then report(i, { absent = true })
    else report(i, status_of(self, job)) end
  end
end

function fake.find(self, items, report)
  for i, item in ipairs(items) do
    local id = self.by_tag[item.tag]
    if self.config.down then report(i, { answer = "unknown" })
    else report(i, id and { answer = "found", native_id = id } or { answer = "absent" }) end
  end
end

-- A control verb: `change(job, now, state)` does it, or returns why not.
local function verb(change)
  return function(self, items, report)
    for i, ref in ipairs(items) do
      local job = self.jobs[ref.native_id]
      local state = job and status_of(self, job).state
      local why = not job and "no such job" or change(job, self.now(), state)
      report(i, why and failure("rejected", why) or {})
    end
    save(self)
  end
end

fake.cancel = verb(function(job, now, state)
  if state == "COMPLETED" or state == "FAILED" then return "it is over" end
  job.ended = job.ended or now
end)
fake.suspend = verb(function(job, now, state)
  if state ~= "ACTIVE" then return "it does not run" end
  job.stopped = now
end)
fake.resume = verb(function(job, now)
  if not job.stopped then return "it is not stopped" end
  job.lost, job.stopped = job.lost + now - job.stopped, nil
end)
fake.hold = verb(function(job, now, state)
  if state ~= "QUEUED" then return "it does not wait" end
  job.held = now
end)
fake.release = verb(function(job, now)
  if not job.held then return "it is not held" end
  job.lost, job.held = job.lost + now - job.held, nil
end)

-- Changes the duration; what else is asked for is taken as done.
local function alter_one(self, job, changes)
  local delay = job.alter_delay_ms
  count(self, "alters", job.tag)
  job.alter_delay_ms = 0
  save(self)
  if delay > 0 then self.sleep(delay) end
  if job.alter_error ~= "-" then return failure(job.alter_error, "scripted: " .. job.alter_error) end
  local state = status_of(self, job).state
  if state == "COMPLETED" or state == "FAILED" or state == "CANCELED" then return failure("rejected", "it is over") end
  job.limit_ms = (changes.attributes.duration or job.limit_ms // 1000) * 1000
  save(self)
  return {}
end

function fake.alter(self, items, report, more)
  for i, ref in ipairs(items) do
    local job = self.jobs[ref.native_id]
    if self.config.down then report(i, failure("unavailable", "the fake is down"))
    else report(i, job and alter_one(self, job, more.changes) or failure("rejected", "no such job")) end
  end
end

function fake.status(self, _, report)
  report(1, { state = self.config.down and "down" or "up", cores_total = 1000, cores_free = 1000, pending = 0,
    queues = { { name = "main", state = "up", max_duration = 3600, max_jobs = 1000, cores_total = 1000 }, { name = "idle" } } })
end

return fake
