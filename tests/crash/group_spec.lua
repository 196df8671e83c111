-- What is wanted of a local job reaches the whole process group, and the processes show it.
local crash = require "support.crash"
local process = require "support.process"

-- A script that starts itself: three processes of one group, each with its traps, each telling its pid.
local TREE = [[#!/bin/sh
%s
if [ "${1-1}" -lt 3 ]; then "$0" $((${1-1} + 1)) & fi
echo $$ >"pid.${1-1}"
while :; do sleep 0.02; done
]]

-- Starts such a job → its id and its group.
local function start_tree(s, simulation, traps, more)
  local job = { script = TREE:format(traps) }
  for name, value in pairs(more or {}) do job[name] = value end
  local id = s:make(("/v1/simulations/%s/jobs"):format(simulation), job).id
  local directory = s:job_in(id, "ACTIVE").directory
  local pids = {}
  for i = 1, 3 do
    local path = directory .. "/pid." .. i
    pids[i] = process.eventually(path, function() return tonumber(process.read(path) or "") end)
    assert.equal(pids[1], select(2, crash.state(pids[i])))
  end
  return id, pids[1]
end

-- Waits until every process of the group is, or none is, stopped. A shell whose child was stopped between vfork and exec
-- is in state D until that goes on.
local function await_stopped(group, stopped)
  process.eventually("a group that " .. (stopped and "stands still" or "goes on"), function()
    local members = crash.group(group)
    for _, pid in ipairs(members) do
      local state = crash.state(pid)
      if stopped ~= (state == "T" or stopped and state == "D") then return false end
    end
    return #members >= 3
  end)
end

local function await_gone(group)
  process.eventually("the end of a group", function() return #crash.group(group) == 0 end)
end

local function ask(s, target, verb) assert.equal(202, s:post(target .. "/" .. verb).status) end

describe("a process group", function()
  local s, guard, simulation

  setup(function()
    s, guard = crash.start { options = "cores = 8" }
    simulation = s:simulation()
  end)
  teardown(function()
    local _ <close> = guard -- also of jobs that failed tests have left
    crash.stop(s)
  end)

  it("is suspended, resumed and cancelled", function()
    local id, group = start_tree(s, simulation, "")
    local job = "/v1/jobs/" .. id
    for _ = 1, 2 do
      ask(s, job, "suspend")
      s:job_in(id, "SUSPENDED")
      await_stopped(group, true)
      ask(s, job, "resume")
      s:job_in(id, "ACTIVE")
      await_stopped(group, false)
    end
    ask(s, job, "cancel")
    assert.equal("CANCELED", s:job_in(id).state)
    await_gone(group)
  end)

  it("is cancelled while it is suspended", function()
    local id, group = start_tree(s, simulation, "")
    ask(s, "/v1/jobs/" .. id, "suspend")
    s:job_in(id, "SUSPENDED")
    ask(s, "/v1/jobs/" .. id, "cancel")
    assert.equal("CANCELED", s:job_in(id).state)
    await_gone(group)
  end)

  it("that ignores SIGTERM is killed", function()
    local id, group = start_tree(s, simulation, 'trap "" TERM')
    ask(s, "/v1/jobs/" .. id, "cancel")
    local job = s:job_in(id)
    assert.same({ "CANCELED", 9 }, { job.state, job.signal })
    await_gone(group)
  end)

  it("whose leader ends takes the others with it", function()
    local id, group = start_tree(s, simulation, "")
    crash.send("TERM", group)
    local job = s:job_in(id)
    assert.same({ "FAILED", "SIGNAL", 15 }, { job.state, job.reason, job.signal })
    await_gone(group)
  end)

  it("is ended at its wall time, whether it likes it or not", function()
    for _, traps in ipairs { "", 'trap "" TERM' } do
      local id, group = start_tree(s, simulation, traps, { attributes = { duration = 1 } })
      local job = s:job_in(id)
      assert.same({ "FAILED", "TIMEOUT", traps == "" and 15 or 9 }, { job.state, job.reason, job.signal })
      assert.matches("time limit of 1 s", job.message)
      await_gone(group)
    end
  end)

  it("of each job of a simulation does what is wanted of the simulation", function()
    local whole, groups, ids = s:simulation(), {}, {}
    for i = 1, 3 do ids[i], groups[i] = start_tree(s, whole, "") end
    ask(s, "/v1/simulations/" .. whole, "suspend")
    for i = 1, 3 do
      s:job_in(ids[i], "SUSPENDED")
      await_stopped(groups[i], true)
    end
    ask(s, "/v1/simulations/" .. whole, "resume")
    for i = 1, 3 do
      s:job_in(ids[i], "ACTIVE")
      await_stopped(groups[i], false)
    end
    ask(s, "/v1/simulations/" .. whole, "cancel")
    assert.same({ total = 3, CANCELED = 3 }, s:finished(whole).counts)
    for i = 1, 3 do await_gone(groups[i]) end
  end)
end)
