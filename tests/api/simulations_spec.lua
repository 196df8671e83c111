-- /v1/simulations: creating, reading, listing, changing and deleting.
local http = require "support.http"
local server = require "support.server"

for _, workers in ipairs { 1, 2 } do
  describe(("simulations, %d API worker(s):"):format(workers), function()
    local s

    setup(function() s = server.start { workers = workers } end)
    teardown(function() s:stop() end)

    it("a new one is NEW, empty, and where Location says", function()
      local response = s:post("/v1/simulations", { name = "heat", description = "first", tags = { campaign = "a" } })
      assert.equal(201, response.status)
      local created = response.json
      assert.same({ "heat", "first", "NEW", "RUN", "admin", 0, { campaign = "a" }, { total = 0 } }, { created.name,
        created.description, created.state, created.wanted, created.owner, created.progress, created.tags, created.counts })
      assert.equal("/v1/simulations/" .. created.id, response.headers.location)
      assert.matches("^%x+%-%x+%-7%x+%-%x+%-%x+$", created.id)
      assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", created.created_at)
      assert.equal(http.null, created.ended_at)
      assert.equal(response.body, s:get(response.headers.location).body)
    end)

    it("counts and state follow its jobs", function()
      local id = s:simulation "counted"
      s:job(id, { run_ms = 50 })
      s:job(id, { exit_code = 3 })
      s:job(id, nil, { submit = false })
      assert.equal("FAILED", s:finished(id).state)
      local simulation = s:read("/v1/simulations/" .. id)
      assert.same({ total = 3, NEW = 1, COMPLETED = 1, FAILED = 1 }, simulation.counts)
      assert.near(0.6667, simulation.progress, 0.0001)
      assert.is_string(simulation.ended_at)
      s:job(id, { run_ms = 60000 })
      simulation = s:read("/v1/simulations/" .. id)
      assert.equal("ACTIVE", simulation.state)
      assert.equal(http.null, simulation.ended_at)
      s:post("/v1/simulations/" .. id .. "/cancel")
      s:finished(id)
    end)

    it("one without failures is COMPLETED, one with cancelled jobs only CANCELED", function()
      local good, dropped = s:simulation "good", s:simulation "dropped"
      s:job(good)
      local job = s:job(good, { queue_ms = 60000 }).id
      s:post("/v1/jobs/" .. job .. "/cancel")
      s:job(dropped, nil, { submit = false })
      s:post("/v1/simulations/" .. dropped .. "/cancel")
      assert.equal("COMPLETED", s:finished(good).state)
      s:job_in(s:read("/v1/simulations/" .. dropped .. "/jobs").items[1].id, "CANCELED")
      assert.equal("CANCELED", s:read("/v1/simulations/" .. dropped).state)
    end)

    it("PATCH changes what is given, and nothing else", function()
      local id = s:make("/v1/simulations", { name = "before", description = "d", tags = { a = "1" } }).id
      local response = s:patch("/v1/simulations/" .. id, { name = "after" })
      assert.equal(200, response.status)
      assert.same({ "after", "d", { a = "1" } }, { response.json.name, response.json.description, response.json.tags })
      response = s:patch("/v1/simulations/" .. id, '{"tags":{"b":"2"},"description":"e"}')
      assert.same({ "after", "e", { b = "2" } }, { response.json.name, response.json.description, response.json.tags })
      assert.equal(response.body, s:get("/v1/simulations/" .. id).body)
      assert.equal(response.body, s:patch("/v1/simulations/" .. id, "{}").body)
    end)

    it("DELETE is refused while jobs run, then takes everything away for good", function()
      local id = s:simulation "doomed"
      local job = s:job(id, { run_ms = 60000 }).id
      s:job_in(job, "ACTIVE")
      local response = s:delete("/v1/simulations/" .. id)
      assert.same({ 409, "/problems/still-running" }, { response.status, response.json.type })
      s:post("/v1/simulations/" .. id .. "/cancel")
      s:finished(id)
      assert.equal(204, s:delete("/v1/simulations/" .. id).status)
      for _, path in ipairs { "", "/jobs", "/results", "/sweeps" } do
        response = s:get("/v1/simulations/" .. id .. path)
        assert.same({ 410, "/problems/gone" }, { response.status, response.json.type })
      end
      assert.equal(410, s:post("/v1/simulations/" .. id .. "/jobs", server.spec()).status)
      assert.equal(410, s:delete("/v1/simulations/" .. id).status)
      for _, listed in ipairs(s:all "/v1/simulations") do assert.not_equal(id, listed.id) end
      assert.equal(410, s:eventually_gone(job).status)
      assert.equal("0|0", s:sql("SELECT (SELECT count(*) FROM simulations WHERE name = 'doomed'), "
        .. "(SELECT count(*) FROM counts WHERE simulation NOT IN (SELECT key FROM simulations))"))
    end)

    it("one with more jobs than are deleted at a time goes as well", function()
      local id = s:simulation "large"
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { hold = true }),
        parameters = { n = { from = 1, to = 700, step = 1 } } })
      s:post("/v1/simulations/" .. id .. "/cancel")
      assert.equal("CANCELED", s:finished(id).state)
      local jobs = s:read("/v1/simulations/" .. id .. "/jobs?limit=1000").items
      assert.equal(700, #jobs)
      assert.equal(204, s:delete("/v1/simulations/" .. id).status)
      for _, n in ipairs { 1, 350, 700 } do assert.equal(410, s:eventually_gone(jobs[n].id).status) end
    end)

    it("lists filter by state and name, in both orders, page by page", function()
      for n = 1, 5 do s:simulation("listed " .. n % 2) end
      local found = s:all "/v1/simulations?name=listed%201&limit=2"
      assert.equal(3, #found)
      local down = s:all "/v1/simulations?name=listed+1&order=desc&limit=2"
      assert.same({ found[3].id, found[2].id, found[1].id }, { down[1].id, down[2].id, down[3].id })
      for _, simulation in ipairs(s:all "/v1/simulations?state=NEW") do assert.equal("NEW", simulation.state) end
      assert.equal('{"items":[],"next":null}', s:get("/v1/simulations?name=nobody").body)
    end)

    it("lists give only the fields asked for", function()
      local id = s:simulation "thin"
      assert.equal(('{"items":[{"id":"%s","state":"NEW"}],"next":null}'):format(id),
        s:get("/v1/simulations?name=thin&fields=id,state").body)
    end)
  end)
end
