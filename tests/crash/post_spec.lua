-- The server is killed while it stores a sweep of 50,000 jobs: afterwards all of it is there or nothing is, and all of it
-- if the client was told so. The client asks again with the same key, and has it once.
local crash = require "support.crash"
local process = require "support.process"

local JOBS = 50000
local body = { template = { executable = "/bin/true", arguments = { "${i}" }, hold = true },
  parameters = { i = { from = 1, to = JOBS, step = 1 } } }

-- Jobs, sweeps, chunks told of in events, and jobs counted.
local function stored(s)
  return s:sql [[SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM sweeps),
    (SELECT count(*) FROM events WHERE type = 'jobs.created'), (SELECT coalesce(sum(jobs), 0) FROM counts)]]
end

local NOTHING, ALL = "0|0|0|0", ("%d|1|%d|%d"):format(JOBS, JOBS // 500, JOBS)

local instants = {
  { "before the first job is stored", "EXISTS (SELECT * FROM sweeps)" },
  { "in the midst of it", "(SELECT count(*) FROM jobs) > 20000" },
  { "with all jobs stored", "(SELECT count(*) FROM jobs) = 50000" },
  { "when it is ready", "EXISTS (SELECT * FROM sweeps WHERE ready = 1)" },
}

describe("a sweep that is being stored when the server is killed", function()
  for _, instant in ipairs(instants) do
    local name, condition = table.unpack(instant)
    it(name .. ": is there whole, or not at all", function()
      local s, _ <close> = crash.start {}
      local simulation = s:simulation()
      local sweeps = ("/v1/simulations/%s/sweeps"):format(simulation)
      local client = s:send("POST", sweeps, { body = body, key = "once" })
      process.eventually(name, function() return s:sql("SELECT " .. condition) == "1" end, 120)
      crash.kill(s)
      local response = client:receive()
      s:restart()

      local is_there = stored(s) == ALL
      if not is_there then assert.equal(NOTHING, stored(s)) end
      if response then assert.same({ 201, true }, { response.status, is_there }) end
      assert.equal(is_there and JOBS or 0, s:read("/v1/simulations/" .. simulation).counts.total)
      local again = s:make(sweeps, body, { key = "once" })
      if response then assert.equal(response.json.id, again.id) end
      assert.equal(ALL, stored(s))
      crash.stop(s)
    end)
  end
end)
