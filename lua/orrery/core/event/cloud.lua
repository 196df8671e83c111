-- Events as the world sees them: CloudEvents 1.0 in JSON, the structured mode. Server-sent events, webhooks and the message bus
-- carry the same text. `source` is this database's and `id` the event's number in its log, so the two name an event for ever.
local clock = require "house.clock"
local ids = require "house.ids"
local json = require "house.json"

local cloud = {}

cloud.MEDIA_TYPE = "application/cloudevents+json"

local FORMAT = '{"specversion":"1.0","id":"%d","source":"%s","type":"orrery.%s","subject":"%s","time":"%s",'
  .. '"datacontenttype":"application/json","owner":%s,"data":{%s}}'

local source -- known once the store has an identity

-- What an event tells of, as a path below /v1, and its members that name it.
local function whereabouts(event)
  local simulation = event.simulation and ids.text(event.simulation)
  local job = event.job and ids.text(event.job)
  if job then return "jobs/" .. job, ('"job_id":"%s","simulation_id":"%s"'):format(job, simulation) end
  if simulation then return "simulations/" .. simulation, ('"simulation_id":"%s"'):format(simulation) end
  return "", ""
end

---The text of an event.
---@param event table its row: number, at, type, owner, simulation, job, data (JSON | nil)
function cloud.text(event)
  source = source or "urn:uuid:" .. ids.text(0)
  local subject, names = whereabouts(event)
  local data = event.data and event.data:sub(2, -2) or ""
  local members = names .. (names ~= "" and data ~= "" and "," or "") .. data
  return FORMAT:format(event.number, source, event.type, subject, clock.text(event.at), json.encode(event.owner), members)
end

return cloud
