-- A scheduler that is reached over ssh, and what can become of the way there: whatever it is, jobs that are there run on, those
-- that are to go there wait, each runs once, the resource says in words what is the matter, and everybody else goes on.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local far = require "support.far"
local process = require "support.process"
local slurm = require "support.slurm"
local sshd = require "support.sshd"

local CROWD = 12

-- Jobs on the far resource, each counted; `more` is what they do then.
local function add(s, simulation, count, more)
  local jobs = {}
  for i = 1, count do jobs[i] = crash.counted(s, more) end
  s:make(("/v1/simulations/%s/jobs"):format(simulation), { jobs = jobs }, { status = 207 })
end

describe("Slurm over ssh", function()
  local rig
  setup(function() rig = far.of(slurm).start() end)
  teardown(function() if rig then rig:stop() end end)

  local function start(settings) return behaviour.server(rig, "slurm", settings) end

  local function await_message(s, pattern)
    return process.eventually("a message of the resource like " .. pattern, function()
      local cluster = s:read "/v1/resources/cluster"
      return cluster.state == "down" and tostring(cluster.message):find(pattern) and cluster
    end, 60)
  end

  -- While the way is blocked, in the words of the message: jobs that run end, others that come wait, and none is lost.
  local function blocked(settings, pattern, block, free)
    local s, _ <close> = start(settings)
    behaviour.await(s, "up")
    local simulation, before = s:simulation(), slurm.given(rig)
    add(s, simulation, CROWD // 2, "sleep 4")
    crash.await_runs(s, 1)
    block(s)
    local _ <close> = setmetatable({}, { __close = free })
    add(s, simulation, CROWD // 2)
    await_message(s, pattern)
    free()
    assert.equal(0, crash.audit(s, simulation, CROWD))
    assert.equal(before + CROWD, slurm.given(rig))
    crash.stop(s)
  end

  it("makes one connection for all that is done there", function()
    local s, _ <close> = start()
    local simulation = s:simulation()
    add(s, simulation, CROWD, "sleep 1")
    crash.await_runs(s, 1)
    assert.equal(1, #sshd.connected(rig.host))
    assert.equal(0, crash.audit(s, simulation, CROWD))
    assert.equal(1, #sshd.connected(rig.host))
    crash.stop(s)
    process.eventually("its end", function() return #sshd.connected(rig.host) == 0 end)
  end)

  it("makes a new connection when one is killed, again and again, and no job notices", function()
    local s, _ <close> = start()
    behaviour.await(s, "up")
    local simulation, before = s:simulation(), slurm.given(rig)
    for round = 1, 4 do
      add(s, simulation, CROWD // 4, "sleep 2")
      crash.await_runs(s, round)
      process.eventually("a connection", function() return sshd.kill_connected(rig.host) > 0 end)
    end
    assert.equal(0, crash.audit(s, simulation, CROWD))
    assert.equal(before + CROWD, slurm.given(rig))
    crash.stop(s)
  end)

  it("waits while the network stands still", function()
    blocked("timeout_ms = 3000,", "ssh", function() sshd.freeze(rig.host) end, function() sshd.thaw(rig.host) end)
  end)

  it("waits while nobody may log in, and says so", function()
    blocked(nil, "Permission denied", function()
      sshd.refuse(rig.host, rig.host.login)
      sshd.kill_connected(rig.host)
    end, function() sshd.admit(rig.host, rig.host.login) end)
  end)

  it("trusts no host whose key is another, and says so", function()
    blocked(nil, "host key has changed", function()
      sshd.change_host_key(rig.host)
      sshd.kill_connected(rig.host)
    end, function() sshd.restore_host_key(rig.host) end)
  end)

  it("does with as many sessions as the far end allows, on one connection", function()
    sshd.limit_sessions(rig.host, 2)
    local _ <close> = setmetatable({}, { __close = function() sshd.limit_sessions(rig.host, 10) end })
    local s, _ <close> = start()
    local simulation = s:simulation()
    local logins = sshd.logins(rig.host)
    add(s, simulation, CROWD)
    assert.equal(0, crash.audit(s, simulation, CROWD))
    assert.is_true(sshd.logins(rig.host) - logins <= 1)
    crash.stop(s)
  end)
end)
