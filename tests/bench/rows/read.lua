-- Reading one job, the most asked question of all: 32 connections, all with a token, from one API worker.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local peers = require "bench.lib.peers"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"

local JOBS = 300

local function jobs_of(it)
  local simulation = it:simulation "read"
  local body = {}
  for i = 1, JOBS do body[i] = own.JOB end
  local answer = it:make("/v1/simulations/" .. simulation .. "/jobs", ('{"jobs":[%s]}'):format(table.concat(body, ",")),
    { status = 207 })
  local paths = {}
  for i, item in ipairs(answer.items) do paths[i] = "/v1/jobs/" .. item.job.id end
  return paths
end

local function jobs_of_pyramid(it)
  local paths = {}
  for i = 1, JOBS do paths[i] = "/jobs/" .. it:post("/simulations/" .. it.simulation .. "/jobs", own.JOB).id end
  return paths
end

return function()
  local it, bare, pyramid = own.start(), peers.bare_http(), peers.pyramid()
  local paths, pyramid_paths = jobs_of(it), jobs_of_pyramid(pyramid)

  local to_bare, to_pyramid, to_sqlite = rounds.compare(
    function() return load.run { url = it.url, paths = paths, token = it.token }.rate end,
    function() return load.run { url = bare.url, paths = paths, token = it.token }.rate end,
    function() return load.run { url = pyramid.url, paths = pyramid_paths }.rate end,
    function() return (select(2, peers.bare_sqlite(JOBS, JOBS))) end)
  report.compared("GET a job", "rate", to_bare, "libuv + llhttp", { least = 0.30 })
  report.compared("GET a job", "rate", to_pyramid, "Pyramid + SQLAlchemy", { least = 25 })
  report.compared("GET a job", "rate", to_sqlite, "SQLite, reads by key")

  it:stop()
  bare:stop()
  pyramid:stop()
end
