-- Jobs that wait for their time.
local http = require "support.http"
local server = require "support.server"
local socket = require "socket"

-- A time so many seconds from now, as it is written in UTC.
local function from_now(seconds)
  local at = socket.gettime() + seconds
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(at)) .. (".%03dZ"):format(math.floor(at % 1 * 1000))
end

for _, workers in ipairs { 1, 2 } do
  describe(("not_before, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    local function job(more, custom) return s:job(simulation, custom, more) end

    it("a job waits for its time, and says so", function()
      local at = from_now(1)
      local made = job { not_before = at }
      assert.same({ "PENDING", "NOT_BEFORE", at }, { made.state, made.reason, made.due_at })
      assert.same({ "PENDING", "NOT_BEFORE", at }, { s:read("/v1/jobs/" .. made.id).state,
        s:read("/v1/jobs/" .. made.id).reason, s:read("/v1/jobs/" .. made.id).due_at })
      assert.equal("NOT_BEFORE", s:all("/v1/jobs/" .. made.id .. "/history")[1].reason)
      local ended = s:job_in(made.id)
      assert.equal("COMPLETED", ended.state)
      assert.is_true(ended.submitted_at >= at, ended.submitted_at)
      assert.equal(at, ended.spec.not_before)
    end)

    it("others of the same owner do not wait with it", function()
      local late = job { not_before = from_now(3600), priority = 1000 }
      assert.equal("COMPLETED", s:job_in(job().id).state)
      assert.equal("NOT_BEFORE", s:read("/v1/jobs/" .. late.id).reason)
      s:post("/v1/jobs/" .. late.id .. "/cancel")
      assert.same({ "CANCELED", 0 }, { s:job_in(late.id).state, s:job_in(late.id).attempt })
    end)

    it("a time that has passed is no reason to wait", function()
      local made = job { not_before = "2001-01-01T00:00:00+01:00", hold = true }
      assert.same({ "HELD", http.null }, { made.reason, made.due_at })
      s:post("/v1/jobs/" .. made.id .. "/release")
      assert.equal("COMPLETED", s:job_in(made.id).state)
    end)

    it("a job that is held as well waits for both", function()
      local made = job { not_before = from_now(0.5), hold = true }
      local longer = job { not_before = from_now(3600), hold = true }
      s:post("/v1/jobs/" .. longer.id .. "/release")
      assert.equal("NOT_BEFORE", s:read("/v1/jobs/" .. longer.id).reason)
      s:job_in(job({ not_before = from_now(1) }).id)
      assert.same({ "PENDING", "HELD" }, { s:read("/v1/jobs/" .. made.id).state, s:read("/v1/jobs/" .. made.id).reason })
      s:post("/v1/jobs/" .. made.id .. "/release")
      assert.equal("COMPLETED", s:job_in(made.id).state)
      s:post("/v1/jobs/" .. longer.id .. "/cancel")
    end)

    it("a NEW job waits for its time once it is submitted", function()
      local soon, later = job { not_before = from_now(0.2), submit = false }, job { not_before = from_now(3600), submit = false }
      assert.equal(http.null, later.reason)
      socket.sleep(0.3)
      assert.equal("NOT_BEFORE", s:make("/v1/jobs/" .. later.id .. "/submit", nil, { status = 202 }).reason)
      assert.equal("NEW", s:read("/v1/jobs/" .. soon.id).state)
      s:post("/v1/jobs/" .. soon.id .. "/submit")
      assert.equal("COMPLETED", s:job_in(soon.id).state)
      s:post("/v1/jobs/" .. later.id .. "/cancel")
    end)

    it("a sweep's jobs wait together, or each for a time of its own", function()
      local at = from_now(1)
      local id = s:simulation()
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { not_before = at }),
        parameters = { n = { from = 1, to = 600, step = 1 } } })
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { not_before = "${at}" }),
        parameters = { at = { "2001-01-01T00:00:00Z", at } } })
      assert.equal(1, s:finished(id).counts.COMPLETED // 602)
      local early = 0
      for _, each in ipairs(s:all("/v1/simulations/" .. id .. "/jobs?limit=1000")) do
        if each.submitted_at < at then early = early + 1 end
      end
      assert.equal(1, early)
    end)

    it("what is no time is refused", function()
      for _, wrong in ipairs { "tomorrow", "2026-02-30T00:00:00Z", "2026-02-03T00:00:00", 1769860800, false } do
        local response = s:post("/v1/simulations/" .. simulation .. "/jobs", server.spec(nil, { not_before = wrong }))
        assert.same({ 422, "/not_before" }, { response.status, response.json.errors[1].pointer }, tostring(wrong))
        assert.matches("must be a time such as", response.json.errors[1].detail)
      end
    end)
  end)
end

describe("not_before", function()
  it("is kept by a server that is killed", function()
    local s = server.start()
    local simulation, at = s:simulation(), from_now(1)
    local soon = s:job(simulation, nil, { not_before = at }).id
    local later = s:job(simulation, nil, { not_before = from_now(3600) }).id
    s:kill()
    s:restart()
    assert.equal("NOT_BEFORE", s:read("/v1/jobs/" .. later).reason)
    local ended = s:job_in(soon)
    assert.same({ "COMPLETED", true }, { ended.state, ended.submitted_at >= at })
    s:stop()
  end)
end)
