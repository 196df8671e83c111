-- The files of a job: its inputs, its output and whatever it left in its directory, whole or in ranges, streamed from the
-- disk. They are read as the account that the job runs as. What lies in a directory that Orrery made for the job is the job's; a
-- directory that the job's user named may hold anything, and so is read for those alone who may run jobs as that account:
-- its owner, where each user has an account; where all jobs run as one, those who may run jobs as that.
local clock = require "house.clock"
local files = require "orrery.core.files"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.jobs"
local follow = require "orrery.api.follow"
local inputs = require "orrery.core.submission.inputs"
local lifecycle = require "orrery.core.job.lifecycle"
local problem = require "orrery.api.problem"
local specification = require "orrery.core.job.specification"
local submission = require "orrery.core.submission"

local MOST_ENTRIES, DEADLINE_MS = 10000, 20000

local types = { txt = "text/plain; charset=utf-8", log = "text/plain; charset=utf-8", csv = "text/csv; charset=utf-8",
  json = "application/json", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", svg = "image/svg+xml",
  gif = "image/gif", ppm = "image/x-portable-pixmap", pdf = "application/pdf", xml = "application/xml" }

local function spec_of(job) return specification.of(data.specification(job.key)) end

---@param named string|nil an absolute directory of the user's choice
local function may_read(context, job, named)
  if named then access.may_use(context, job, ("The files in %s would be read"):format(named)) end
end

local function place_of(job, named)
  if named then return { base = named, resource = job.resource, account = job.account } end
  return job.directory and submission.place(job) or inputs.place(job)
end

local function absent(job, what)
  local why = job.attempt == 0 and "the job has not started" or "it is not there"
  problem.raise("not-found", ("There is no %s: %s."):format(what, why))
end

-- Raises unless the job has a directory or, with its output in a folder of the user's choice, has begun.
local function must_have_begun(job, what, named)
  if job.directory or named and job.attempt > 0 or job.inputs and not named then return end
  if job.attempt == 0 then absent(job, what) end
  problem.raise("gone", "The job's directory was removed: this server keeps them for some days only.")
end

local function fail(job, what, code, why)
  if code == "not_found" then absent(job, what) end
  if code == "invalid" then problem.raise("invalid-value", ("The path is wrong: %s."):format(why)) end
  problem.raise("unavailable", why, { headers = "Retry-After: 5\r\n" })
end

-- Range: bytes=FROM-TO → from, to (inclusive); nil where there is none or it is not understood, which is then ignored.
local function range_of(request, size)
  local header = request:header "range"
  if not header then return nil end
  local first, last = header:match "^bytes=(%d*)%-(%d*)$"
  if not first or (first == "" and last == "") then return nil end
  local from, to = tonumber(first), tonumber(last)
  if not from then from, to = math.max(size - to, 0), size - 1 end
  to = math.min(to or size - 1, size - 1)
  if from >= size or from > to then
    problem.raise("range-not-satisfiable", ("The file has %d bytes now."):format(size),
      { headers = ("Content-Range: bytes */%d\r\n"):format(size) })
  end
  return math.tointeger(from), math.tointeger(to)
end

-- What is known of a file; raises unless it is one. nil: it is not there yet, and may come.
local function look(job, place, path, what, may_come)
  local info, code, why = files.stat(job.resource, place, path, DEADLINE_MS)
  if not info and code == "not_found" and may_come then return nil end
  if not info then fail(job, what, code, why) end
  if info.type ~= "file" then problem.raise("not-found", ("%s is a %s."):format(what, info.type)) end
  return info
end

-- Streams a file, as long as it was when it was first looked at: it may still grow.
local function send(context, job, place, path, what, content_type)
  local request, lane = context.request, job.resource
  local info = look(job, place, path, what)
  local tag = ('"%x-%x"'):format(info.size, info.modified)
  if answer.has(request, tag) then return 304, "ETag: " .. tag .. "\r\n", "" end
  local from, to = range_of(request, info.size)
  local headers = ("Content-Type: %s\r\nAccept-Ranges: bytes\r\nETag: %s\r\nX-Content-Type-Options: nosniff\r\n")
    :format(content_type, tag)
  if from then headers = headers .. ("Content-Range: bytes %d-%d/%d\r\n"):format(from, to, info.size) end
  local at, stop = from or 0, (to or info.size - 1) + 1
  request:begin(from and 206 or 200, headers, stop - at)
  if request:method() == "HEAD" then return end
  for bytes in files.pieces(lane, place, path, at, stop - at, DEADLINE_MS) do
    if not request:write(bytes) then return end
  end -- what breaks off is shorter than was said, and seen to be so
end

-- Where a job writes its output: a folder of the user's choice | nil, and the path in that or in its own directory.
local function output_of(job, name)
  local spec = spec_of(job)
  local path = spec[name .. "_path"]
  if not path then return nil, name end
  if path:sub(1, 1) == "/" then return path:match "^(.*/)([^/]*)$" end
  return spec.directory, path
end

local function output(name)
  return function(context, id)
    local query, job = context.query, access.job(context, id)
    local named, path = output_of(job, name)
    may_read(context, job, named)
    local may_come = query.follow == 1 and not lifecycle.ended[job.state]
    if not may_come then must_have_begun(job, name, named) end
    if query.follow ~= 1 then
      if query.offset then problem.raise("invalid-query", "offset is for follow=1; without it, send a Range.") end
      return send(context, job, place_of(job, named), path, name, "text/plain; charset=utf-8")
    end
    if named or job.directory then look(job, place_of(job, named), path, name, may_come) end
    return follow(context, job, { named = named, path = path, place = function(now) return place_of(now, named) end })
  end
end

local function listing(job, place, path, deep)
  local list, more, why = files.list(job.resource, place, path, deep, MOST_ENTRIES, DEADLINE_MS)
  if not list then fail(job, path == "" and "directory" or path, more, why) end
  local items = json.list {}
  for i, entry in ipairs(list) do
    items[i] = { path = entry.path, type = entry.type, size = entry.size, modified_at = clock.text(entry.modified) }
  end
  return answer.json(200, json.encode { items = items, next = json.null, cut = more })
end

local function get(context, id, path)
  local job = access.job(context, id)
  path = path or ""
  local named = spec_of(job).directory
  must_have_begun(job, "directory", named)
  may_read(context, job, named)
  local place = place_of(job, named)
  path = path:gsub("/+$", "")
  local info, code, why = files.stat(job.resource, place, path, DEADLINE_MS)
  if not info then fail(job, path == "" and "directory" or path, code, why) end
  if info.type == "directory" then return listing(job, place, path, context.query.recursive == 1) end
  local ending = path:match "%.(%w+)$"
  return send(context, job, place, path, path, types[ending and ending:lower()] or "application/octet-stream")
end

local output_query = {
  follow = { type = "integer", min = 0, max = 1, help = "1: go on while the job runs; what breaks off was not all" },
  offset = { type = "integer", min = 0, help = "with follow: the first byte wanted" },
}

local query = { recursive = { type = "integer", min = 0, max = 1, help = "1: folders within folders as well" } }

return {
  { method = "GET", path = "/v1/jobs/{id}/stdout", summary = "What the job wrote", handler = output "stdout",
    query = output_query, response = "bytes" },
  { method = "GET", path = "/v1/jobs/{id}/stderr", summary = "What the job wrote as errors",
    handler = output "stderr", query = output_query, response = "bytes" },
  { method = "GET", path = "/v1/jobs/{id}/files", rpc = "jobs.files", summary = "List the files of a job", handler = get,
    query = query, response = "list" },
  { method = "GET", path = "/v1/jobs/{id}/files/{path*}", summary = "Download a file, or list a folder", handler = get,
    query = query, response = "bytes" },
}
