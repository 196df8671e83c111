-- Lists: cursors, filters, fields and order.
local http = require "support.http"
local server = require "support.server"

local ALL = 2500

for _, workers in ipairs { 1, 2 } do
  describe(("lists, %d API worker(s):"):format(workers), function()
    local s, simulation, ids

    setup(function()
      s = server.start { workers = workers }
      simulation, ids = s:simulation(), {}
      for _ = 1, ALL // 500 do
        local list = {}
        for n = 1, 500 do list[n] = server.spec(nil, { submit = false, name = "n" .. n % 10, priority = n % 3 }) end
        for _, item in ipairs(s:make("/v1/simulations/" .. simulation .. "/jobs", { jobs = list }, { status = 207 }).items) do
          ids[#ids + 1] = item.job.id
        end
      end
    end)
    teardown(function() s:stop() end)

    -- Every page of a list; `between` is called before each page after the first.
    local function walk(target, between)
      local seen, order, cursor = {}, {}, nil
      repeat
        local page = s:read(target .. (cursor and "&cursor=" .. cursor or ""))
        for _, item in ipairs(page.items) do
          assert.is_nil(seen[item.id], "an item came twice")
          seen[item.id] = true
          order[#order + 1] = item.id
        end
        cursor = page.next ~= http.null and page.next or nil
        if cursor and between then between() end
      until not cursor
      return seen, order
    end

    it("every page, no duplicate and no gap, while others are created", function()
      local known = #ids
      for _, order in ipairs { "asc", "desc" } do
        local before = known
        local seen, list = walk("/v1/jobs?limit=97&fields=id&order=" .. order, function()
          s:job(simulation, nil, { submit = false, name = "late" })
          known = known + 1
        end)
        for _, id in ipairs(ids) do assert.is_true(seen[id], "a job is missing") end
        -- going up, what is created meanwhile comes last; going down, it is not met
        assert.is_true(known > before)
        assert.equal(order == "asc" and known or before, #list)
        for n = 2, #list do assert.equal(order == "asc", list[n - 1] < list[n]) end
      end
    end)

    it("limit: 100 unless told, 1 to 1000", function()
      assert.equal(100, #s:read("/v1/jobs").items)
      assert.equal(1, #s:read("/v1/jobs?limit=1").items)
      assert.equal(1000, #s:read("/v1/jobs?limit=1000").items)
    end)

    it("a last page that is full is followed by an empty one", function()
      local id = s:simulation()
      for _ = 1, 4 do s:job(id, nil, { submit = false }) end
      local page = s:read("/v1/simulations/" .. id .. "/jobs?limit=2")
      page = s:read("/v1/simulations/" .. id .. "/jobs?limit=2&cursor=" .. page.next)
      assert.equal(2, #page.items)
      local last = s:get("/v1/simulations/" .. id .. "/jobs?limit=2&cursor=" .. page.next)
      assert.equal('{"items":[],"next":null}', last.body)
    end)

    it("filters, alone and together", function()
      local id = s:simulation()
      local held = s:job(id, nil, { hold = true, name = "h", resource = "fake" }).id
      local done = s:job(id, nil, { name = "d", resource = "fake" }).id
      local fresh = s:job(id, nil, { name = "f", submit = false }).id
      s:job_in(done)
      local sweep = s:make("/v1/simulations/" .. id .. "/sweeps", { template = server.spec(nil, { hold = true, name = "w" }),
        parameters = { n = { 1, 2 } } }).id
      local function found(query)
        local list = {}
        for _, job in ipairs(s:all("/v1/jobs?" .. query)) do list[#list + 1] = job.name end
        table.sort(list)
        return table.concat(list, " ")
      end
      local of = "simulation=" .. id
      assert.equal("d f h w w", found(of))
      assert.equal("d", found(of .. "&state=COMPLETED"))
      assert.equal("h w w", found(of .. "&state=PENDING"))
      assert.equal("f", found(of .. "&state=NEW"))
      assert.equal("d h", found(of .. "&resource=fake"))
      assert.equal("h", found(of .. "&resource=fake&state=PENDING&name=h"))
      assert.equal("w w", found("sweep=" .. sweep))
      assert.equal("w w", found("sweep=" .. sweep .. "&state=PENDING&limit=1"))
      assert.equal("", found("sweep=" .. sweep .. "&state=NEW"))
      assert.equal("f", found("name=f&" .. of))
      assert.equal(404, s:get("/v1/jobs?simulation=" .. held).status)
      assert.equal(400, s:get("/v1/jobs?sweep=nonsense").status)
      assert.equal(fresh, s:all("/v1/simulations/" .. id .. "/jobs?state=NEW")[1].id)
    end)

    it("several states at once", function()
      local id = s:simulation()
      s:job_in(s:job(id).id)
      s:job(id, nil, { hold = true })
      s:job(id, nil, { submit = false })
      local states = {}
      for _, job in ipairs(s:all("/v1/jobs?limit=1&state=COMPLETED,NEW&simulation=" .. id)) do states[#states + 1] = job.state end
      assert.same({ "COMPLETED", "NEW" }, states)
      local response = s:get("/v1/jobs?state=COMPLETED,LOST")
      assert.same({ 400, "/problems/invalid-query" }, { response.status, response.json.type })
    end)

    it("fields cut items down, in the order asked for", function()
      local body = s:get("/v1/jobs?limit=1&fields=state,id&simulation=" .. simulation).body
      assert.equal(('{"items":[{"state":"NEW","id":"%s"}],"next":"%s"}'):format(ids[1], ids[1]), body)
      assert.equal(('{"items":[{"id":"%s"}],"next":"%s"}'):format(ids[1], ids[1]),
        s:get("/v1/jobs?limit=1&fields=id,id&simulation=" .. simulation).body)
      for _, fields in ipairs { "id,nope", "", ",", "spec.name" } do
        local response = s:get("/v1/jobs?fields=" .. fields)
        assert.same({ 400, "/problems/invalid-query" }, { response.status, response.json.type }, fields)
      end
    end)
  end)
end
