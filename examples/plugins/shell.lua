-- A whole plug-in that is as small as one can be: jobs are background processes of this machine, and files are all that
-- it remembers. It keeps what schedulers/README.md asks for; `orrery plugin check examples/plugins/shell.lua` says so.
--
-- Each job has a folder in the state directory, named by its tag:
--   script      what it runs: the text that the house makes of a submission (`batch`)
--   alive       locked by all processes of the job; the system unlocks it when the last one ends, or the machine does
--   pid         of the first of them, which leads a group: the native id. Once it is there, the job has been submitted
--   begun       it has let go of the submission, and runs
--   cancelled   cancel was called
--   status      how the script ended, as shells tell it: above 128, by a signal
-- There is no queue: what is submitted starts. Nothing is thrown away.
local shell = { version = "1" }

local FIELDS = { "executable", "arguments", "script", "environment", "inherit_environment", "directory", "stdin_path",
  "stdout_path", "stderr_path" }

-- What is returned is the instance, `self` of the other verbs. The house adds its services to it: exec, fs and others.
function shell.open(config)
  for option in pairs(config) do
    if option ~= "timeout_ms" then error(("shell has no option %s"):format(option), 0) end
  end
  return { honours = { fields = FIELDS, batch = "SHELL_JOB", array_size = 0 } }
end

-- $1 is the folder, the input is the script, and $2 its size: a server that is killed writes no more of it. Descriptor 3 is
-- the house's: it kills who still has it before it calls find. So the job keeps it until its pid can be read, and not a
-- moment longer; submit waits for that. Killed between the two, the job is lost, but never started twice.
local START = [[
mkdir -p "$1" && cd "$1" && cat >script && [ "$(wc -c <script)" -eq "$2" ] || exit 1
setsid sh -c '
  exec 9>alive && flock 9 || exit 1
  echo $$ >new && mv new pid || exit 1
  exec 3>&- && : >begun
  SHELL_JOB=$$ sh script
  echo $? >new && mv new status
' </dev/null >/dev/null 2>&1 &
until [ -e begun ]; do
  kill -0 $! || exit 1
  sleep 0.01
done]]

local function folder_of(self, tag) return self.directory "state" .. "/" .. tag end

-- A number that stands in a file of a job's folder | nil
local function number_in(self, tag, name)
  local text = self.fs.read(folder_of(self, tag) .. "/" .. name)
  return text and math.tointeger(tonumber(text))
end

function shell.submit(self, items, report)
  for i, item in ipairs(items) do
    local arguments = { folder_of(self, item.tag), tostring(#item.batch) }
    local result, why = self.exec({ "sh", "-c", START, "sh", table.unpack(arguments) }, { stdin = item.batch })
    local pid = number_in(self, item.tag, "pid")
    if pid then report(i, { native_id = tostring(pid) })
    elseif result and result.timed_out then report(i, { error = { class = "unknown", message = "it takes too long to start" } })
    else report(i, { error = { class = "unavailable", message = why or result.stderr } }) end -- certainly nothing happened
  end
end

function shell.find(self, items, report)
  for i, item in ipairs(items) do
    local pid = number_in(self, item.tag, "pid")
    report(i, pid and { answer = "found", native_id = tostring(pid) } or { answer = "absent" })
  end
end

local function ended(code)
  if code > 128 then return { state = "FAILED", reason = "SIGNAL", signal = code - 128, final = true } end
  if code > 0 then return { state = "FAILED", reason = "EXIT_CODE", exit_code = code, final = true } end
  return { state = "COMPLETED", exit_code = 0, final = true }
end

local function lives(self, tag)
  local result = self.exec { "flock", "--nonblock", folder_of(self, tag) .. "/alive", "true" }
  return not result or result.exit_code ~= 0
end

-- A pid is given to others later on: it is this job's only in the folder of its tag.
local function is_ours(self, ref) return tostring(number_in(self, ref.tag, "pid")) == ref.native_id end

-- It may end while we look: so the status is read last.
local function status_of(self, ref)
  if not is_ours(self, ref) then return { absent = true } end
  local runs = not number_in(self, ref.tag, "status") and lives(self, ref.tag)
  local code = number_in(self, ref.tag, "status")
  if code then return ended(code) end
  if runs then return { state = "ACTIVE" } end
  if self.fs.read(folder_of(self, ref.tag) .. "/cancelled") then return { state = "CANCELED", final = true } end
  return { absent = true } -- killed by somebody, or with the machine; the house looks for what it left
end

function shell.monitor(self, items, report)
  for i, ref in ipairs(items) do report(i, status_of(self, ref)) end
end

function shell.cancel(self, items, report)
  for i, ref in ipairs(items) do
    if status_of(self, ref).state == "ACTIVE" then
      self.fs.write(folder_of(self, ref.tag) .. "/cancelled", "")
      self.exec { "kill", "-s", "KILL", "--", "-" .. ref.native_id }
    end
    report(i, {})
  end
end

return shell
