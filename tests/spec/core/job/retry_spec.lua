-- Which attempts that failed are followed by another, and when.
require "support.house"
local jobs = require "orrery.data.jobs"
local retry = require "orrery.core.job.retry"
local states = require "orrery.core.job.states"

describe("retry.instead", function()
  local function instead(retries, job, failure)
    stub(jobs, "specification").returns { spec = ('{"retries":%s}'):format(retries) }
    return retry.instead(job, failure, 1000)
  end

  local function job(more)
    local it = { key = 7, wanted = "RUN", attempt = 1, retries = 1 }
    for name, value in pairs(more or {}) do it[name] = value end
    return it
  end

  it("is for reasons that are not the job's fault", function()
    local default = { NODE_FAIL = true, PREEMPTED = true, LAUNCH_FAILED = true, LOST = true }
    for _, reason in ipairs(states.failures) do
      assert.equal(default[reason] or false, instead('{"count":1}', job(), { reason = reason }) ~= nil, reason)
    end
  end)

  it("is for the reasons that are asked for, and no others", function()
    local asked = '{"count":1,"reasons":["EXIT_CODE","TIMEOUT"]}'
    for _, reason in ipairs { "EXIT_CODE", "TIMEOUT" } do assert.is_table(instead(asked, job(), { reason = reason })) end
    for _, reason in ipairs { "NODE_FAIL", "SIGNAL" } do assert.is_nil(instead(asked, job(), { reason = reason })) end
    assert.is_nil(instead('{"count":1,"reasons":[]}', job(), { reason = "NODE_FAIL" }))
  end)

  it("is not when none are left, and not for jobs that are to be cancelled", function()
    for _, more in ipairs { { retries = 0 }, { wanted = "CANCEL" } } do
      assert.is_nil(instead('{"count":1}', job(more), { reason = "NODE_FAIL" }))
    end
    assert.is_nil(retry.instead({ key = 7, wanted = "RUN" }, { reason = "DEPENDENCY" }, 1000))
  end)

  it("waits twice as long each time, up to five minutes", function()
    local function wait(attempt) return instead('{"count":1}', job { attempt = attempt }, { reason = "LOST" }).due_at - 1000 end
    assert.same({ 1000, 2000, 4000, 256000, 300000, 300000, 300000 },
      { wait(1), wait(2), wait(3), wait(9), wait(10), wait(64), wait(1000) })
  end)

  it("leaves nothing of the attempt but why it failed", function()
    local fields = instead('{"count":1}', job(), { reason = "NODE_FAIL", exit_code = 3, results = "{}", message = "n1" })
    assert.same({ "BACKOFF", "attempt 1 failed: n1", 0 }, { fields.reason, fields.message, fields.retries })
    for _, name in ipairs { "native_id", "exit_code", "started_at", "ended_at", "submission", "results" } do
      assert.is_false(fields[name], name)
    end
  end)
end)
