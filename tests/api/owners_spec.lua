-- Owners, roles and tokens: nobody sees or touches what is not theirs.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("owners, %d API worker(s):"):format(workers), function()
    local s, alice, bob, operator, simulation, job, sweep

    setup(function()
      s = server.start { workers = workers }
      alice, bob, operator = s:token_of "alice", s:token_of "bob", s:token_of("oscar", "operator")
      simulation = s:simulation("private", { token = alice })
      job = s:job(simulation, nil, nil, { token = alice }).id
      s:job_in(job)
      sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(), parameters = { n = { 1 } } },
        { token = alice }).id
      s:finished(simulation)
    end)
    teardown(function() s:stop() end)

    -- Every route that names something of somebody's.
    local function routes()
      local list = {}
      for _, path in ipairs { "", "/jobs", "/sweeps", "/sweeps/" .. sweep, "/results" } do
        list[#list + 1] = { "GET", "/v1/simulations/" .. simulation .. path }
      end
      for _, path in ipairs { "", "/history", "/stdout", "/stderr", "/files", "/files/stdout" } do
        list[#list + 1] = { "GET", "/v1/jobs/" .. job .. path }
      end
      list[#list + 1] = { "GET", "/v1/jobs?simulation=" .. simulation }
      list[#list + 1] = { "GET", "/v1/jobs/" .. job .. "?wait=0.1" }
      for _, verb in ipairs { "submit", "cancel", "hold", "release", "suspend", "resume" } do
        list[#list + 1] = { "POST", "/v1/jobs/" .. job .. "/" .. verb }
        list[#list + 1] = { "POST", "/v1/simulations/" .. simulation .. "/" .. verb }
      end
      list[#list + 1] = { "POST", "/v1/jobs/" .. job .. "/retry" }
      list[#list + 1] = { "POST", "/v1/jobs/" .. job .. "/signal", { name = "USR1" } }
      list[#list + 1] = { "POST", "/v1/simulations/" .. simulation .. "/jobs", server.spec() }
      list[#list + 1] = { "POST", "/v1/simulations/" .. simulation .. "/sweeps",
        { template = server.spec(), parameters = { n = { 1 } } } }
      for _, path in ipairs { "/v1/jobs/" .. job, "/v1/simulations/" .. simulation } do
        list[#list + 1] = { "PATCH", path, { name = "stolen" } }
        list[#list + 1] = { "DELETE", path }
      end
      return list
    end

    it("another user's requests are answered as if there were nothing", function()
      local before = s:counts()
      for _, route in ipairs(routes()) do
        local response = s:request(route[1], route[2], { body = route[3] or "", token = bob })
        assert.same({ 404, "/problems/not-found" }, { response.status, response.json.type }, route[1] .. " " .. route[2])
      end
      assert.equal(before, s:counts())
    end)

    it("another user's lists are empty", function()
      for _, path in ipairs { "/v1/simulations", "/v1/jobs", "/v1/jobs?sweep=" .. sweep, "/v1/jobs?state=COMPLETED",
        "/v1/simulations?name=private" } do
        assert.equal('{"items":[],"next":null}', s:get(path, { token = bob }).body, path)
      end
    end)

    it("the owner, operators and administrators see it", function()
      for _, token in ipairs { alice, operator, s.token } do
        for _, path in ipairs { "/v1/simulations/" .. simulation, "/v1/jobs/" .. job, "/v1/jobs/" .. job .. "/history",
          "/v1/simulations/" .. simulation .. "/results" } do
          assert.equal(200, s:get(path, { token = token }).status, path)
        end
        local response = s:patch("/v1/jobs/" .. job, { name = "seen" })
        assert.same({ 200, "alice" }, { response.status, response.json.owner })
      end
      assert.equal(2, #s:read("/v1/jobs?simulation=" .. simulation, { token = operator }).items)
    end)

    it("what operators add to somebody's simulation is that owner's", function()
      local added = s:job(simulation, nil, nil, { token = operator })
      assert.equal("alice", added.owner)
      assert.equal(200, s:get("/v1/jobs/" .. added.id, { token = alice }).status)
    end)

    it("what is deleted is gone for its owner, and was never there for others", function()
      local id = s:simulation("short", { token = alice })
      local own = s:job(id, nil, { submit = false }, { token = alice }).id
      assert.equal(204, s:delete("/v1/jobs/" .. own, { token = alice }).status)
      assert.equal(204, s:delete("/v1/simulations/" .. id, { token = alice }).status)
      for path, _ in pairs { ["/v1/jobs/" .. own] = 1, ["/v1/simulations/" .. id] = 1 } do
        assert.equal(410, s:get(path, { token = alice }).status)
        assert.equal(410, s:get(path, { token = operator }).status)
        assert.equal(404, s:get(path, { token = bob }).status, path)
      end
    end)

    it("whoami", function()
      assert.same({ owner = "alice", role = "user" }, s:read("/v1/whoami", { token = alice }))
      assert.same({ owner = "admin", role = "admin" }, s:read "/v1/whoami")
    end)

    it("tokens are the administrators' business", function()
      for _, token in ipairs { alice, operator } do
        for _, route in ipairs { { "GET", "/v1/tokens" }, { "POST", "/v1/tokens", { owner = "x" } }, { "DELETE", "/v1/tokens/" .. job } } do
          local response = s:request(route[1], route[2], { body = route[3] or "", token = token })
          assert.same({ 403, "/problems/forbidden" }, { response.status, response.json.type })
        end
      end
    end)

    it("a token is shown once, and kept as a hash", function()
      local response = s:post("/v1/tokens", { owner = "carol", name = "laptop" }, { key = "carol's" })
      assert.equal("no-store", response.headers["cache-control"])
      local secret = response.json.token
      assert.matches("^%x+$", secret)
      assert.equal(64, #secret)
      local again = s:post("/v1/tokens", { owner = "carol", name = "laptop" }, { key = "carol's" })
      assert.same({ response.json.id, http.null, "true" }, { again.json.id, again.json.token, again.headers["idempotency-replayed"] })
      local listed
      for _, item in ipairs(s:all "/v1/tokens?limit=2") do listed = item.id == response.json.id and item or listed end
      assert.same({ "carol", "user", "laptop" }, { listed.owner, listed.role, listed.name })
      assert.is_nil(listed.token)
      local code = process.run(("grep -rqa %s %s --exclude=admin.token"):format(secret, process.quote(s.data)))
      assert.equal(1, code, "the secret stands somewhere in the data directory")
      assert.equal(200, s:get("/v1/whoami", { token = secret }).status)
    end)

    it("a revoked token is refused within two seconds, an expired one at once", function()
      local made = s:make("/v1/tokens", { owner = "dave" })
      local connections = {}
      for n = 1, 4 do -- on whichever worker
        connections[n] = s:send("GET", "/v1/whoami", { token = made.token })
        assert.equal(200, connections[n]:receive().status)
      end
      assert.equal(204, s:delete("/v1/tokens/" .. made.id).status)
      assert.equal(404, s:delete("/v1/tokens/" .. made.id).status)
      require "socket".sleep(2.1)
      for n = 1, 4 do
        s:send("GET", "/v1/whoami", { token = made.token, connection = connections[n] })
        assert.equal(401, connections[n]:receive().status)
        connections[n]:close()
      end
      local brief = s:make("/v1/tokens", { owner = "eve", expires_in = 1 })
      assert.is_string(brief.expires_at)
      assert.equal(200, s:get("/v1/whoami", { token = brief.token }).status)
      process.eventually("the end of a token", function() return s:get("/v1/whoami", { token = brief.token }).status == 401 end, 5)
    end)

    it("without a valid token: 401 and how to do better", function()
      local function refused(headers)
        local response = s:get("/v1/jobs", { token = false, headers = headers })
        assert.same({ 401, "/problems/unauthorized" }, { response.status, response.json.type })
        assert.matches("^Bearer", response.headers["www-authenticate"])
      end
      refused {}
      for _, value in ipairs { "Bearer", "Bearer ", "Bearer x", "Basic " .. s.token, s.token, "Bearer " .. s.token .. "x",
        "Bearer  " .. s.token, "Bearer " .. s.token:sub(1, -2) } do
        refused { Authorization = value }
      end
      assert.equal(200, s:get("/v1/jobs", { token = false, headers = { Authorization = "bearer " .. s.token } }).status)
    end)
  end)
end

describe("without single_user", function()
  local s, user

  setup(function()
    s = server.start { single_user = false }
    user = s:token_of "user"
  end)
  teardown(function() s:stop() end)

  it("only administrators start jobs", function()
    for token, status in pairs { [user] = 403, [s:token_of("oscar", "operator")] = 403, [s.token] = 201 } do
      local id = s:simulation("mine", { token = token })
      local response = s:post("/v1/simulations/" .. id .. "/jobs", server.spec(), { token = token })
      assert.equal(status, response.status)
      if status == 403 then assert.matches("single_user", response.json.detail) end
      assert.equal(status == 201 and 207 or 403, s:post("/v1/simulations/" .. id .. "/jobs", { jobs = { server.spec() } },
        { token = token }).status)
      assert.equal(status, s:post("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(), parameters = { n = { 1 } } },
        { token = token }).status)
      assert.equal(status == 201 and 3 or 0, s:read("/v1/simulations/" .. id).counts.total)
    end
  end)

  it("users keep their simulations and read them", function()
    local id = s:simulation("mine", { token = user })
    assert.equal(200, s:get("/v1/simulations/" .. id, { token = user }).status)
    assert.equal(200, s:get("/v1/resources", { token = user }).status)
  end)
end)
