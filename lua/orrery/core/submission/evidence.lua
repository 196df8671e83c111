-- What jobs left behind in their directories: results, and the record of how an attempt ended. Read on a lane of its own:
-- downloads must not be in its way.
local attempt = require "orrery.core.submission.attempt"
local files = require "orrery.core.files"
local json = require "house.json"
local log = require "house.log"
local submission = require "orrery.core.submission"

local evidence = {}

local RESULTS_BYTES = 65536 -- the largest results.json that is taken in
local RECORD_BYTES = 4096

---The lane of threads on which the house looks at what is its own.
function evidence.lane(resource) return resource.name .. " (results)" end

-- The text of one file of each job, by the job's place in the list | nil when the disk does not answer.
local function read(resource, list, name, bytes)
  local places = {}
  for i, job in ipairs(list) do places[i] = submission.place(job) end
  if #places == 0 then return {} end
  local texts, _, why = files.slurp(evidence.lane(resource), places, name, bytes, resource.settings.timeout_ms)
  if not texts then log.warn("what jobs left is not read", { resource = resource.name, file = name, error = why }) end
  return texts
end

-- Only an object of scalars becomes a row of results; anything else is left where it is.
local function checked_results(text)
  local value = text and json.decode(text)
  if type(value) ~= "table" or json.is_list(value) then return nil end
  for _, member in pairs(value) do
    if type(member) == "table" then return nil end
  end
  return json.encode(value)
end

---What ended jobs left in results.json, by job.
---@return table<job, string> found
---@return boolean|nil unread true: their disk does not answer
function evidence.results(resource, ended)
  local texts, found = read(resource, ended, "results.json", RESULTS_BYTES), {}
  for i, job in ipairs(ended) do found[job] = texts and checked_results(texts[i]) end
  return found, not texts
end

---What the attempts' records say (attempt.read), by the job's place in the list; nothing where there is none.
---@return table<integer, table> found
---@return boolean|nil unread true: their disk does not answer
function evidence.records(resource, list)
  local texts, found = read(resource, list, attempt.record, RECORD_BYTES), {}
  for i in ipairs(list) do found[i] = texts and texts[i] and attempt.read(texts[i]) or nil end
  return found, not texts
end

return evidence
