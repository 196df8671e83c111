-- The results of a simulation: JSON pages, and CSV of all rows.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local TEXTS = { "plain", "comma, quote \" and\nnew line", "=1+1", "@sum", "-5", "+1e3", "-a", "\tx", "" }

for _, workers in ipairs { 1, 2 } do
  describe(("results, %d API worker(s):"):format(workers), function()
    local s

    setup(function() s = server.start { workers = workers } end)
    teardown(function() s:stop() end)

    -- A simulation whose sweep has run; `leave(job, i)` is what job i leaves in results.json while it runs.
    local function simulate(parameters, leave, template)
      local id = s:simulation()
      s:make("/v1/simulations/" .. id .. "/sweeps", { parameters = parameters,
        template = template or server.spec({ run_ms = leave and 400 or 0 }) })
      if leave then
        for i, job in ipairs(s:all("/v1/simulations/" .. id .. "/jobs")) do
          job = s:job_in(job.id, "QUEUED", "ACTIVE")
          assert(process.run("mkdir -p " .. job.directory) == 0)
          process.write(job.directory .. "/results.json", leave(i))
        end
      end
      s:finished(id)
      return "/v1/simulations/" .. id .. "/results", id
    end

    it("JSON has a row for each job: parameters beside outcomes", function()
      local path = simulate({ n = { 1, 2, 3, 4 } }, function(i)
        return ({ '{"energy":1.5,"ok":true,"note":"a"}', "not json", '{"nested":{}}', "[1]" })[i]
      end)
      local items = s:read(path).items
      assert.equal(4, #items)
      assert.same({ n = 1 }, items[1].parameters)
      assert.same({ energy = 1.5, ok = true, note = "a" }, items[1].results)
      assert.same({ "COMPLETED", 0 }, { items[1].state, items[1].exit_code })
      assert.near(0.4, items[1].wall_seconds, 0.2)
      for i = 2, 4 do assert.equal(http.null, items[i].results) end
    end)

    it("a link that leads out of the job's directory is not read, one that stays is", function()
      local secret = s.directory .. "/secret.json"
      process.write(secret, '{"secret":1}')
      local id = s:simulation()
      local jobs = {}
      for i, link in ipairs { secret, "../../../../secret.json", "inside.json", "." } do
        jobs[i] = s:job_in(s:job(id, { run_ms = 400 }).id, "QUEUED", "ACTIVE")
        assert(process.run(("mkdir -p %s && cd %s && echo '{\"a\":2}' >inside.json && ln -s %s results.json")
          :format(jobs[i].directory, jobs[i].directory, link)) == 0)
      end
      local moved = s:job_in(s:job(id, { run_ms = 400 }).id, "QUEUED", "ACTIVE") -- its directory itself is a link
      assert(process.run(("mkdir -p %s/real %s && cp %s %s/real/results.json && rmdir %s && ln -s %s/real %s"):format(s.directory,
        moved.directory, secret, s.directory, moved.directory, s.directory, moved.directory)) == 0)
      s:finished(id)
      local found = {}
      for i, row in ipairs(s:read("/v1/simulations/" .. id .. "/results").items) do found[i] = row.results end
      assert.same({ http.null, http.null, { a = 2 }, http.null, http.null }, found)
    end)

    it("pages, and fields", function()
      local path = simulate { n = { from = 1, to = 7, step = 1 } }
      local found = {}
      for i, row in ipairs(s:all(path .. "?limit=3")) do found[i] = row.parameters.n end
      assert.same({ 1, 2, 3, 4, 5, 6, 7 }, found)
      assert.equal('{"parameters":{"n":1},"state":"COMPLETED"}',
        s:get(path .. "?limit=1&fields=parameters,state").body:match "%[(.*)%]")
    end)

    it("a simulation without jobs has no rows", function()
      local path = "/v1/simulations/" .. s:simulation() .. "/results"
      assert.equal('{"items":[],"next":null}', s:get(path).body)
      assert.equal("job_id,name,state,exit_code,wall_seconds\r\n", s:get(path .. "?format=csv").body)
    end)

    it("CSV quotes what needs it and guards against formulas", function()
      local path, id = simulate({ t = TEXTS }, function(i) return ('{"b,c":%d,"x":null,"s":"=%d"}'):format(i, i) end)
      local response = s:get(path, { headers = { Accept = "text/csv" } })
      assert.equal(200, response.status)
      assert.equal("text/csv; charset=utf-8", response.headers["content-type"])
      assert.equal(response.body, s:get(path .. "?format=csv").body)
      local jobs = s:all("/v1/simulations/" .. id .. "/jobs?fields=id")
      local cells = { "plain", '"comma, quote "" and\nnew line"', "'=1+1", "'@sum", "-5", "+1e3", "'-a", "'\tx", "" }
      local expected = { 'job_id,name,t,state,exit_code,wall_seconds,"b,c",s,x\r\n' }
      for i, job in ipairs(jobs) do
        expected[#expected + 1] = ("%s,,%s,COMPLETED,0,0.4,%d,'=%d,\r\n"):format(job.id, cells[i], i, i)
      end
      assert.equal(table.concat(expected), response.body)
    end)

    it("CSV has the columns of all rows, and all of them", function()
      local id = s:simulation()
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { name = "a", hold = true }),
        parameters = { z = { from = 1, to = 600, step = 1 } } })
      s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { name = "b", hold = true }),
        parameters = { a = { from = 0.5, to = 300, count = 600 } } })
      s:job(id, nil, { hold = true })
      local body = s:get("/v1/simulations/" .. id .. "/results?format=csv").body
      local lines = {}
      for line in body:gmatch "(.-)\r\n" do lines[#lines + 1] = line end
      assert.equal(1202, #lines)
      assert.equal("job_id,name,a,z,state,exit_code,wall_seconds", lines[1])
      assert.matches("^[^,]+,a,,1,PENDING,,$", lines[2])
      assert.matches("^[^,]+,b,0.5,,PENDING,,$", lines[602])
      assert.matches("^[^,]+,,,,PENDING,,$", lines[1202])
      s:post("/v1/simulations/" .. id .. "/cancel")
      s:finished(id)
    end)

    it("HEAD of CSV has no body", function()
      local path = simulate { n = { 1 } }
      local response = s:request("HEAD", path .. "?format=csv")
      assert.same({ 200, "text/csv; charset=utf-8", "" }, { response.status, response.headers["content-type"], response.body })
      assert.equal(200, s:get(path).status)
    end)

    it("JSON wins when it is asked for", function()
      local path = simulate { n = { 1 } }
      local response = s:get(path .. "?format=json", { headers = { Accept = "text/csv" } })
      assert.equal("application/json", response.headers["content-type"])
      assert.equal(400, s:get(path .. "?format=xml").status)
    end)
  end)
end
