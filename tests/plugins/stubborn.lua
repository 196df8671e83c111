-- A scheduler with a will of its own: it takes scripts only, holds every job until it is released, refuses to suspend,
-- and has no verb to hold. It remembers nothing, has no status verb, and is down while there is a file `down` in its
-- state folder.
local stubborn = { version = "1" }

function stubborn.open(_, host)
  return { jobs = {}, fs = host.fs, folder = host.directory "state", now = host.now,
    honours = { fields = { "script" } } }
end

local function is_down(self) return self.fs.read(self.folder .. "/down") ~= nil end

function stubborn.submit(self, items, report)
  for i, item in ipairs(items) do
    if is_down(self) then report(i, { error = { class = "unavailable", message = "there is a file down" } })
    else
      self.jobs[item.tag] = { submitted = self.now() }
      report(i, { native_id = item.tag })
    end
  end
end

function stubborn.monitor(self, items, report)
  for i, ref in ipairs(items) do
    local job = self.jobs[ref.native_id]
    if not job then report(i, { absent = true })
    elseif job.canceled then report(i, { state = "CANCELED", final = true })
    elseif job.released then report(i, { state = "ACTIVE", started_at = job.released })
    else report(i, { state = "HELD" }) end
  end
end

function stubborn.find(self, items, report)
  for i, item in ipairs(items) do
    report(i, self.jobs[item.tag] and { answer = "found", native_id = item.tag } or { answer = "absent" })
  end
end

function stubborn.cancel(self, items, report)
  for i, ref in ipairs(items) do
    self.jobs[ref.native_id].canceled = true
    report(i, {})
  end
end

function stubborn.release(self, items, report)
  for i, ref in ipairs(items) do
    self.jobs[ref.native_id].released = self.now()
    report(i, {})
  end
end

function stubborn.suspend(_, items, report)
  for i in ipairs(items) do report(i, { error = { class = "rejected", message = "I do not suspend" } }) end
end

return stubborn
