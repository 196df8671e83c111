-- Events as the world sees them: CloudEvents 1.0 in JSON, the structured mode. Server-sent events, webhooks and the message bus
-- carry the same text. `source` is this database's and `id` the event's number in its log, so the two name an event for ever;
-- of two events of a source, the one with the greater id came later.
local clock = require "house.clock"
local ids = require "house.ids"
local json = require "house.json"
local types = require "orrery.core.event.types"

local cloud = {}

cloud.MEDIA_TYPE = "application/cloudevents+json"

local MOST_KNOWN = 4096 -- texts of owners and identifiers that are kept, since events come in crowds of the same ones

-- A function of one argument, whose last answers are remembered.
local function remembered(compute)
  local known, count = {}, 0
  return function(value)
    local answer = known[value]
    if answer then return answer end
    if count == MOST_KNOWN then known, count = {}, 0 end
    answer, count = compute(value), count + 1
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

function kinds.resource(event)
  local name = json.decode(event.data).resource
  return "resources/" .. name, "", name:sub(1, 200) -- a routing key has at most 255 bytes
end

function kinds.webhook(event)
  local id = json.decode(event.data).webhook_id
  return "webhooks/" .. id, "", id
end

function kinds.house() end

-- An older log may have a type that is declared no more.
local function kind_of(event)
  local declared = types[event.type]
  return kinds[declared and declared.of or event.of or event.job and "job" or event.simulation and "simulation" or "house"]
end

local source -- known once the store has an identity

---An event.
---@param event table its row: number, at, type, owner, simulation, job, data (JSON | nil); of what is in no log, its number is a
---text of its own, and `of` says of what it is
---@return string text CloudEvents' JSON
---@return string key its routing key: the type, and what it is of
function cloud.text(event)
  source = source or "urn:uuid:" .. ids.text(0)
  local subject, names, words = kind_of(event)(event)
  local data = event.data and event.data:sub(2, -2) or ""
  return '{"specversion":"1.0","id":"' .. event.number .. '","source":"' .. source .. '","type":"orrery.' .. event.type
    .. (subject and '","subject":"' .. subject or "") .. '","time":"' .. time_of(event.at)
    .. '","datacontenttype":"application/json",' .. (event.owner and owner_of(event.owner) or "")
    .. '"data":{' .. (names or "") .. (names and names ~= "" and data ~= "" and "," or "") .. data .. "}}",
    words and event.type .. "." .. words or event.type
end

return cloud
