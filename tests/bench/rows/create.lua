-- Creating one job in each request, from 32 connections; each answer says that the job is durable.
local load = require "bench.lib.load"
local own = require "bench.lib.own"
local peers = require "bench.lib.peers"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"

return function()
  local it, pyramid = own.start(), peers.pyramid()
  local path = "/v1/simulations/" .. it:simulation "create" .. "/jobs"
  local pyramid_path = "/simulations/" .. pyramid.simulation .. "/jobs"

  report.compared("POST a job, durable", "rate", rounds.compare(function()
    return load.run { url = it.url, paths = { path }, token = it.token, body = own.JOB }.rate
  end, function()
    return load.run { url = pyramid.url, paths = { pyramid_path }, body = own.JOB }.rate
  end), "Pyramid + SQLAlchemy", { least = 15 })

  it:stop()
  pyramid:stop()
end
