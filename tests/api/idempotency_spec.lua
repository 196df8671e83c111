-- Idempotency-Key: a request that is sent again happens once, and has the same answer.
local process = require "support.process"
local server = require "support.server"

local TWINS = 8

for _, workers in ipairs { 1, 2 } do
  describe(("Idempotency-Key, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    local kinds = {
      simulation = function() return "/v1/simulations", { name = "once" } end,
      job = function() return "/v1/simulations/" .. simulation .. "/jobs", server.spec(nil, { hold = true }) end,
      ["list of jobs"] = function()
        return "/v1/simulations/" .. simulation .. "/jobs",
          { jobs = { server.spec(nil, { hold = true }), { executable = "" }, server.spec(nil, { hold = true }) } }
      end,
      sweep = function()
        return "/v1/simulations/" .. simulation .. "/sweeps",
          { template = server.spec(nil, { hold = true }), parameters = { n = { from = 1, to = 1300, step = 1 } } }
      end,
    }

    -- The parts of an answer that tell one effect from another.
    local function essence(response)
      return { response.status, response.headers.location, response.headers["content-type"], response.body }
    end

    for kind, make in pairs(kinds) do
      it("a " .. kind .. " sent again is replayed", function()
        local path, body = make()
        local first = s:post(path, body, { key = "again " .. kind })
        assert.is_true(first.status == 201 or first.status == 207, first.body)
        assert.is_nil(first.headers["idempotency-replayed"])
        local before = s:counts()
        local second = s:post(path, body, { key = "again " .. kind })
        assert.same(essence(first), essence(second))
        assert.equal("true", second.headers["idempotency-replayed"])
        assert.equal(before, s:counts())
      end)

      it("twins of a " .. kind .. " have one effect", function()
        local path, body = make()
        local connections, answers = {}, {}
        local before = { s:counts():match "(%d+)|(%d+)|(%d+)" }
        for n = 1, TWINS do connections[n] = s:connect() end
        for n = 1, TWINS do s:send("POST", path, { body = body, key = "twins " .. kind, connection = connections[n] }) end
        for n = 1, TWINS do
          answers[n] = connections[n]:receive()
          connections[n]:close()
        end
        local replayed = 0
        for n = 1, TWINS do
          assert.same(essence(answers[1]), essence(answers[n]))
          if answers[n].headers["idempotency-replayed"] then replayed = replayed + 1 end
        end
        assert.equal(TWINS - 1, replayed)
        local after = { s:counts():match "(%d+)|(%d+)|(%d+)" }
        local expected = ({ simulation = { 1, 0, 0 }, job = { 0, 1, 0 }, ["list of jobs"] = { 0, 2, 0 },
          sweep = { 0, 1300, 1 } })[kind]
        for i = 1, 3 do assert.equal(expected[i], after[i] - before[i]) end
        local counts = s:read("/v1/simulations/" .. simulation).counts
        assert.equal(#s:all("/v1/simulations/" .. simulation .. "/jobs?limit=1000&fields=id"), counts.total)
      end)
    end

    it("a sweep that is replayed touches no row", function()
      local body = { template = server.spec(nil, { hold = true }), parameters = { n = { from = 1, to = 10000, step = 1 } } }
      local function commits() return tonumber(s:get("/metrics").body:match "\norrery_store_commits_total (%d+)") end
      local function post() return s:post("/v1/simulations/" .. simulation .. "/sweeps", body, { key = "large" }) end
      assert.equal(201, post().status)
      local before = commits()
      assert.equal("true", post().headers["idempotency-replayed"])
      assert.is_true(commits() - before < 10, "rows were sought that nobody had made")
    end)

    it("another request with the same key is refused", function()
      assert.equal(201, s:post("/v1/simulations", { name = "a" }, { key = "used" }).status)
      local before = s:counts()
      for _, other in ipairs { { "/v1/simulations", { name = "b" } }, { "/v1/simulations/" .. simulation .. "/jobs", server.spec() } } do
        local response = s:post(other[1], other[2], { key = "used" })
        assert.same({ 422, "/problems/idempotency-mismatch" }, { response.status, response.json.type })
      end
      assert.equal(before, s:counts())
    end)

    it("keys are their owner's own", function()
      local other = s:token_of "other"
      local mine = s:post("/v1/simulations", { name = "k" }, { key = "shared" }).json.id
      local theirs = s:post("/v1/simulations", { name = "k" }, { key = "shared", token = other }).json.id
      assert.not_equal(mine, theirs)
    end)

    it("a refused request does not use its key up", function()
      assert.equal(422, s:post("/v1/simulations", { nope = 1 }, { key = "early" }).status)
      assert.equal(201, s:post("/v1/simulations", { name = "late" }, { key = "early" }).status)
    end)

    it("a key has 1 to 255 bytes", function()
      assert.equal(422, s:post("/v1/simulations", { name = "x" }, { key = ("k"):rep(256) }).status)
      assert.equal(201, s:post("/v1/simulations", { name = "x" }, { key = ("k"):rep(255) }).status)
      assert.equal(422, s:post("/v1/simulations", { name = "x" }, { key = "" }).status)
    end)

    it("steering twice with one key happens once", function()
      local job = s:job(simulation, nil, { hold = true }).id
      local first = s:post("/v1/jobs/" .. job .. "/release", nil, { key = "steer" })
      assert.equal(202, first.status)
      s:job_in(job)
      local second = s:post("/v1/jobs/" .. job .. "/release", nil, { key = "steer" })
      assert.same(essence(first), essence(second))
      local fresh = s:job(simulation, nil, { submit = false }).id
      assert.equal(202, s:post("/v1/jobs/" .. fresh .. "/submit", nil, { key = "submit" }).status)
      s:job_in(fresh)
      assert.equal(202, s:post("/v1/jobs/" .. fresh .. "/submit", nil, { key = "submit" }).status)
    end)

    it("keys of more than a week are forgotten, however many", function()
      local function sql(text)
        local code, output = process.run(("sqlite3 %s/orrery.db %s"):format(s.data, process.quote(text)))
        assert(code == 0, output)
        return tonumber(output)
      end
      s:make("/v1/simulations", { name = "young" }, { key = "young" })
      s:stop(true)
      local kept = sql "SELECT count(*) FROM idempotency"
      sql [[WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO idempotency SELECT 'old', i, '', 201, '', '', 1 FROM n]]
      s:restart()
      process.eventually("the end of the old", function() return sql "SELECT count(*) FROM idempotency" == kept end)
      assert.equal("true", s:post("/v1/simulations", { name = "young" }, { key = "young" }).headers["idempotency-replayed"])
    end)

    it("keys outlive the server", function()
      local first = s:post("/v1/simulations", { name = "kept" }, { key = "kept" })
      s:stop(true)
      s:restart()
      local second = s:post("/v1/simulations", { name = "kept" }, { key = "kept" })
      assert.same(essence(first), essence(second))
    end)
  end)
end
