-- Files on the machines of resources, which house.reach leads to, by what a POSIX shell there can do with GNU's coreutils and
-- findutils: the same verbs that house.files has for this machine. What belongs to a job is done as the job's account, and so
-- can do no more than that may.
local reach = require "house.reach"
local script_of = require "orrery.core.files.script"
local sending = require "orrery.core.files.sending"

local there = {}

local quote, codes = script_of.quote, script_of.codes

local MOST_DEPTH = 33
local MOST_LIST = 1 << 24  -- bytes of a list

local run = script_of.run

local function script(place, path, what) return script_of.at(place, path, script_of.FIND .. what) end

-- One thing ----------------------------------------------------------------------------------------------------------

local types = { [0x8] = "file", [0x4] = "directory", [0xa] = "link" }

function there.stat(place, path, ms)
  local output, code, why = run(place, script(place, path, "stat -c '%f %s %Y %y' -- \"$full\""), ms)
  if not output then return nil, code, why end
  local mode, size, seconds, fraction = output:match "^(%x+) (%d+) (%-?%d+) [^.\n]*%.?(%d*)"
  if not mode then return nil, "io", "stat said " .. output end
  return { type = types[tonumber(mode, 16) >> 12] or "other", size = math.tointeger(size),
    modified = script_of.milliseconds(seconds, fraction) }
end

local LIST = [[
[ -d "$full" ] || fail 45 "$path is no directory"
cd -- "$full" || fail 46 "$path cannot be entered"
find . -mindepth 1 -maxdepth %d -printf '%%y %%s %%T@ %%P\0' 2>/dev/null | head -z -n %d
]]
local letters = { f = "file", d = "directory", l = "link" }

function there.list(place, path, deep, most, ms)
  local text = script(place, path, LIST:format(deep and MOST_DEPTH or 1, most + 1))
  local output, code, why = run(place, text, ms, MOST_LIST)
  if not output then return nil, code, why end
  local list, before = {}, path == "" and "" or path .. "/"
  for letter, size, seconds, fraction, name in output:gmatch "(%a) (%d+) (%-?%d+)%.?(%d*) (%Z+)%z" do
    list[#list + 1] = { path = before .. name, type = letters[letter] or "other", size = math.tointeger(size),
      modified = script_of.milliseconds(seconds, fraction) }
  end
  local more = #list > most or #output >= MOST_LIST
  list[most + 1] = nil
  table.sort(list, function(a, b) return a.path < b.path end)
  return list, more
end

local function content(from, size)
  local check = '[ -f "$full" ] || fail 45 "$path is no regular file"\n'
  if from == 0 then return check .. ('head -c %d <"$full"'):format(size) end
  return check .. ('tail -c +%d -- "$full" | head -c %d'):format(from + 1, size)
end

function there.read(place, path, from, size, ms) return run(place, script(place, path, content(from, size)), ms, size) end

---What stands between two bytes, as it comes, for a loop: one that is left early lets go of the connection at once.
---@return fun():string|nil, string|nil, string|nil bytes | nil; then what went wrong
function there.pieces(place, path, from, size, ms)
  local stream, code, why = reach.open(place.resource, place.account, script(place, path, content(from, size)))
  return function()
    if not stream then return nil, code, why end
    local bytes, errors, exit_code
    bytes, code, errors, exit_code = stream:read(ms)
    if bytes then return bytes end
    stream:close()
    if code ~= "ok" then return nil, code, errors end
    if exit_code ~= 0 then return nil, codes[exit_code] or "io", errors end
  end, nil, nil, stream
end

---A file to be written.
there.receive = sending.open

local UNLINK = [[
full=$(readlink -f -- "$top/$folder") && [ -d "$full" ] || fail 44 "there is no $path"
case $full in "$top" | "${top%/}"/*) ;; *) fail 45 "$path leads out of the folder" ;; esac
[ -e "$full/$name" ] || [ -L "$full/$name" ] || fail 44 "there is no $path"
[ -L "$full/$name" ] || [ ! -d "$full/$name" ] || fail 47 "$path is a folder"
rm -f -- "$full/$name" || fail 46 "$path cannot be deleted"
]]

---Deletes a file, or a link.
function there.unlink(place, path, ms)
  local output, code, why = run(place, script_of.at(place, path, UNLINK), ms)
  if not output then return nil, code, why end
  return true
end

---The home of an account.
function there.home(place, ms) return run(place, 'printf %s "$HOME"', ms) end

-- Many at once, of one account of a resource -------------------------------------------------------------------------

-- Places by their base: what one script can do → lists of numbers of places
local function crowds(places)
  local all, by_base = {}, {}
  for i, place in ipairs(places) do
    if not by_base[place.base] then
      by_base[place.base] = {}
      all[#all + 1] = by_base[place.base]
    end
    table.insert(by_base[place.base], i)
  end
  return all
end

-- For each place by its number, $i, with what is its own, $own; where a link stands in for one of its folders there is nothing.
local EACH = [[
cd -P -- %s 2>/dev/null || exit 0
each() {
  i=$1 own=$2
  [ -L "${own%%%%/*/*}" ] || [ -L "${own%%/*}" ] || [ -L "$own" ] || { %s; }
}
]]

local function each(places, crowd, what)
  local parts = { script_of.HEAD, EACH:format(quote(places[crowd[1]].base), what) }
  for _, i in ipairs(crowd) do parts[#parts + 1] = ("each %d %s\n"):format(i, quote(places[i].own)) end
  return table.concat(parts)
end

-- What a script says for each place, behind a mark that nothing in a file can be → texts by number | nil, code, sentence
local function ask_each(places, what, ms, most)
  local texts = {}
  for i in ipairs(places) do texts[i] = false end
  for _, crowd in ipairs(crowds(places)) do
    local mark = ("orrery-%016x"):format(math.random(0))
    local text = each(places, crowd, ([[printf '\n%s %%s\n' "$i"; %s]]):format(mark, what))
    local output, code, why = run(places[crowd[1]], text, ms, #crowd * (most + 100))
    if not output then return nil, code, why end
    local i, from
    for first, number, last in output:gmatch("()\n" .. mark:gsub("%p", "%%%0") .. " (%d+)\n()") do
      if i then texts[i] = output:sub(from, first - 1) end
      i, from = math.tointeger(number), last
    end
    if i then texts[i] = output:sub(from) end
  end
  return texts
end

---The same small file of many places → texts, false where there is none.
function there.slurp(places, name, most, ms)
  local folder = name:match "^(.*)/"
  local what = ('f=$own/%s; %s[ -L "$f" ] || [ ! -f "$f" ] || { echo +; head -c %d -- "$f"; }'):format(name,
    folder and ('[ -L "$own/%s" ] || '):format(folder) or "", most + 1)
  local texts, code, why = ask_each(places, what, ms, most)
  if not texts then return nil, code, why end
  for i, text in ipairs(texts) do
    local found = text and text:match "^%+\n(.*)$"
    texts[i] = found and #found <= most and found or false
  end
  return texts
end

---Makes a thing of that name in many places, in a folder beneath, where there is none → "made", "other" or false.
function there.make(places, name, ms)
  local folder = name:match "^(.*)/"
  local what = ([[mkdir -p -- "$own/%s" 2>/dev/null && if ln -s taken "$own/%s" 2>/dev/null; then printf made; else printf other; fi]])
    :format(folder, name)
  return ask_each(places, what, ms, 16)
end

---Removes places with all that is in them, and the folders above that are left empty → true or false for each.
function there.remove(places, ms)
  local what = [[rm -rf -- "$own" 2>/dev/null; rmdir -- "${own%/*}" 2>/dev/null; [ -e "$own" ] || printf removed]]
  local texts, code, why = ask_each(places, what, ms, 16)
  if not texts then return nil, code, why end
  for i, text in ipairs(texts) do texts[i] = text == "removed" end
  return texts
end

return there
