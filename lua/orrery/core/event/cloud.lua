-- Events as the world sees them: CloudEvents 1.0 in JSON, the structured mode. Server-sent events, webhooks and the message bus
-- carry the same text. `source` is this database's and `id` the event's number in its log, so the two name an event for ever;
-- of two events of a source, the one with the greater id came later.
local clock = require "house.clock"
local ids = require "house.ids"
local json = require "house.json"
local log = require "house.log"
local types = require "orrery.core.event.types"

local cloud = {}

cloud.MEDIA_TYPE = "application/cloudevents+json"

local LONGEST_TYPE = 150 -- with what it is of it fits into a routing key, which has at most 255 bytes
local MOST_KNOWN = 4096  -- texts of owners and identifiers that are kept, since events come in crowds of the same ones

-- A function whose last answers are remembered, by its first argument.
local function remembered(compute)
  local known, count = {}, 0
  return function(value, ...)
    local answer = known[value]
    if answer then return answer end
    if count == MOST_KNOWN then known, count = {}, 0 end
    answer, count = compute(value, ...), count + 1
    known[value] = answer
    return answer
  end
end

local id_of, time_of = remembered(ids.text), remembered(clock.text)
local owner_of = remembered(function(owner) return '"owner":' .. json.encode(owner) .. "," end)

-- By what an event is of: its subject, as a path below /v1; the members of its data that name it; and the words that follow
-- its type in a routing key, by which it is chosen.
local kinds = {}

function kinds.job(event)
  local simulation, job = id_of(event.simulation), id_of(event.job)
  return "jobs/" .. job, '"job_id":"' .. job .. '","simulation_id":"' .. simulation .. '"', simulation .. "." .. job
end

function kinds.chunk(event)
  local simulation, job = id_of(event.simulation), id_of(event.job)
  return "simulations/" .. simulation, '"first_job_id":"' .. job .. '","simulation_id":"' .. simulation .. '"', simulation
end

function kinds.simulation(event)
  local simulation = id_of(event.simulation)
  return "simulations/" .. simulation, '"simulation_id":"' .. simulation .. '"', simulation
end

-- What stands in the text and in the routing key as it is.
local function plain(word) return word:find "^[%w._-]+$" and word or error(("%q is no name"):format(word), 0) end

function kinds.resource(event)
  local name = plain(json.decode(event.data).resource)
  return "resources/" .. name, "", name:sub(1, 200) -- a routing key has at most 255 bytes
end

function kinds.webhook(event)
  local id = plain(json.decode(event.data).webhook_id)
  return "webhooks/" .. id, "", id
end

function kinds.house() end

-- An older log may have a type that is declared no more.
local function kind_of(event)
  local declared = types[event.type]
  if not declared and #plain(event.type) > LONGEST_TYPE then error("its type is too long", 0) end
  return kinds[declared and declared.of or event.of or event.job and "job" or event.simulation and "simulation" or "house"]
end

local source -- known once the store has an identity

local function write(event)
  source = source or "urn:uuid:" .. ids.text(0)
  if event.data and not json.is_map(event.data) then error("its data are no JSON object", 0) end
  local subject, names, words = kind_of(event)(event)
  local data = event.data and event.data:sub(2, -2) or ""
  return '{"specversion":"1.0","id":"' .. event.number .. '","source":"' .. source .. '","type":"orrery.' .. event.type
    .. (subject and '","subject":"' .. subject or "") .. '","time":"' .. time_of(event.at)
    .. '","datacontenttype":"application/json",' .. (event.owner and owner_of(event.owner) or "")
    .. '"data":{' .. (names or "") .. (names and names ~= "" and data ~= "" and "," or "") .. data .. "}}",
    words and event.type .. "." .. words or event.type
end

local NO_MEMORY = "not enough memory" -- Lua's own words, which say nothing of the event

local told_of = remembered(function(number, why)
  log.error("an event cannot be written down, and is left out", { number = number, error = why })
  return true
end)

---An event. One whose row was tampered with, or damaged, may be impossible to write down: then there is nothing, the log of the
---server says so once, and whoever reads on leaves it out.
---@param event table its row: number, at, type, owner, simulation, job, data (JSON | nil); of what is in no log, its number is a
---text of its own, and `of` says of what it is
---@return string|nil text CloudEvents' JSON
---@return string|nil key its routing key: the type, and what it is of
function cloud.text(event)
  local fine, text, key = pcall(write, event)
  if fine then return text, key end
  if text == NO_MEMORY then error(text, 0) end
  told_of(event.number, text)
end

return cloud
