-- A scheduler that tells as which account it was called: jobs say so in their native state, "submitted by A, seen by B". Custom
-- attributes of a job: run_ms; trouble: whatever is called as its account is refused from now on, the submission included;
-- hang: once it is submitted, nothing that is called as its account comes back; over: both are over for that account.
-- It is one scheduler for all accounts, so what it holds is the module's.
local accounts = { version = "1" }

local jobs, by_tag, trouble, hangs, count = {}, {}, {}, {}, 0

function accounts.open(_, host)
  return { now = host.now, sleep = host.sleep, honours = { operator = { "suspend", "resume" }, fields = { "executable", "directory",
    "attributes.custom_attributes" } } }
end

local function name_of(more) return more.account or "the service" end

local function in_trouble(self, more)
  local name = name_of(more)
  while hangs[name] do self.sleep(50) end
  return trouble[name] and { error = { class = "unavailable", message = name .. "'s key is refused" } } or nil
end

function accounts.submit(self, items, report, more)
  for i, item in ipairs(items) do
    local custom = item.attributes.custom_attributes
    if custom.over then trouble[custom.over], hangs[custom.over] = false, false end
    if custom.trouble and trouble[name_of(more)] == nil then trouble[name_of(more)] = true end
    local failure = in_trouble(self, more)
    if not failure then
      count = count + 1
      local id = tostring(count)
      jobs[id] = { tag = item.tag, by = name_of(more), ends = self.now() + tonumber(custom.run_ms or 0) }
      by_tag[item.tag] = id
    end
    report(i, failure or { native_id = by_tag[item.tag] })
    if custom.hang then hangs[name_of(more)] = true end
  end
end

local function status_of(self, job, more)
  if job.stopped then return { state = "SUSPENDED", native_state = "suspended by " .. job.stopped } end
  local over = self.now() >= job.ends
  return { state = over and "COMPLETED" or "ACTIVE", final = over, exit_code = over and 0 or nil,
    native_state = ("submitted by %s, seen by %s"):format(job.by, name_of(more)) }
end

function accounts.monitor(self, items, report, more)
  for i, ref in ipairs(items) do
    local job = jobs[ref.native_id]
    report(i, in_trouble(self, more) or job and job.tag == ref.tag and status_of(self, job, more) or { absent = true })
  end
end

function accounts.find(self, items, report, more)
  for i, item in ipairs(items) do
    local id = by_tag[item.tag]
    report(i, in_trouble(self, more) or id and { answer = "found", native_id = id } or { answer = "absent" })
  end
end

function accounts.cancel(self, items, report, more)
  for i, ref in ipairs(items) do
    jobs[ref.native_id].ends = self.now()
    report(i, in_trouble(self, more) or {})
  end
end

function accounts.suspend(_, items, report, more)
  for i, ref in ipairs(items) do
    jobs[ref.native_id].stopped = ("%s for %s"):format(name_of(more), ref.account or "the service")
    report(i, {})
  end
end

function accounts.resume(_, items, report)
  for i, ref in ipairs(items) do
    jobs[ref.native_id].stopped = nil
    report(i, {})
  end
end

function accounts.status(_, _, report) report(1, { state = "up" }) end

return accounts
