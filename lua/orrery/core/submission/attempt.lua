-- What a batch system runs: one shell script for every scheduler that takes scripts, made of a submission, which may be an
-- array of many. It claims the attempt's directory for one native job, so that a submission that comes twice runs once; sets
-- up what the user asked for; runs it; and leaves a record of how it ended, for schedulers that forget. Pure: text from a
-- table, table from text.
--
-- Everything of the user's stands in single quotes, and no line of it begins with what a scheduler would take for a
-- directive (#SBATCH, #PBS, #$, # @), which some look for everywhere.
local attempt = {}

attempt.record = ".orrery/record" -- beneath the attempt's directory, both
attempt.claim = ".orrery/claim"

-- sbatch takes no script that has the line breaks of another system.
local function quote(text)
  return "'" .. text:gsub("'", "'\\''"):gsub("\n([ \t\v\f\r]*#)", "\n''%1"):gsub("\r\n", "\r''\n") .. "'"
end

-- A shell reads what stands between { and } before it begins: half a script is a mistake in it, and runs nothing.
--
-- What programs expect to be told of their account; not every scheduler tells it, or as it is. No path of the server's is
-- passed on.
local ACCOUNT = [[
#!/bin/sh
:
{
PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER=${USER:-$(id -un)}
entry=$(getent passwd "$USER")
SHELL=${entry##*:}
SHELL=${SHELL:-/bin/sh}
entry=${entry%:*}
HOME=${HOME:-${entry##*:}}
LOGNAME=$USER
export PATH LANG USER HOME SHELL LOGNAME
]]

-- What is to be run is in variables now, and in "$@": the program's variables, then how it is called.
--
-- What the claim is: a link cannot be made twice, and says whose it is. A native job that its scheduler starts again
-- finds its own, and what it did with its inputs. A program that cannot be begun is no program that failed.
--
-- Signals are for the program; the script outlives it to say how it ended. A program that was killed is told from one
-- that failed by dying of the same signal, but for those that do not kill. Grid Engine would start a job that ends with
-- 99 again, for ever, and keep one that ends with 100: these two only the record tells.
local RUN = [[
(umask 077 && mkdir -p -- "$attempt/.orrery") || exit 73
if ! ln -s -- "$native" "$attempt/.orrery/claim" 2>/dev/null && [ "$(readlink "$attempt/.orrery/claim")" != "$native" ]; then
  echo "this attempt has been claimed by native job $(readlink "$attempt/.orrery/claim"); nothing was run" >&2
  exit 75
fi
record=$attempt/.orrery/record
printf 'native %s\ntag %s\nhost %s\nstart %s\n' "$native" "$tag" "$(uname -n)" "$(date +%s)" >"$record" || exit 73
fail() { echo "$2" >&2; printf 'failed %s\n' "$2" >>"$record"; exit "$1"; }
if [ "${inputs+given}" ] && [ ! -e "$attempt/.orrery/copied" ]; then
  cp -R -p -- "$inputs/." "$attempt/" && true >"$attempt/.orrery/copied" || fail 73 "the job's inputs in $inputs cannot be copied"
fi
program=$attempt/.orrery/script
if [ "${script+given}" ]; then
  printf %s "$script" >"$program" && chmod 700 "$program" || fail 73 "the script cannot be written"
fi
cd -- "$directory" || fail 72 "the directory $directory cannot be entered"
true >"$stdout" || fail 73 "$stdout cannot be written"
true >"$stderr" || fail 73 "$stderr cannot be written"
[ -r "$stdin" ] || fail 66 "$stdin cannot be read"
exec <"$stdin"
trap : HUP INT TERM USR1 USR2 XCPU
set -- "ORRERY_JOB_ID=$job" "ORRERY_TAG=$tag" "ORRERY_DIRECTORY=$attempt" "$@"
if [ "$login" ]; then "$SHELL" -l -c 'exec env "$@"' sh "$@" >"$stdout" 2>"$stderr"
else env "$@" >"$stdout" 2>"$stderr"; fi
status=$?
printf 'status %s\nend %s\n' "$status" "$(date +%s)" >>"$record"
case $status in
99 | 100) status=76 ;;
14[5-9] | 15[016]) ;;
129 | 1[3-8]? | 19[0-2]) trap - HUP INT TERM USR1 USR2 XCPU; kill -"$((status - 128))" $$ ;;
esac
exit "$status"
}
]]

-- A path, which is short where it lies in the attempt's directory.
local function path_of(path, item)
  local own = item.attempt_directory
  if path == own then return "$attempt" end
  return path:sub(1, #own + 1) == own .. "/" and "$attempt" .. quote(path:sub(#own + 1)) or quote(path)
end

-- `env` finds the program in the PATH that it sets, and `exec "$@"` keeps a name with = in it from being a variable.
local function words_of(item)
  local names, words = {}, { "set --" }
  for name in pairs(item.environment) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do words[#words + 1] = name .. "=" .. quote(item.environment[name]) end
  words[#words + 1] = "/bin/sh -c " .. quote 'exec "$@"' .. " sh"
  if item.script then
    words[#words + 1] = item.script:sub(1, 2) == "#!" and '"$attempt/.orrery/script"' or '/bin/sh "$attempt/.orrery/script"'
  end
  for _, argument in ipairs(item.script and (item.arguments or {}) or item.argv) do words[#words + 1] = quote(argument) end
  return table.concat(words, " ")
end

-- What is to be run, as lines of shell.
local function lines_of(item)
  return {
    "attempt=" .. quote(item.attempt_directory),
    "job=" .. quote(item.job),
    item.inputs and "inputs=" .. quote(item.inputs) or "unset inputs",
    "directory=" .. path_of(item.directory, item),
    "stdin=" .. path_of(item.stdin or "/dev/null", item),
    "stdout=" .. path_of(item.stdout, item),
    "stderr=" .. path_of(item.stderr, item),
    "login=" .. (item.inherit_environment and "1" or ""),
    item.script and "script=" .. quote(item.script) or "unset script",
    words_of(item),
  }
end

-- What is the same for all members stands once, behind what is each one's own and may be used in it.
local function branches(members, index)
  local all, same, parts = {}, {}, {}
  for m, item in ipairs(members) do all[m] = lines_of(item) end
  for i, line in ipairs(all[1]) do
    same[i] = true
    for _, lines in ipairs(all) do same[i] = same[i] and lines[i] == line end
  end
  local function add(lines, whether)
    for i, line in ipairs(lines) do
      if same[i] == whether then parts[#parts + 1] = line end
    end
  end
  if #members > 1 then
    parts[1] = ("case ${%s-} in"):format(index)
    for m, lines in ipairs(all) do
      parts[#parts + 1] = m .. ")"
      add(lines, false)
      parts[#parts + 1] = ";;"
    end
    parts[#parts + 1] = '*) echo "there is no such member" >&2; exit 64 ;;\nesac'
  end
  add(all[1], true)
  return table.concat(parts, "\n") .. "\n"
end

---The script.
---@param members table[] submissions (schedulers/README.md) of one tag: one, or the members of an array
---@param honours table what the instance says of itself: `batch`, and for arrays `index` and `element`
function attempt.script(members, honours)
  local native = #members > 1 and honours.element or ("${%s-}"):format(honours.batch)
  return table.concat { ACCOUNT, "tag=", quote(members[1].tag), "\nnative=", native, "\n", branches(members, honours.index), RUN }
end

---What an attempt's record says: which native job has claimed it, with which tag, and how it ended if it did.
---@param text string
---@return table|nil record {native, tag, host, started_at (ms), over, failed, ended_at, exit_code, signal}
function attempt.read(text)
  local values = {}
  for name, value in text:gmatch "(%l+) ([^\n]*)\n" do values[name] = value end -- of a second run the last lines count
  if not values.native or not values.tag then return nil end
  local function whole(name) return math.tointeger(tonumber(values[name])) end
  local status, started, ended = whole "status", whole "start", whole "end"
  local record = { native = values.native, tag = values.tag, host = values.host, failed = values.failed,
    over = values.failed ~= nil or status ~= nil and ended ~= nil,
    started_at = started and started * 1000, ended_at = ended and ended * 1000 }
  if not record.over or record.failed then return record end
  if status > 128 and status <= 192 then record.signal = status - 128 else record.exit_code = status end
  return record
end

attempt.CLAIMED = 75
local UNWRITTEN = 73
local OWN = { [66] = true, [72] = true, [UNWRITTEN] = true, [attempt.CLAIMED] = true, [76] = true } -- the script's own exit codes

---Whether an exit code may be the script's, not the program's: the record tells.
function attempt.is_own(exit_code) return OWN[exit_code] == true end

---The status (schedulers/README.md) that the record of an attempt that is over makes of what the scheduler reported.
function attempt.status(record, report)
  if record.failed then
    return { state = "FAILED", final = true, reason = "LAUNCH_FAILED", message = record.failed,
      started_at = record.started_at, ended_at = record.ended_at, native_state = report.native_state }
  end
  if not report.absent then
    report.exit_code = record.exit_code
    return report
  end
  local reason = record.signal and "SIGNAL" or record.exit_code ~= 0 and "EXIT_CODE" or nil
  return { state = reason and "FAILED" or "COMPLETED", final = true, reason = reason, exit_code = record.exit_code,
    signal = record.signal, started_at = record.started_at, ended_at = record.ended_at, hosts = record.host and { record.host } }
end

---And what is made of it where there is no record, since that is the first thing that could not be written.
function attempt.status_without_record(report)
  if report.exit_code ~= UNWRITTEN then return report end
  return { state = "FAILED", final = true, reason = "LAUNCH_FAILED", started_at = report.started_at, ended_at = report.ended_at,
    native_state = report.native_state,
    message = "nothing could be written in its directory: is the disk full there, or may the account not write?" }
end

return attempt
