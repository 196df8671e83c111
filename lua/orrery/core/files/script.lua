-- What the shell scripts for files on the machines of resources have in common. A shell reads a script whole before it begins;
-- every name in it stands in single quotes.
local reach = require "house.reach"

local script = {}

local MOST_WORDS = 1 << 16 -- of an output that is no file's content

---What scripts end with.
script.codes = { [44] = "not_found", [45] = "invalid", [46] = "io", [47] = "conflict", [48] = "no_space" }

function script.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

script.HEAD = [[
LC_ALL=C TZ=UTC0 PATH=${PATH:-/usr/bin:/bin}:/usr/bin:/bin
export LC_ALL TZ PATH
umask 077
fail() { echo "$2" >&2; exit "$1"; }
]]

-- Nothing of the place that is ours is a link.
local ENTER = [[
top=$(cd -P -- "$base" 2>/dev/null && pwd -P) || fail 44 "$base is not there"
if [ "$own" ]; then
  entered=$(cd -P -- "$base/$own" 2>/dev/null && pwd -P) || fail 44 "$own is not there"
  [ "$entered" = "${top%/}/$own" ] || fail 45 "$own is a link, which is not followed"
  top=$entered
fi
]]

---Where a path leads in the end, which must be beneath the place.
script.FIND = [[
full=$(readlink -f -- "$top/$path") || fail 44 "$path is not there"
case $full in "$top" | "${top%/}"/*) ;; *) fail 45 "$path leads out of the folder" ;; esac
[ -e "$full" ] || fail 44 "$path is not there"
]]

---A script about a path in a place, which is the folder $top; the path is the $name in a $folder of it.
---@param before string|nil what comes before the place is entered
function script.at(place, path, what, before)
  local quote = script.quote
  return table.concat { script.HEAD, "base=", quote(place.base), "\nown=", quote(place.own or ""), "\npath=", quote(path),
    "\nfolder=", quote(path:match "^(.*)/" or "."), "\nname=", quote(path:match "[^/]*$"), "\n", before or "", ENTER, what }
end

---What it means that a script ended so → code, sentence
function script.failure(exit_code, errors)
  return script.codes[exit_code] or "io", errors ~= "" and errors:gsub("%s+$", "") or ("it ended with %d"):format(exit_code)
end

---@return string|nil output
---@return string|nil code
---@return string|nil why
function script.run(place, text, ms, most)
  local exit_code, output, errors = reach.run(place.resource, place.account, text, ms, most or MOST_WORDS)
  if not exit_code then return nil, output, errors end
  if exit_code == 0 then return output end
  return nil, script.failure(exit_code, errors)
end

---A time as stat and find there tell it, in two texts: whole seconds, and the digits behind the point, of which there may be
---none.
function script.milliseconds(seconds, fraction)
  return math.tointeger(seconds) * 1000 + (math.tointeger((fraction .. "000"):sub(1, 3)) or 0)
end

return script
