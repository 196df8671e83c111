-- The files of jobs, wherever they are: on this machine, as the server's own user (house.files), or where house.reach leads,
-- as the account that the job runs as (core.files.there). A place is {base, own, resource, account}: a folder of the house's
-- own beneath a base (core.submission.place), or, without `own`, one that a user named.
local files = require "house.files"
local reach = require "house.reach"
local there = require "orrery.core.files.there"

local facade = {}

local PIECE = 65536 -- bytes read at a time

-- Whether a place is elsewhere. A resource that is no more leads nowhere, nor does one that maps accounts no more lead to
-- theirs: files of accounts cannot be had then, and those that were the server's own are where they were.
local function is_there(place)
  local way = place.resource and reach.way(place.resource, place.account)
  return way == "there" or not way and place.account ~= nil
end

-- What is done for many places of a resource is done for those of each account by itself: one that cannot be reached says
-- nothing of the others. → what came of each, nothing where that is not known | nil, code, sentence: nothing is known of any
local function by_account(places, ask)
  local groups, by_name, all, known = {}, {}, {}, false
  for i, place in ipairs(places) do
    local name = place.account or ""
    if not by_name[name] then
      by_name[name] = { at = {} }
      groups[#groups + 1] = by_name[name]
    end
    local group = by_name[name]
    table.insert(group, place)
    table.insert(group.at, i)
  end
  local code, why
  for _, group in ipairs(groups) do
    local some
    some, code, why = ask(group, is_there(group[1]))
    known = known or some ~= nil
    for n, i in ipairs(some and group.at or {}) do all[i] = some[n] end
  end
  if known or #groups == 0 then return all end
  return nil, code, why
end

local NOWHERE = "no resource" -- the lane of jobs that are given back, and may go to another

---@param lane string|nil the threads for this machine's files; those of one resource hold up no other
---@return {type:string, size:integer, modified:integer}|nil info
---@return string|nil code
---@return string|nil why
function facade.stat(lane, place, path, ms)
  if is_there(place) then return there.stat(place, path, ms) end
  return files.stat(lane or NOWHERE, place, path, ms)
end

function facade.list(lane, place, path, deep, most, ms)
  if is_there(place) then return there.list(place, path, deep, most, ms) end
  return files.list(lane or NOWHERE, place, path, deep, most, ms)
end

function facade.read(lane, place, path, from, size, ms)
  if is_there(place) then return there.read(place, path, from, size, ms) end
  return files.read(lane or NOWHERE, place, path, from, size, ms)
end

---What stands between two bytes, piece by piece.
---@return fun():string|nil
function facade.pieces(lane, place, path, from, size, ms)
  if is_there(place) then return there.pieces(place, path, from, size, ms) end
  local at, stop = from, from + size
  return function()
    if at >= stop then return nil end
    local bytes, code, why = files.read(lane or NOWHERE, place, path, at, math.min(PIECE, stop - at), ms)
    if not bytes then return nil, code, why end
    if #bytes == 0 then return nil end -- it has become shorter
    at = at + #bytes
    return bytes
  end
end

---A file to be written, which nobody sees before it is kept: arrival:write(bytes, ms), arrival:keep(ms) → info, whether it is
---new, arrival:drop(ms), as of house.files.
---@return table|nil arrival
---@return string|nil code
---@return string|nil why
function facade.receive(lane, place, path, ms)
  if is_there(place) then return there.receive(place, path, ms) end
  return files.receive(lane, place, path, ms)
end

---Deletes a file, or a link.
function facade.unlink(lane, place, path, ms)
  if is_there(place) then return there.unlink(place, path, ms) end
  return files.unlink(lane, place, path, ms)
end

---A small file of each of many places → texts, false where there is none.
function facade.slurp(lane, places, name, most, ms)
  return by_account(places, function(some, elsewhere)
    if elsewhere then return there.slurp(some, name, most, ms) end
    return files.slurp(lane, some, name, most, ms)
  end)
end

---Makes a file of that name in many places, where there is none → "made", "other" (there is one), or false.
function facade.make(lane, places, name, ms)
  return by_account(places, function(some, elsewhere)
    if elsewhere then return there.make(some, name, ms) end
    return files.make(lane, some, name, ms)
  end)
end

---Removes folders of the house's own → true or false for each.
function facade.remove(lane, places, ms)
  return by_account(places, function(some, elsewhere)
    if elsewhere then return there.remove(some, ms) end
    local paths = {}
    for i, place in ipairs(some) do paths[i] = place.base .. place.own end
    return files.remove(lane, paths, ms)
  end)
end

---The home of an account on the machine of a resource.
function facade.home(resource, account, ms) return there.home({ resource = resource, account = account }, ms) end

return facade
