-- What a question costs when much is stored, against the same when little is. Answers are of one size in both, and the
-- databases are in the kernel's cache, as that of a server in use is.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local socket = require "socket"
local stock = require "bench.lib.stock"

local CONNECTIONS, SECONDS = 8, 1
local SLOW = 0.2         -- seconds; a question that takes longer is asked once, by itself
local MOST_PATHS = 20000 -- of single jobs

-- Walks through all jobs, page by page → their ids, or, of a million, of every so many.
local function sample_ids(it, jobs)
  local ids, every, passed = {}, math.max(jobs // MOST_PATHS, 1), 0
  local path, cursor = "/v1/jobs?fields=id&limit=1000", nil
  repeat
    local body = it:get(cursor and path .. "&cursor=" .. cursor or path).body
    for id in body:gmatch '{"id":"([^"]+)"}' do
      passed = passed + 1
      if passed % every == 0 then ids[#ids + 1] = id end
    end
    cursor = body:match '"next":"([^"]+)"'
  until not cursor
  return ids
end

local function open(made, jobs)
  local it = own.start { data = made.data }
  it.made, it.ids, it.job_paths = made, sample_ids(it, jobs), {}
  for i, id in ipairs(it.ids) do it.job_paths[i] = "/v1/jobs/" .. id end
  return it
end

-- Answers a second.
local function rate_of(it, question)
  process.run(("cat %s/orrery.db >/dev/null"):format(process.quote(it.data)))
  local paths, token = question.paths(it), question.guest and it.made.guest or it.token
  local began = socket.gettime()
  local response = it:get(paths[1], { token = token })
  assert(response.status == 200, response.body)
  local took = socket.gettime() - began
  if took > SLOW then return 1 / took end
  return load.run { url = it.url, paths = paths, token = token, connections = CONNECTIONS, seconds = SECONDS }.rate
end

local function always(path) return function() return { path } end end
local function in_simulation(rest)
  return function(it) return { "/v1/simulations/" .. it.made.simulation .. rest } end
end

local questions = {
  { "get a job", paths = function(it) return it.job_paths end },
  { "list a simulation's jobs", paths = in_simulation "/jobs" },
  { "list a simulation's jobs of a state", paths = in_simulation "/jobs?state=FAILED" },
  { "list all of a state", paths = always "/v1/jobs?state=FAILED" },
  { "list all of several states", paths = always "/v1/jobs?state=FAILED,CANCELED,NEW" },
  { "list all of a rare state", paths = always "/v1/jobs?state=NEW" },
  { "list from a cursor deep inside", paths = function(it)
    return { "/v1/jobs?cursor=" .. it.ids[#it.ids * 9 // 10] }
  end },
  { "list newest first", paths = always "/v1/jobs?order=desc" },
  { "list a sweep's jobs", paths = function(it) return { "/v1/jobs?sweep=" .. it.made.sweep } end },
  { "list all of a rare name", paths = always "/v1/jobs?name=rare" },
  { "list all on an unused resource", paths = always "/v1/jobs?resource=none" },
  { "list one's own, of all users' jobs", paths = always "/v1/jobs", guest = true },
  { "list one's own of a state", paths = always "/v1/jobs?state=FAILED", guest = true },
  { "page of results", paths = in_simulation "/results" },
  { "count: get the simulation", paths = in_simulation "" },
}

return function()
  local many, few = open(stock.many(), scale.stored_jobs), open(stock.few(), scale.stored_few)
  local with = ("with %d jobs"):format(scale.stored_few)
  print(("With %d jobs stored; the ratio is the time of an answer to that with %d:"):format(scale.stored_jobs,
    scale.stored_few))
  for i = 1, #questions, scale.every_question do
    local question = questions[i]
    local result = rounds.compare(function() return rate_of(many, question) end,
      function() return rate_of(few, question) end)
    result.ratio = 1 / result.ratio -- of times, not of rates
    report.compared("  " .. question[1], "rate", result, with, { most = 1.5 })
  end
  report.absolute("resident memory after that", "mib", own.memory(many), 40)
  many:stop()
  few:stop()
end
