-- Servers of our own as the rows need them: one API worker, and resources of two kinds. `endless` takes jobs that never
-- end, or, of size 0, no job at all, so that jobs stay PENDING; `local` runs them.
local process = require "support.process"
local server = require "support.server"

local own = {}

local plugins = server.top .. "/tests/bench/plugins"

own.LOCAL = 'resource "local" { scheduler = "local" }\n'

---A resource that takes so many jobs, which then run for ever.
function own.endless(name, jobs, poll_ms)
  return ('resource "%s" { scheduler = "endless", max_submitted = %d, poll_ms = %d }\n'):format(name, jobs, poll_ms)
end

---@param options table|nil resources (default: one named "shelf" that lets all jobs but one wait)
function own.new(options)
  options = options or {}
  options.resources = options.resources or own.endless("shelf", 1, 600000)
  options.schedulers = plugins
  return server.new(options)
end

function own.start(options) return own.new(options):launch():ready() end

---A sweep of so many jobs on a resource, as a body.
function own.sweep_of(jobs, resource)
  return { template = { executable = "/bin/true", arguments = { "${i}" }, resource = resource },
    parameters = { i = { from = 1, to = jobs, step = 1 } } }
end

function own.post_sweep(it, simulation, jobs, resource)
  return it:make("/v1/simulations/" .. simulation .. "/sweeps", own.sweep_of(jobs, resource))
end

---A job's specification as clients send it.
own.JOB = '{"name":"heat","executable":"/bin/true","arguments":["--conductivity","0.4","--steps","1000"],'
  .. '"resource":"shelf"}'

---Resident memory of a server, in MiB.
function own.memory(it)
  local status = assert(process.read(("/proc/%d/status"):format(it.pid)))
  return tonumber(status:match "VmRSS:%s*(%d+) kB") / 1024
end

---Processor time that a server has spent, with the commands it ran, in ms.
function own.processor_ms(it)
  local fields = {}
  for field in assert(process.read(("/proc/%d/stat"):format(it.pid))):match(".*%) (.*)"):gmatch "%S+" do
    fields[#fields + 1] = tonumber(field) or 0
  end
  return (fields[12] + fields[13] + fields[14] + fields[15]) * 10
end

return own
