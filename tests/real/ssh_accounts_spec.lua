-- Two people whose jobs run as their own accounts, by an ssh login of each: the same sweep of both, side by side. Neither can
-- see, read or steer what is the other's, over REST or on the disk, nor can what keeps their connections be used by them.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local far = require "support.far"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"
local slurm = require "support.slurm"
local sshd = require "support.sshd"

local quote = process.quote
local HEAT = server.build .. "/examples/heat2d/heat2d"

local with_accounts = sshd.has_accounts and describe or pending

with_accounts("Two users of Slurm over ssh", function()
  local rig, program
  setup(function()
    rig = far.of(slurm, nil, { run_as = "login" }).start()
    program = rig.host.directory .. "/bin/heat2d" -- where both find it
    rig:run(("install -m 755 %s %s"):format(quote(HEAT), quote(program)))
  end)
  teardown(function() if rig then rig:stop() end end)

  -- Runs a shell command as an account → its exit code, its output.
  local function as(account, command)
    return process.run(("sudo -n -u %s sh -c %s"):format(account, quote(command)))
  end

  local function sweep()
    local template = http.decode(process.read(server.top .. "/examples/heat2d/sweep.json")).sweeps[1]
    template.template.executable = program
    template.parameters = { conductivity = { 50, 100 }, boundary = { 350, 400, 450 } }
    return template
  end

  -- A user with a sweep of their own.
  local function user(s, account)
    local it = { account = account, token = s:token_of(account) }
    it.options = { token = it.token }
    it.simulation = s:make("/v1/simulations", { name = "heat" }, it.options).id
    it.path = "/v1/simulations/" .. it.simulation
    s:make(it.path .. "/sweeps", sweep(), it.options)
    return it
  end

  local function await_end(s, it)
    it.jobs = process.eventually("the end of a sweep", function()
      return s:read(it.path, it.options).state == "COMPLETED" and s:all(it.path .. "/jobs", it.options)
    end, 120)
    assert.equal(6, #it.jobs)
  end

  it("run the same sweep, each as themselves, over a connection of their own", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    local logins = sshd.logins(rig.host, rig.host.bob)
    local users = { user(s, rig.host.alice), user(s, rig.host.bob) }
    for _, it in ipairs(users) do
      await_end(s, it)
      for _, job in ipairs(it.jobs) do
        local shown = rig:run("squeue --noheader --states=all --Format=UserName:64 --jobs=" .. job.native_id)
        assert.equal(it.account, shown:match "%S+")
        local _, owner = process.run(("stat -c %%U %s/results.json"):format(quote(job.directory)))
        assert.equal(it.account .. "\n", owner)
      end
    end
    assert.equal(1, sshd.logins(rig.host, rig.host.bob) - logins)
    crash.stop(s)
  end)

  it("have no part in what is the other's: over REST, on the disk, by the server's own sockets", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    local alice, bob = user(s, rig.host.alice), user(s, rig.host.bob)
    for _, it in ipairs { alice, bob } do await_end(s, it) end
    for _, pair in ipairs { { alice, bob }, { bob, alice } } do
      local mine, other = table.unpack(pair)
      for _, job in ipairs(mine.jobs) do
        local path = "/v1/jobs/" .. job.id
        for _, question in ipairs { "", "/files", "/files/results.json", "/stdout", "/history" } do
          assert.equal(200, s:get(path .. question, mine.options).status, path .. question)
          assert.equal(404, s:get(path .. question, other.options).status, path .. question)
        end
        assert.equal(404, s:post(path .. "/cancel", nil, other.options).status)
        assert.equal(404, s:post(path .. "/signal", { name = "KILL" }, other.options).status)
        assert.equal(0, (as(mine.account, "cat " .. quote(job.directory .. "/results.json"))))
        assert.is_true(as(other.account, "cat " .. quote(job.directory .. "/results.json")) ~= 0)
      end
      assert.equal(404, s:get(mine.path, other.options).status)
      assert.equal(404, s:delete(mine.path, other.options).status)
    end
    local _, sockets = process.run(("find %s -type s"):format(quote(s.data)))
    assert.is_true(select(2, sockets:gsub("\n", "")) >= 2)
    for socket in sockets:gmatch "[^\n]+" do
      for _, account in ipairs { alice.account, bob.account } do
        assert.is_true(as(account, ("ssh -F /dev/null -o ProxyCommand=false -S %s cluster id"):format(quote(socket))) ~= 0)
        assert.is_true(as(account, ("ssh -F /dev/null -S %s -O check cluster"):format(quote(socket))) ~= 0)
      end
    end
    crash.stop(s)
  end)

  -- A job of theirs that runs and is counted.
  local function running(s, account)
    local options = { token = s:token_of(account) }
    local simulation = s:make("/v1/simulations", { name = "one" }, options).id
    local job = s:make(("/v1/simulations/%s/jobs"):format(simulation), crash.counted(s, "sleep 300"), options).id
    return job, options
  end

  it("go on, each by themselves, when the other cannot log in", function()
    local s, _ <close> = behaviour.server(rig, "slurm")
    sshd.refuse(rig.host, rig.host.bob)
    local _ <close> = setmetatable({}, { __close = function() sshd.admit(rig.host, rig.host.bob) end })
    local bob, bobs = running(s, rig.host.bob)
    local alice, alices = running(s, rig.host.alice)
    process.eventually("alice's job", function() return s:read("/v1/jobs/" .. alice, alices).state == "ACTIVE" end)
    assert.equal(202, s:post(("/v1/jobs/%s/cancel"):format(alice), nil, alices).status)
    process.eventually("its end", function() return s:read("/v1/jobs/" .. alice, alices).state == "CANCELED" end)
    assert.matches("Permission denied", s:read("/v1/jobs/" .. bob, bobs).message)
    assert.equal("degraded", s:read "/v1/resources/cluster".state)
    sshd.admit(rig.host, rig.host.bob)
    process.eventually("bob's job", function() return s:read("/v1/jobs/" .. bob, bobs).state == "ACTIVE" end, 60)
    s:post(("/v1/jobs/%s/cancel"):format(bob), nil, bobs)
    process.eventually("its end", function() return s:read("/v1/jobs/" .. bob, bobs).state == "CANCELED" end)
    assert.equal(2, crash.runs(s))
    crash.stop(s)
  end)
end)

with_accounts("An operator of Slurm over ssh", function()
  local rig
  setup(function()
    local scheduler = far.of(slurm, nil, { run_as = "login" })
    rig = scheduler.start "--accounting"
    rig:run(("sacctmgr -i add account rig && sacctmgr -i add user %s account=rig adminlevel=operator"):format(rig.host.bob))
  end)
  teardown(function() if rig then rig:stop() end end)

  it("suspends and resumes what is another's, who may not do so", function()
    local s, _ <close> = behaviour.server(rig, "slurm", ("operator = %q,"):format(rig.host.bob))
    local options = { token = s:token_of(rig.host.alice) }
    local simulation = s:make("/v1/simulations", { name = "one" }, options).id
    local job = s:make(("/v1/simulations/%s/jobs"):format(simulation), { script = "sleep 300" }, options).id
    local function ask(verb, state)
      if verb then assert.equal(202, s:post(("/v1/jobs/%s/%s"):format(job, verb), nil, options).status) end
      return process.eventually("the job " .. state, function()
        local now = s:read("/v1/jobs/" .. job, options)
        return now.state == state and now
      end)
    end
    local native = ask(nil, "ACTIVE").native_id
    local account, command = rig.host.alice, ("SLURM_CONF=%s scontrol suspend %s"):format(rig:variables().SLURM_CONF, native)
    assert.matches("denied", select(2, sshd.log_in(rig.host, account, command)))
    ask("suspend", "SUSPENDED")
    ask("resume", "ACTIVE")
    ask("cancel", "CANCELED")
    crash.stop(s)
  end)
end)
