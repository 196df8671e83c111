-- The server is killed while jobs fail and are tried again: each attempt runs once, and each job as often as it must.
local crash = require "support.crash"

describe("retries under a server that is killed", function()
  it("are as many as they must be", function()
    local s, _ <close> = crash.start { options = "cores = 4" }
    local simulation, jobs, must = s:simulation(), 60, 0
    local template = crash.counted_template(s, "exit $((${ORRERY_DIRECTORY##*/} < @tries))")
    template.retries = { count = 2, reasons = { "EXIT_CODE" } }
    local tries = {}
    for n = 1, jobs do
      tries[n] = 1 + n % 3
      must = must + tries[n]
    end
    s:make(("/v1/simulations/%s/sweeps"):format(simulation), { parameters = { tries = tries }, template = template })
    for part = 1, 4 do
      crash.await_runs(s, must * part // 5)
      crash.kill(s)
      s:restart()
    end
    assert.same({ total = jobs, COMPLETED = jobs }, s:finished(simulation).counts)
    local times, attempts = crash.read_runs(s)
    for n, job in ipairs(s:all(("/v1/simulations/%s/jobs"):format(simulation))) do
      assert.same({ tries[n], tries[n], tries[n] }, { job.attempt, times[job.id], attempts[job.id] })
    end
    assert.equal(must, crash.runs(s))
    crash.stop(s)
  end)
end)
