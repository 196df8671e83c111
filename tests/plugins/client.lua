-- A scheduler that is spoken to by a command, as most are: option `command` of the resource is a shell script that is
-- given a tag and a file, and submits by adding the tag to the file, a line for each native job. Jobs are over at once.
-- Option `timeout` is in milliseconds.
local client = { version = "1" }

function client.open(config, host)
  return { exec = host.exec, fs = host.fs, native = host.directory "state" .. "/native", command = config.command,
    timeout = config.timeout, honours = { fields = { "executable", "arguments" } } }
end

local function knows(self, tag) return ((self.fs.read(self.native) or "") .. "\n"):find(tag .. "\n", 1, true) end

function client.submit(self, items, report)
  for i, item in ipairs(items) do
    local done = self.exec({ "/bin/sh", "-c", self.command, "sh", item.tag, self.native }, { timeout = self.timeout })
    if done and done.exit_code == 0 then report(i, { native_id = item.tag }) end
  end
end

function client.find(self, items, report)
  for i, item in ipairs(items) do
    report(i, knows(self, item.tag) and { answer = "found", native_id = item.tag } or { answer = "absent" })
  end
end

function client.monitor(self, items, report)
  for i, ref in ipairs(items) do
    report(i, knows(self, ref.native_id) and { state = "COMPLETED", final = true } or { absent = true })
  end
end

function client.cancel(_, items, report)
  for i in ipairs(items) do report(i, { error = { class = "rejected", message = "it is over" } }) end
end

return client
