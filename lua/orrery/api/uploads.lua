-- Files that are sent to a job, or deleted: its inputs before it has begun (core.submission.inputs), and then what is in its
-- directory, or in the one that its user named. A file is there when all of it has come, and not before. Whoever writes files
-- of a job decides what it does, so only those may who may run jobs as its account.
local clock = require "house.clock"
local db = require "house.db"
local files = require "orrery.core.files"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.jobs"
local inputs = require "orrery.core.submission.inputs"
local lifecycle = require "orrery.core.job.lifecycle"
local problem = require "orrery.api.problem"
local specification = require "orrery.core.job.specification"
local submission = require "orrery.core.submission"

local DEADLINE_MS = 20000
local KEEP_MS = 600000 -- until a large file is on the disk

local types = { not_found = "not-found", invalid = "invalid-value", conflict = "exists", no_space = "storage-full",
  forbidden = "forbidden" }

local function fail(code, why, what)
  if types[code] then problem.raise(types[code], ("The file cannot be %s: %s."):format(what or "written", why)) end
  problem.raise("unavailable", why, { headers = "Retry-After: 5\r\n" })
end

-- The path as it is kept, without what stands twice.
local function checked(path)
  local words = {}
  for word in (path or ""):gmatch "[^/]+" do words[#words + 1] = word end
  local first = words[1]
  if not first or path:sub(-1) == "/" then problem.raise("invalid-value", "The path is wrong: it names no file.") end
  if first == ".orrery" then problem.raise("invalid-value", "The path is wrong: .orrery belongs to the server.") end
  for _, word in ipairs(words) do
    if word == "." or word == ".." then problem.raise("invalid-value", "The path is wrong: it may not have . or .. in it.") end
  end
  return table.concat(words, "/")
end

-- Among what belongs to the job → place, and whether that of its inputs.
local function own_place(job, may_run_as)
  if job.attempt > 0 and not inputs.are_due(job) then return submission.place(job), false end
  if job.inputs then return inputs.place(job), true end
  local place, code, why = inputs.choose(job, may_run_as)
  if not place then fail(code, why) end
  return place, true
end

-- Where the file goes → place, and whether it is an input there.
local function place_of(context, job)
  if lifecycle.ended[job.state] then
    problem.raise("illegal-transition", ("The job is %s: its files stay as they are."):format(job.state))
  end
  local source = data.specification(job.key)
  local named = specification.of(source).directory
  local place, is_input = own_place(job, source.may_run_as)
  if named then place, is_input = { base = named, resource = place.resource, account = place.account }, false end
  access.may_use(context, { key = job.key, simulation = job.simulation, owner = job.owner, resource = place.resource,
    account = place.account }, "Files of this job would be written")
  return place, is_input
end

-- The job has gone on without the file. What came for one that is deleted would be nobody's.
local function missed(id, job, place)
  if not data.get(job.key) then
    local above = { base = place.base, own = place.own:match "^(.*)/", resource = place.resource, account = place.account }
    files.remove(place.resource, { above }, DEADLINE_MS)
    problem.raise("gone", "This job was deleted.")
  end
  problem.raise("illegal-transition", ("Job %s has begun, or ended, while the file came; it has not got it."):format(id))
end

-- The job has an input more: it will be run where that is. One that was handed over in the meantime may have missed it.
local function note(id, job, place)
  local now = data.get(job.key)
  if now and lifecycle.live[now.state] and inputs.are_due(now) then return true end
  local change = db.change()
  data.stage(change, job.key, place.base .. place.own, place.resource, place.account)
  local ok, code, why = change:commit()
  if ok then return true end
  if code == "conflict" then missed(id, job, place) end
  problem.of_commit(code, why)
end

-- Writes what comes → nil | type of a problem, sentence
local function take(request, arrival)
  while true do
    local bytes, kind, sentence = request:read()
    if not bytes then return kind, sentence end
    local ok, code, why = arrival:write(bytes, DEADLINE_MS)
    if not ok then
      arrival:drop(DEADLINE_MS)
      fail(code, why)
    end
  end
end

local function receive(context, place, path)
  local arrival, code, why = files.receive(place.resource, place, path, DEADLINE_MS)
  if not arrival then fail(code, why) end
  local kind, sentence = take(context.request, arrival)
  if kind then
    arrival:drop(DEADLINE_MS)
    problem.raise(kind == "aborted" and "bad-request" or kind, sentence or "The client has gone.")
  end
  local info, created
  info, created, why = arrival:keep(KEEP_MS)
  if info then return info, created end
  arrival:drop(DEADLINE_MS)
  fail(created, why)
end

-- What is sent is the file, and all of it.
local function check_headers(request)
  if request:header "content-range" then
    problem.raise("bad-request", "Send the whole file, without Content-Range: parts of one are not taken.")
  end
  if request:header "content-encoding" then
    problem.raise("unsupported-media-type", "Send the file as it is, without Content-Encoding.")
  end
end

local function put(context, id, path)
  check_headers(context.request)
  local job = access.job(context, id)
  path = checked(path)
  local place, is_input = place_of(context, job)
  local info, created = receive(context, place, path)
  if is_input then note(id, job, place) end
  return answer.json(created and 201 or 200, json.encode { path = path, type = "file", size = info.size,
    modified_at = clock.text(info.modified) })
end

local function delete(context, id, path)
  local job = access.job(context, id)
  path = checked(path)
  local place = place_of(context, job)
  local ok, code, why = files.unlink(place.resource, place, path, DEADLINE_MS)
  if not ok then fail(code, why, "deleted") end
  return 204, "", ""
end

return {
  { method = "PUT", path = "/v1/jobs/{id}/files/{path*}", summary = "Send a file to a job", handler = put, streams = true,
    status = 201, replaced = "there was a file of this name, which it replaces", response = "file" },
  { method = "DELETE", path = "/v1/jobs/{id}/files/{path*}", summary = "Delete a file of a job", handler = delete, status = 204 },
}
