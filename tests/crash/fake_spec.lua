-- The server is killed around the calls of a scheduler whose jobs are nothing but entries in its journal: the fake one, in
-- C and in Lua. How many entries there are for each job is how often it was submitted.
local crash = require "support.crash"
local process = require "support.process"
local server = require "support.server"

local twins = { { "C", server.build .. "/tests/plugins" }, { "Lua", server.plugins } }

-- The tags in the journal, one for each native job.
local function native(s)
  local tags = {}
  for tag in (process.read(s.data .. "/resources/fake/jobs") or ""):gmatch "orrery%-[%x-]+" do tags[#tags + 1] = tag end
  return tags
end

local function await_native(s, count)
  process.eventually(count .. " native jobs", function() return #native(s) >= count end)
end

local function await_submitting(s, count)
  process.eventually("the attempts", function() return crash.submitting(s) == count end)
end

-- All jobs have completed in their first attempt, each with one native job; it took so many submissions.
local function audit(s, simulation, count, submissions)
  local done = s:finished(simulation)
  assert.same({ total = count, COMPLETED = count }, done.counts)
  local tags, seen = native(s), {}
  for _, tag in ipairs(tags) do
    assert.is_nil(seen[tag])
    seen[tag] = true
  end
  assert.equal(count, #tags)
  for _, job in ipairs(s:all(("/v1/simulations/%s/jobs"):format(simulation))) do
    assert.equal(1, job.attempt)
    if submissions then assert.equal(submissions, crash.submissions(s, job.id)) end
  end
end

for _, twin in ipairs(twins) do
  local language, folder = table.unpack(twin)
  describe("the fake scheduler in " .. language, function()
    local function start()
      local s, guard = crash.start { schedulers = folder, resources = server.FAKE }
      return s, guard, s:simulation()
    end

    it("has a job that the database knows nothing of: it is found", function()
      local s, _ <close>, simulation = start()
      s:job(simulation, { submit_delay_ms = 300, run_ms = 10 })
      await_submitting(s, 1)
      local release = crash.lock(s)
      await_native(s, 1)
      crash.kill(s)
      await_submitting(s, 1)
      release()
      s:restart()
      audit(s, simulation, 1, 1)
      crash.stop(s)
    end)

    it("was not reached: the job is submitted again", function()
      local s, _ <close>, simulation = start()
      s:job(simulation, { submit_delay_ms = 500, run_ms = 10 })
      await_submitting(s, 1)
      crash.kill(s)
      assert.equal(0, #native(s))
      s:restart()
      audit(s, simulation, 1, 2)
      crash.stop(s)
    end)

    it("does not know whether it has the job, but has: it is found by the next server", function()
      local s, _ <close>, simulation = start()
      for _ = 1, 3 do s:job(simulation, { submit_error = "unknown", submit_lands = true, run_ms = 10 }) end
      await_native(s, 3)
      await_submitting(s, 3) -- it is looked for, but not yet
      crash.kill(s)
      s:restart()
      audit(s, simulation, 3, 1)
      crash.stop(s)
    end)

    local only_in_c = language == "C" and it or function() end -- the other cannot fail a set number of times
    only_in_c("does not know whether it has the job, and has not: the next server submits it again", function()
      local s, _ <close>, simulation = start()
      s:job(simulation, { submit_error = "unknown", submit_errors = 1, run_ms = 10 })
      await_submitting(s, 1)
      process.eventually("the error", function() return process.read(s.data .. "/resources/fake/errors") end)
      crash.kill(s)
      s:restart()
      audit(s, simulation, 1, 2)
      crash.stop(s)
    end)

    it("gets a sweep from a server that is killed again and again", function()
      local s, _ <close>, simulation = start()
      s:make(("/v1/simulations/%s/sweeps"):format(simulation), {
        template = server.spec({ submit_delay_ms = 2, run_ms = 10 }, { arguments = { "${i}" } }),
        parameters = { i = { from = 1, to = 300, step = 1 } } })
      for i = 1, 5 do
        await_native(s, 50 * i)
        crash.kill(s)
        s:restart()
      end
      audit(s, simulation, 300)
      crash.stop(s)
    end)
  end)
end
