-- A batch system that runs what it is given by a shell, late: option `delays` has the seconds before its first job begins, its
-- second and so on. Of the first it does not know whether it took it, and nothing until it begins.
local late = { version = "1" }

function late.open(config, host)
  return { exec = host.exec, fs = host.fs, state = host.directory "state", delays = config.delays, count = 0,
    honours = { batch = "LATE_ID" } }
end

-- What there is of a job: its file `name` | nil
local function file(self, id, name) return (self.fs.read(("%s/%s.%s"):format(self.state, id, name))) end

-- With no descriptor that would tell the house that somebody yet lives.
local RUN = [[setsid sh -c 'sleep "$1"; : >"$2.begun"; LATE_ID=$3 sh "$2.batch"; echo $? >"$2.code.new"; mv "$2.code.new" "$2.code"' \
  sh "$1" "$2" "$3" >/dev/null 2>&1 3<&- </dev/null &]]

function late.submit(self, items, report)
  for i, item in ipairs(items) do
    self.count = self.count + 1
    local id = tostring(self.count)
    local path = self.state .. "/" .. id
    self.fs.write(path .. ".batch", item.batch)
    self.fs.write(path .. ".tag", item.tag)
    self.exec { "/bin/sh", "-c", RUN, "sh", tostring(self.delays[self.count] or 0), path, id }
    if self.count == 1 then report(i, { error = { class = "unknown", message = "it may come" } })
    else report(i, { native_id = id }) end
  end
end

function late.find(self, items, report)
  for i, item in ipairs(items) do
    local answer = { answer = "absent" }
    for id = 1, self.count do
      if file(self, id, "tag") == item.tag and (id > 1 or file(self, id, "begun")) then
        answer = { answer = "found", native_id = tostring(id) }
      end
    end
    report(i, answer)
  end
end

function late.monitor(self, items, report)
  for i, ref in ipairs(items) do
    local code = tonumber(file(self, ref.native_id, "code"))
    if file(self, ref.native_id, "tag") ~= ref.tag then report(i, { absent = true })
    elseif code then report(i, { state = code == 0 and "COMPLETED" or "FAILED", final = true, exit_code = math.tointeger(code) })
    else report(i, { state = file(self, ref.native_id, "begun") and "ACTIVE" or "QUEUED" }) end
  end
end

function late.cancel(_, items, report)
  for i in ipairs(items) do report(i, { error = { class = "rejected", message = "it cannot" } }) end
end

return late
