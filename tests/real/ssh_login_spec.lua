-- What logins are like out there: shells that are none of Bourne's, scripts that greet whoever comes, hosts behind hosts, and
-- disks that are full. What plug-ins are told, and what jobs write, is not touched by any of it.
local behaviour = require "support.behaviour"
local crash = require "support.crash"
local far = require "support.far"
local gridengine = require "support.gridengine"
local process = require "support.process"
local slurm = require "support.slurm"
local sshd = require "support.sshd"

local quote = process.quote

local function add(s, simulation, spec) return s:make(("/v1/simulations/%s/jobs"):format(simulation), spec).id end

local logins = {
  { "a login shell that is tcsh", "--shell alice=/bin/tcsh" },
  { "a login shell that is tcsh and greets", "--shell alice=/bin/tcsh --noisy alice" },
  { "a login shell that is bash and greets", "--noisy alice" },
  { "a host behind another", nil, { host = "behind" } },
}

for _, login in ipairs(logins) do
  local where = (login[2] == nil or sshd.has_accounts) and describe or pending
  where(("Slurm over ssh, with %s,"):format(login[1]), function()
    local rig
    setup(function() rig = far.of(slurm, login[2], login[3]).start() end)
    teardown(function() if rig then rig:stop() end end)

    it("runs jobs, and brings words and output as they are", function()
      local s, _ <close> = behaviour.server(rig, "slurm")
      local odd = { "a b", "'", '"', "$HOME", "`id`", "!", "x\ny\n", "", "-n", "*", "\\", "ü€", ("z"):rep(100000) }
      local simulation = s:simulation()
      local job = add(s, simulation, { executable = "printf", arguments = { "[%s]", table.unpack(odd) },
        environment = { ODD = odd[7] } })
      local who = add(s, simulation, { script = 'id -un; printf "[%s]" "$ODD"; cat', environment = { ODD = "x\n'!" } })
      assert.equal("COMPLETED", s:job_in(job).state)
      assert.equal("[" .. table.concat(odd, "][") .. "]", s:get("/v1/jobs/" .. job .. "/stdout").body)
      assert.equal("COMPLETED", s:job_in(who).state)
      assert.equal(rig.host.login .. "\n[x\n'!]", s:get("/v1/jobs/" .. who .. "/stdout").body)
      crash.stop(s)
    end)

    it("reads what a job left, and nothing that leads out of its folder", function()
      local s, _ <close> = behaviour.server(rig, "slurm")
      local job = add(s, s:simulation(), { script = "head -c 3M /dev/urandom >big; mkdir a; echo 1 >'a/x y'; mkfifo pipe; "
        .. "ln -s /etc/passwd out; echo secret >~/outside; ln -s ~/outside there; md5sum <big" })
      assert.equal("COMPLETED", s:job_in(job).state)
      local path = "/v1/jobs/" .. job
      local function status(name) return s:get(path .. "/files/" .. name).status end
      process.write(s.directory .. "/big", s:get(path .. "/files/big").body)
      assert.equal(s:get(path .. "/stdout").body, select(2, process.run("md5sum <" .. quote(s.directory .. "/big"))))
      assert.equal("1\n", s:get(path .. "/files/a/x%20y").body)
      assert.equal(404, status "nothing")
      for _, name in ipairs { "out", "there", "pipe", "../1/../../../outside", "..%2f..%2f..%2f..%2foutside" } do
        assert.is_true(status(name) >= 400 and status(name) < 500, name .. " " .. status(name))
      end
      local names = {}
      for _, entry in ipairs(s:read(path .. "/files?recursive=1").items) do names[entry.path] = entry.size end
      assert.same({ 3 << 20, 2 }, { names.big, names["a/x y"] })
      crash.stop(s)
    end)
  end)
end

local with_accounts = sshd.has_accounts and describe or pending
with_accounts("Grid Engine over ssh, which only the login's profile knows where to find,", function()
  local rig
  setup(function()
    rig = far.of(gridengine, "--noisy alice").start()
    process.write(rig.host.directory .. "/home/alice/.profile", (". %s/env.sh\necho Profiles greet, too.\n"):format(rig.directory))
  end)
  teardown(function() if rig then rig:stop() end end)

  it("is found by a login shell, and else is not", function()
    local settings = 'ssh = { host = "cluster", config = %q, login = %s }, base = "${home}/jobs",'
    rig.settings = settings:format(rig.host.config, "true")
    local s, _ <close> = behaviour.server(rig, "sge", gridengine.settings)
    behaviour.await(s, "up")
    assert.equal("COMPLETED", s:job_in(add(s, s:simulation(), { script = "true" })).state)
    s:stop(true)
    s:restart { resources = s.options.resources:gsub("login = true", "login = false") }
    assert.matches("q%a+", behaviour.await(s, "down").message)
    crash.stop(s)
  end)
end)

local can_mount = process.run 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"; gone=$?; rmdir "$d"; exit $gone' == 0
local with_disk = can_mount and describe or pending

with_disk("Slurm over ssh, with a disk that is full there,", function()
  local rig
  setup(function() rig = far.of(slurm, "--disk 3").start() end)
  teardown(function() if rig then rig:stop() end end)

  it("fails what cannot be written there, and goes on with what needs no room", function()
    local disk = rig.host.directory .. "/disk"
    rig.settings = far.settings(rig, { base = disk .. "/jobs" })
    local s, _ <close> = behaviour.server(rig, "slurm")
    behaviour.await(s, "up")
    local simulation, before = s:simulation(), slurm.given(rig)
    local script = { script = "echo '{\"n\": 1}' >results.json" }
    sshd.log_in(rig.host, rig.host.login, ("head -c 4M /dev/zero >%s"):format(quote(disk .. "/full")))
    local failed = s:job_in(add(s, simulation, script))
    assert.same({ "FAILED", "LAUNCH_FAILED", 1 }, { failed.state, failed.reason, crash.submissions(s, failed.id) })
    assert.matches("disk full", failed.message)
    rig.host:run("rm " .. quote(disk .. "/full"))
    local ended = s:job_in(add(s, simulation, script))
    assert.equal("COMPLETED", ended.state)
    assert.equal('{"n": 1}\n', s:get("/v1/jobs/" .. ended.id .. "/files/results.json").body)
    assert.equal(before + 2, slurm.given(rig))
    crash.stop(s)
  end)
end)
