-- What is far away, over ssh: jobs handed to Slurm there, the time that ssh adds to each command, of which a look at jobs is
-- one, and files fetched. Compared with OpenSSH's own programs over one connection to the same sshd.
local batch = require "bench.lib.batch"
local far = require "support.far"
local openssh = require "bench.lib.openssh"
local own = require "bench.lib.own"
local process = require "support.process"
local report = require "bench.lib.report"
local rounds = require "bench.lib.rounds"
local scale = require "bench.lib.scale"
local slurm = require "support.slurm"
local socket = require "socket"

local quote = process.quote
local ROUND_TRIPS = 200

-- Connections that carry so many commands at once.
local function channels(side_by_side) return ("channels = %d, file_channels = 1,"):format(side_by_side + 1) end

-- Calls a function with a Slurm that is far away, fresh and with its queues closed → what it returns.
local function with_closed(side_by_side, fn)
  local rig = far.of(slurm, nil, { ssh = channels(side_by_side) }).start()
  rig:run(batch.slurm.close)
  local result = fn(rig)
  rig:stop()
  return result
end

local function our_submissions(side_by_side)
  return with_closed(side_by_side, function(rig)
    local it = batch.serve(batch.slurm, rig, rig.settings)
    local simulation = it:simulation "far"
    local began = socket.gettime()
    it:make("/v1/simulations/" .. simulation .. "/jobs", batch.jobs(scale.far_jobs), { status = 207 })
    local rate = scale.far_jobs / batch.await(it, simulation, "QUEUED", scale.far_jobs, began)
    it:stop()
    return rate
  end)
end

local function their_submissions(side_by_side, script)
  return with_closed(side_by_side, function(rig)
    local submit = ("SLURM_CONF=%s %s"):format(rig:variables().SLURM_CONF, batch.slurm.submit:format "")
    return openssh.submit(openssh.share(rig.host), submit, script, scale.far_jobs, side_by_side)
  end)
end

local function compare_submissions()
  local script = batch.script()
  for _, side_by_side in ipairs { 1, 8 } do
    report.compared(("jobs accepted by Slurm over ssh, %d at a time"):format(side_by_side), "rate",
      rounds.compare(function() return our_submissions(side_by_side) end,
        function() return their_submissions(side_by_side, script) end), "ssh HOST sbatch", { least = 0.95 })
  end
end

-- What a command of a plug-in takes on each of two resources, of which one is far away.
local function our_delay(host)
  local there = ('ssh = { host = "cluster", config = %q }, base = "${home}/jobs",'):format(host.config)
  local it = own.start { resources = ('resource "here" { scheduler = "round_trip" }\n'
    .. 'resource "there" { scheduler = "round_trip", timeout_ms = 60000, %s }\n'):format(there) }
  local function mean_ms(name)
    return process.eventually("a look at " .. name, function()
      return tonumber(tostring(it:read("/v1/resources/" .. name .. "/status").message):match "^([%d.]+) ms")
    end, 60)
  end
  local added = mean_ms "there" - mean_ms "here"
  it:stop()
  return added
end

local function their_delay(shared)
  return openssh.each_ms(ROUND_TRIPS, shared.ssh .. " true") - openssh.each_ms(ROUND_TRIPS, "/bin/true")
end

-- A server with a job that has left a file far away, of so many MiB.
local function with_file(rig, megabytes, fn)
  local it = batch.serve(batch.slurm, rig, rig.settings)
  local job = it:make("/v1/simulations/" .. it:simulation "far" .. "/jobs",
    { script = ("head -c %dM /dev/urandom >big"):format(megabytes) }).id
  assert(it:job_in(job).state == "COMPLETED")
  fn(it, it.url .. "/v1/jobs/" .. job .. "/files/big")
  it:stop()
end

-- MiB a second.
local function our_download(it, url, megabytes, copy)
  local began = socket.gettime()
  local code, output = process.run(("curl -sSf -H 'Authorization: Bearer %s' -o %s %s"):format(it.token, quote(copy), url))
  assert(code == 0, output)
  return megabytes / (socket.gettime() - began)
end

local function compare_files(rig, shared)
  local folder = process.temporary()
  for _, megabytes in ipairs(scale.far_files) do
    with_file(rig, megabytes, function(it, url)
      local file = folder .. "/file"
      report.compared(("a file of %d MiB fetched over ssh"):format(megabytes), "speed", rounds.compare(
        function() return our_download(it, url, megabytes, file) end,
        function() return openssh.copy(shared, file, megabytes, true) end), "scp")
    end)
  end
  process.run("rm -rf " .. quote(folder))
end

return function()
  compare_submissions()
  local rig = far.of(slurm).start()
  local shared = openssh.share(rig.host)
  report.compared("added by ssh to a command, such as a poll", "ms", rounds.compare(function() return our_delay(rig.host) end,
    function() return their_delay(shared) end), "ssh HOST true")
  compare_files(rig, shared)
  rig:stop()
end
