-- A file that is sent to the machine of a resource, piece by piece: what house.files calls an arrival. A script there writes
-- it beside where it is to be, and gives it its name when all of it has come, which the last bytes say: a mark, and how many
-- there were before. When the way breaks the mark is missing, and nothing stays.
local reach = require "house.reach"
local script = require "orrery.core.files.script"

local sending = {}
sending.__index = sending

-- A folder of our own is made if need be: no job may have come to it yet.
local MAKE = '[ -z "$own" ] || mkdir -p -- "$base/$own" || fail 46 "$base/$own cannot be made"\n'

local WRITE = [[
refuse() {
  case $1 in
  *"No space left"* | *"quota exceeded"*) fail 48 "there is no room for $path" ;;
  *"Not a directory"* | *"File exists"*) fail 47 "of the folders that lead to $path one is a file" ;;
  *"File name too long"*) fail 45 "$path is longer than a name may be" ;;
  *) fail 46 "$path cannot be written: $1" ;;
  esac
}
full=$(readlink -m -- "$top/$folder")
case $full in "$top" | "${top%/}"/*) ;; *) fail 45 "$path leads out of the folder" ;; esac
said=$(mkdir -p -- "$full" 2>&1) || refuse "$said"
[ "$(cd -P -- "$full" && pwd -P)" = "$full" ] || fail 45 "$path leads out of the folder"
to=$full/$name created=replaced
[ -L "$to" ] || [ ! -d "$to" ] || fail 47 "$path is a folder"
[ -L "$to" ] || [ ! -e "$to" ] || [ -f "$to" ] || fail 47 "$path is a special file"
part=$full/.arriving-$mark
trap 'rm -f -- "$part"' EXIT
trap 'exit 46' HUP INT TERM
said=$({ : >"$part"; } 2>&1) || refuse "$said"
echo ready
said=$(cat 2>&1 >"$part") || refuse "$said"
rest=$(($(stat -c %s -- "$part") - ${#mark} - 20))
[ "$rest" -ge 0 ] && [ "$(tail -c $((${#mark} + 20)) -- "$part" | tr -d '\000')" = "$mark$(printf %020d "$rest")" ] ||
  fail 46 "not all of $path has come"
said=$({ truncate -s "$rest" -- "$part" && dd if=/dev/null of="$part" conv=notrunc,fsync; } 2>&1) || refuse "$said"
[ -e "$to" ] || [ -L "$to" ] || created=created
said=$(mv -f -T -- "$part" "$to" 2>&1) || refuse "$said"
stat -c "%s %Y %y $created" -- "$to"
]]

-- The next line that the script says | nil, code, sentence
local function hear(self, ms)
  local said = ""
  repeat
    local bytes, code, errors, exit_code = self.stream:read(ms)
    if not bytes and code ~= "ok" then return nil, code, errors end
    if not bytes then return nil, script.failure(exit_code, errors) end
    said = said .. bytes
  until said:sub(-1) == "\n"
  return said
end

---@return table|nil arrival
---@return string|nil code
---@return string|nil why
function sending.open(place, path, ms)
  local mark = ("orrery%016x"):format(math.random(0))
  local text = script.at(place, path, "mark=" .. mark .. "\n" .. WRITE, MAKE)
  local stream, code, why = reach.open(place.resource, place.account, text, true)
  if not stream then return nil, code, why end
  local self = setmetatable({ stream = stream, mark = mark, size = 0 }, sending)
  local ready, problem, sentence = hear(self, ms)
  if ready then return self end
  stream:close()
  return nil, problem, sentence
end

function sending:write(bytes, ms)
  local ok, code, why = self.stream:write(bytes, ms)
  if ok then self.size = self.size + #bytes end
  if ok or code ~= "ok" then return ok, code, why end
  return hear(self, ms)
end

---@return {type:string, size:integer, modified:integer}|nil info
---@return boolean|string created or the code of what went wrong
---@return string|nil why
function sending:keep(ms)
  local said, code, why = self:write(self.mark .. ("%020d"):format(self.size), ms)
  if not said then return nil, code, why end
  self.stream:finish()
  said, code, why = hear(self, ms)
  if not said then return nil, code, why end
  local size, seconds, fraction, created = said:match "^(%d+) (%d+) [^.\n]*%.?(%d*).* (%l+)\n$"
  return { type = "file", size = math.tointeger(size),
    modified = script.milliseconds(seconds, fraction) }, created == "created"
end

function sending:drop() self.stream:close() return true end

return sending
