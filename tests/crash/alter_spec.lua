-- The server is killed around an alteration: it is asked for until it is answered, and told of once.
local crash = require "support.crash"
local process = require "support.process"
local server = require "support.server"

for language, folder in pairs { C = server.build .. "/tests/plugins", Lua = server.plugins } do
  describe("an alteration by the fake scheduler in " .. language, function()
    local function start(settings)
      return crash.start { schedulers = folder,
        resources = ('resource "fake" { scheduler = "fake", poll_ms = 100, %s }\n'):format(settings or "") }
    end

    local SECONDS = 5000
    local changes = { attributes = { duration = SECONDS } }

    -- A job that runs, and is to be altered.
    local function alter(s, custom)
      custom.run_ms = 120000
      local id = s:job(s:simulation(), custom).id
      s:job_in(id, "ACTIVE")
      assert.equal(202, s:patch("/v1/jobs/" .. id, changes).status)
      return id
    end

    local function asked(s)
      return select(2, (process.read(s.data .. "/resources/fake/alters") or ""):gsub("\n", ""))
    end

    -- Whether the scheduler's journal says that it was done.
    local function is_done(s)
      local journal = process.read(s.data .. "/resources/fake/jobs")
      return journal:find "\nalter 1 %d+ 5000000\n" or journal:find " 5000000 0 %-$"
    end

    local function await_asked(s) process.eventually("the question", function() return asked(s) == 1 end) end

    -- It was altered, as its history says once, and nothing is left to be asked.
    local function audit(s, id, times)
      process.eventually("the answer", function() return s:read("/v1/jobs/" .. id).spec.attributes.duration == SECONDS end)
      local told = {}
      for _, event in ipairs(s:all("/v1/jobs/" .. id .. "/history")) do
        if event.changes then told[#told + 1] = event.type end
      end
      assert.same({ "job.alter", "job.altered" }, told)
      assert.equal(times, asked(s))
      assert.equal("0", s:sql "SELECT count(*) FROM orders")
      assert.is_truthy(is_done(s))
      s:post("/v1/jobs/" .. id .. "/cancel")
      s:job_in(id)
      crash.stop(s)
    end

    it("that was not asked for yet", function()
      local s, _ <close> = start()
      local id = s:job(s:simulation(), { run_ms = 120000 }).id
      s:job_in(id, "ACTIVE")
      crash.kill(s)
      s:restart { resources = 'resource "other" { scheduler = "fake" }\n' } -- its own is away: nobody can ask
      assert.equal(202, s:patch("/v1/jobs/" .. id, changes).status)
      crash.kill(s)
      s:restart { resources = server.FAKE }
      audit(s, id, 1)
    end)

    it("that is under way", function()
      local s, _ <close> = start()
      local id = alter(s, { alter_delay_ms = 1000 })
      await_asked(s)
      crash.kill(s)
      assert.equal("1", s:sql "SELECT count(*) FROM orders")
      s:restart()
      audit(s, id, 2)
    end)

    it("that is done, of which the database knows nothing", function()
      local s, _ <close> = start()
      local id = alter(s, { alter_delay_ms = 500 })
      await_asked(s)
      local release = crash.lock(s)
      process.eventually("what it did", function() return is_done(s) end)
      crash.kill(s)
      release()
      s:restart()
      audit(s, id, 2)
    end)

    it("that passes its deadline", function()
      local s, _ <close> = start "timeout_ms = 1000"
      local id = alter(s, { alter_delay_ms = 5000 })
      await_asked(s)
      process.eventually("that it is asked for again", function() return asked(s) == 2 end)
      audit(s, id, 2)
    end)
  end)
end

describe("a job that is altered at the moment when it is handed over", function()
  it("runs by what its specification says", function()
    local s, _ <close> = crash.start { schedulers = server.build .. "/tests/plugins", resources = server.FAKE }
    local simulation, down = s:simulation(), s.data .. "/resources/fake/down"
    process.write(down, "")
    s:job(simulation)
    process.eventually("a scheduler that is down", function() return s:read("/v1/resources/fake").state == "down" end)
    local id = s:job(simulation, { run_ms = 120000 }).id
    local release = crash.lock(s)
    os.remove(down)
    local connection = s:send("PATCH", "/v1/jobs/" .. id, { body = { attributes = { duration = 1 } } })
    process.run "sleep 3" -- soon the scheduler is tried again, and the attempt is to be recorded behind the alteration
    release()
    assert.equal(200, connection:receive().status)
    connection:close()
    local job = s:job_in(id)
    assert.same({ "TIMEOUT", 1, 1 }, { job.reason, job.attempt, job.spec.attributes.duration })
    crash.stop(s)
  end)
end)
