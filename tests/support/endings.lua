-- Scripts, each with what is told of a job of it in the end: state, reason, exit code, signal.
local assert = require "luassert"
local http = require "support.http"
local process = require "support.process"

local endings = {
  { "exit 0", "COMPLETED", http.null, 0, http.null },
  { "exit 3", "FAILED", "EXIT_CODE", 3, http.null },
  { "kill -SEGV $$", "FAILED", "SIGNAL", http.null, 11 },
}

---Starts a job of each, which will end after so many seconds, and waits until all of them run → their ids.
function endings.start(s, simulation, seconds)
  local jobs = {}
  for i, case in ipairs(endings) do
    local script = ("sleep %d\n%s"):format(seconds, case[1])
    jobs[i] = s:make(("/v1/simulations/%s/jobs"):format(simulation), { script = script }).id
  end
  for _, job in ipairs(jobs) do s:job_in(job, "ACTIVE") end
  return jobs
end

-- A scheduler that has stood still is asked again only after a while.
local function end_of(s, job)
  return process.eventually("the end of a job", function()
    local now = s:read("/v1/jobs/" .. job)
    return (now.state == "COMPLETED" or now.state == "FAILED" or now.state == "CANCELED") and now
  end, 90)
end

---Waits for their ends: each is as it should be, and the only one that was ever told.
function endings.check(s, jobs)
  for i, job in ipairs(jobs) do
    local ended, ends = end_of(s, job), 0
    assert.same({ table.unpack(endings[i], 2) }, { ended.state, ended.reason, ended.exit_code, ended.signal }, endings[i][1])
    assert.is_true(ended.started_at < ended.ended_at)
    for _, event in ipairs(s:all("/v1/jobs/" .. job .. "/history")) do
      if event.to == "COMPLETED" or event.to == "FAILED" then ends = ends + 1 end
    end
    assert.equal(1, ends)
  end
end

return endings
