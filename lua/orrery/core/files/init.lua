-- The files of jobs, wherever they are: on this machine, as the server's own user (house.files), or where house.reach leads,
-- as the account that the job runs as (core.files.there). A place is {base, own, resource, account}: a folder of the house's
-- own beneath a base (core.submission.place), or, without `own`, one that a user named.
local files = require "house.files"
local reach = require "house.reach"
local there = require "orrery.core.files.there"

local facade = {}

local PIECE = 65536 -- bytes read at a time

-- Whether a place is elsewhere. A resource that is no more leads nowhere: files of its accounts cannot be had, and those that
-- were the server's own are where they were.
local function is_there(place)
  local way = place.resource and reach.way(place.resource, place.account)
  return way == "there" or not way and place.account ~= nil
end

-- → what stands for all places: they are of one resource
local function any_there(places) return places[1] ~= nil and is_there(places[1]) end

---@param lane string the threads for this machine's files; those of one resource hold up no other
---@return {type:string, size:integer, modified:integer}|nil info
---@return string|nil code
---@return string|nil why
function facade.stat(lane, place, path, ms)
  if is_there(place) then return there.stat(place, path, ms) end
  return files.stat(lane, place, path, ms)
end

function facade.list(lane, place, path, deep, most, ms)
  if is_there(place) then return there.list(place, path, deep, most, ms) end
  return files.list(lane, place, path, deep, most, ms)
end

function facade.read(lane, place, path, from, size, ms)
  if is_there(place) then return there.read(place, path, from, size, ms) end
  return files.read(lane, place, path, from, size, ms)
end

---What stands between two bytes, piece by piece.
---@return fun():string|nil
function facade.pieces(lane, place, path, from, size, ms)
  if is_there(place) then return there.pieces(place, path, from, size, ms) end
  local at, stop = from, from + size
  return function()
    if at >= stop then return nil end
    local bytes, code, why = files.read(lane, place, path, at, math.min(PIECE, stop - at), ms)
    if not bytes then return nil, code, why end
    if #bytes == 0 then return nil end -- it has become shorter
    at = at + #bytes
    return bytes
  end
end

function facade.slurp(lane, places, name, most, ms)
  if any_there(places) then return there.slurp(places, name, most, ms) end
  return files.slurp(lane, places, name, most, ms)
end

function facade.make(lane, places, name, ms)
  if any_there(places) then return there.make(places, name, ms) end
  return files.make(lane, places, name, ms)
end

---@param places table[] folders of the house's own
function facade.remove(lane, places, ms)
  if any_there(places) then return there.remove(places, ms) end
  local paths = {}
  for i, place in ipairs(places) do paths[i] = place.base .. place.own end
  return files.remove(lane, paths, ms)
end

---The home of an account on the machine of a resource.
function facade.home(resource, account, ms) return there.home({ resource = resource, account = account }, ms) end

return facade
