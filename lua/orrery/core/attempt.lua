-- What a batch system runs: one shell script for every scheduler that takes scripts, made of a submission. It claims the
-- attempt's directory for one native job, so that a submission that comes twice runs once; sets up what the user asked
-- for; runs it; and leaves a record of how it ended, for schedulers that forget. Pure: text from a table, table from text.
--
-- Everything of the user's stands in single quotes, and no line of it begins with what a scheduler would take for a
-- directive (#SBATCH, #PBS, #$), which some look for everywhere.
local attempt = {}

attempt.record = ".orrery/record" -- beneath the attempt's directory

local function quote(text) return "'" .. text:gsub("'", "'\\''"):gsub("\n([ \t]*#)", "\n''%1") .. "'" end

-- What the claim is: a link cannot be made twice, and says whose it is. A native job that its scheduler starts again
-- finds its own.
local CLAIM = [[
(umask 077 && mkdir -p -- "$attempt/.orrery") || exit 73
if ! ln -s -- "$native" "$attempt/.orrery/claim" 2>/dev/null && [ "$(readlink "$attempt/.orrery/claim")" != "$native" ]; then
  echo "this attempt has been claimed by native job $(readlink "$attempt/.orrery/claim"); nothing was run" >&2
  exit 75
fi
record=$attempt/.orrery/record
printf 'native %s\nhost %s\nstart %s\n' "$native" "$(uname -n)" "$(date +%s)" >"$record"
]]

-- Signals are for the program; the script outlives it to say how it ended. A program that was killed is told from one
-- that failed by dying of the same signal, but for those that do not kill. Grid Engine would start a job that ends with
-- 99 again, for ever, and keep one that ends with 100: these two only the record tells.
local OUTCOME = [[
status=$?
printf 'status %s\nend %s\n' "$status" "$(date +%s)" >>"$record"
case $status in
99 | 100) status=76 ;;
14[5-9] | 15[016]) ;;
129 | 1[3-8]? | 19[0-2]) trap - HUP INT TERM USR1 USR2 XCPU; kill -"$((status - 128))" $$ ;;
esac
exit "$status"
]]

-- A program that cannot be begun is no program that failed.
local function or_fail(code, what)
  return (' || { echo %s >&2; printf "failed %%s\\n" %s >>"$record"; exit %d; }\n'):format(quote(what), quote(what), code)
end

local function variables_of(item)
  local names, words = {}, {}
  for name in pairs(item.environment) do names[#names + 1] = name end
  table.sort(names)
  words[1] = "ORRERY_JOB_ID=" .. quote(item.job)
  words[2] = "ORRERY_TAG=" .. quote(item.tag)
  words[3] = "ORRERY_DIRECTORY=" .. quote(item.attempt_directory)
  for _, name in ipairs(names) do words[#words + 1] = name .. "=" .. quote(item.environment[name]) end
  return words
end

-- What programs expect to be told of their account; not every scheduler tells it, or as it is. No path of the server's is
-- passed on.
local ACCOUNT = [[
PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER=${USER:-$(id -un)}
entry=$(getent passwd "$USER")
HOME=${HOME:-$(printf %s "$entry" | cut -d: -f6)}
SHELL=$(printf %s "${entry:-:/bin/sh}" | sed 's/.*://')
LOGNAME=$USER
export PATH LANG USER HOME SHELL LOGNAME
]]

local function command_of(item)
  local words = {}
  if item.script then
    words[1] = item.script:sub(1, 2) == "#!" and '"$attempt/.orrery/script"' or '/bin/sh "$attempt/.orrery/script"'
    for _, argument in ipairs(item.arguments or {}) do words[#words + 1] = quote(argument) end
  else
    for i, argument in ipairs(item.argv) do words[i] = quote(argument) end
  end
  return table.concat(words, " ")
end

---The script.
---@param item table a submission (schedulers/README.md)
---@param native string the variable in which the scheduler tells a job its native id
function attempt.script(item, native)
  local parts = {
    "#!/bin/sh\n:\n", ACCOUNT,
    "attempt=", quote(item.attempt_directory), "\nnative=${", native, "-}\n", CLAIM,
  }
  local function add(...) for _, part in ipairs { ... } do parts[#parts + 1] = part end end
  if item.script then
    add("printf %s ", quote(item.script), ' >"$attempt/.orrery/script" && chmod 700 "$attempt/.orrery/script"',
      or_fail(73, "the script cannot be written"))
  end
  add("cd -- ", quote(item.directory), or_fail(72, "the directory " .. item.directory .. " cannot be entered"))
  for _, name in ipairs { "stdout", "stderr" } do
    add("true >", quote(item[name]), or_fail(73, item[name] .. " cannot be written"))
  end
  local stdin = item.stdin or "/dev/null"
  add("[ -r ", quote(stdin), " ]", or_fail(66, stdin .. " cannot be read"), "exec <", quote(stdin), "\n")
  add("trap : HUP INT TERM USR1 USR2 XCPU\n")
  local variables = table.concat(variables_of(item), " ")
  -- `env` finds the program in the PATH that it sets, and `exec "$@"` keeps a name with = in it from being a variable
  if item.inherit_environment then add('"$SHELL" -l -c ', quote('exec env "$@"'), " sh ", variables)
  else add("env ", variables) end
  add(" /bin/sh -c ", quote('exec "$@"'), " sh ", command_of(item), " >", quote(item.stdout), " 2>", quote(item.stderr),
    "\n", OUTCOME)
  return table.concat(parts)
end

---Which native job has claimed the attempt, by its record | nil
function attempt.claimant(text) return text:match "^native (%S+)\n" end

---How an attempt ended, by its record.
---@param text string
---@return table|nil outcome {native, host, failed: text, started_at, ended_at: ms, exit_code, signal}; nil: it says nothing of an end
function attempt.outcome(text)
  local values = {}
  for name, value in text:gmatch "(%l+) ([^\n]*)\n" do values[name] = value end -- of a second run the last lines count
  local status, ended = math.tointeger(tonumber(values.status)), math.tointeger(tonumber(values["end"]))
  if not (status and ended) and not values.failed then return nil end
  local started = math.tointeger(tonumber(values.start))
  local outcome = { native = values.native, host = values.host, failed = values.failed,
    started_at = started and started * 1000, ended_at = ended and ended * 1000 }
  if values.failed then return outcome end
  if status > 128 and status <= 192 then outcome.signal = status - 128 else outcome.exit_code = status end
  return outcome
end

local OWN = { [66] = true, [72] = true, [73] = true, [75] = true, [76] = true } -- the script's own exit codes

---Whether an exit code may be the script's, not the program's: the record tells.
function attempt.is_own(exit_code) return OWN[exit_code] == true end

---The status (schedulers/README.md) that an outcome makes of what the scheduler reported.
function attempt.status(outcome, report)
  if outcome.failed then
    return { state = "FAILED", final = true, reason = "LAUNCH_FAILED", message = outcome.failed,
      started_at = outcome.started_at, ended_at = outcome.ended_at, native_state = report.native_state }
  end
  if not report.absent then
    report.exit_code = outcome.exit_code
    return report
  end
  return { state = outcome.exit_code == 0 and "COMPLETED" or "FAILED", final = true, exit_code = outcome.exit_code,
    signal = outcome.signal, started_at = outcome.started_at, ended_at = outcome.ended_at,
    hosts = outcome.host and { outcome.host } }
end

return attempt
