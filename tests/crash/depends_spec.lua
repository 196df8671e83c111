-- The server is killed while it tells thousands of jobs how one that they depend on ended.
local crash = require "support.crash"
local process = require "support.process"
local server = require "support.server"

describe("dependants whose server is killed", function()
  it("know it in the end, each once", function()
    local s, _ <close> = crash.start { resources = server.FAKE }
    local simulation, jobs = s:simulation(), 40000
    local good = s:job(s:simulation(), nil, { hold = true }).id
    local bad = s:job(s:simulation(), { exit_code = 1 }, { hold = true }).id
    s:make(("/v1/simulations/%s/sweeps"):format(simulation), { parameters = { n = { from = 1, to = jobs, step = 1 } },
      template = server.spec(nil, { depends_on = { { job = good }, { job = bad } } }) })

    local function killed_while(id, begun, condition)
      s:post("/v1/jobs/" .. id .. "/release")
      process.eventually(begun, function() return tonumber(s:sql("SELECT count(*) FROM jobs WHERE " .. condition)) > 0 end)
      crash.kill(s)
      local count = tonumber(s:sql("SELECT count(*) FROM jobs WHERE " .. condition))
      s:restart()
      return count
    end

    assert.is_true(killed_while(good, "the first that know of the good end", "waits = 1") < jobs)
    process.eventually("all know of the good end", function() return s:sql "SELECT count(*) FROM outcomes" == "0" end)
    assert.equal(tostring(jobs), s:sql "SELECT sum(waits) FROM jobs")
    assert.same({ total = jobs, PENDING = jobs }, s:read("/v1/simulations/" .. simulation).counts)

    assert.is_true(killed_while(bad, "the first that know of the bad end", "reason = 'DEPENDENCY'") < jobs)
    assert.same({ total = jobs, FAILED = jobs }, s:finished(simulation).counts)
    assert.equal("0", s:sql "SELECT count(*) FROM dependencies")
    assert.equal(tostring(jobs), s:sql "SELECT count(*) FROM events WHERE data LIKE '%DEPENDENCY%'")
    crash.stop(s)
  end)
end)
