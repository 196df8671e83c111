-- The files of a job: its output and whatever it left in its directory, whole or in ranges, streamed from the disk. They
-- are read as the server's own user. What lies in a directory that Orrery made for the job is the job's; a directory that
-- the job's user named may hold anything, and so is read for those alone who may run jobs as that user.
local clock = require "house.clock"
local files = require "house.files"
local json = require "house.json"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local data = require "orrery.data.jobs"
local problem = require "orrery.api.problem"
local submission = require "orrery.core.submission"

local MOST_ENTRIES, PIECE, DEADLINE_MS = 10000, 65536, 20000

local types = { txt = "text/plain; charset=utf-8", log = "text/plain; charset=utf-8", csv = "text/csv; charset=utf-8",
  json = "application/json", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", svg = "image/svg+xml",
  gif = "image/gif", ppm = "image/x-portable-pixmap", pdf = "application/pdf", xml = "application/xml" }

local function spec_of(job) return submission.spec_of(data.specification(job.key)) end

---@param named string|nil an absolute directory of the user's choice
local function place_of(context, job, named)
  if not named then return submission.place(job.directory) end
  access.may_run(context, ("The files in %s would be read"):format(named))
  return { base = named }
end

local function absent(job, what)
  local why = job.attempt == 0 and "the job has not started" or "it is not there"
  problem.raise("not-found", ("There is no %s: %s."):format(what, why))
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

-- Streams a file, as long as it was when it was first looked at: it may still grow.
local function send(context, job, place, path, what, content_type)
  local request, lane = context.request, job.resource
  local info, code, why = files.stat(lane, place, path, DEADLINE_MS)
  if not info then fail(job, what, code, why) end
  if info.type ~= "file" then problem.raise("not-found", ("%s is a %s."):format(what, info.type)) end
  local tag = ('"%x-%x"'):format(info.size, info.modified)
  if answer.has(request, tag) then return 304, "ETag: " .. tag .. "\r\n", "" end
  local from, to = range_of(request, info.size)
  local headers = ("Content-Type: %s\r\nAccept-Ranges: bytes\r\nETag: %s\r\nX-Content-Type-Options: nosniff\r\n")
    :format(content_type, tag)
  if from then headers = headers .. ("Content-Range: bytes %d-%d/%d\r\n"):format(from, to, info.size) end
  local at, stop = from or 0, (to or info.size - 1) + 1
  request:begin(from and 206 or 200, headers, stop - at)
  if request:method() == "HEAD" then return end
  while at < stop do
    local bytes = files.read(lane, place, path, at, math.min(PIECE, stop - at), DEADLINE_MS)
    if not bytes or #bytes == 0 or not request:write(bytes) then return end -- cut short, and seen to be so
    at = at + #bytes
  end
end

local function output(name)
  return function(context, id)
    local job = access.job(context, id)
    if not job.directory then absent(job, name) end
    local spec = spec_of(job)
    local path = spec[name .. "_path"]
    local named = path and spec.directory
    if path and path:sub(1, 1) == "/" then named, path = path:match "^(.*/)([^/]*)$" end
    return send(context, job, place_of(context, job, named), path or name, name, "text/plain; charset=utf-8")
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
  if not job.directory then absent(job, "directory") end
  local place = place_of(context, job, spec_of(job).directory)
  path = path:gsub("/+$", "")
  local info, code, why = files.stat(job.resource, place, path, DEADLINE_MS)
  if not info then fail(job, path == "" and "directory" or path, code, why) end
  if info.type == "directory" then return listing(job, place, path, context.query.recursive == 1) end
  local ending = path:match "%.(%w+)$"
  return send(context, job, place, path, path, types[ending and ending:lower()] or "application/octet-stream")
end

local query = { recursive = { type = "integer", min = 0, max = 1, help = "1: folders within folders as well" } }

return {
  { method = "GET", path = "/v1/jobs/{id}/stdout", summary = "What the job wrote", handler = output "stdout", response = "bytes" },
  { method = "GET", path = "/v1/jobs/{id}/stderr", summary = "What the job wrote as errors",
    handler = output "stderr", response = "bytes" },
  { method = "GET", path = "/v1/jobs/{id}/files", summary = "List the files of a job", handler = get, query = query,
    response = "list" },
  { method = "GET", path = "/v1/jobs/{id}/files/{path*}", summary = "Download a file, or list a folder", handler = get,
    query = query, response = "bytes" },
}
