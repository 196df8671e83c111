-- Server-sent events: what happens, to whom it may concern, once and in order, whoever comes, goes and comes again.
local process = require "support.process"
local server = require "support.server"
local stream = require "support.stream"

local HEARTBEAT = "events = { heartbeat_ms = 300 }\n"
local RESOURCES = server.FAKE .. 'resource "local" { scheduler = "local", poll_ms = 100, options = { cores = 8 } }'

local function types_of(list)
  local types = {}
  for i, event in ipairs(list) do types[i] = event.event end
  return types
end

local function steps_of(list)
  local steps = {}
  for _, event in ipairs(list) do
    if event.event == "job.state" then steps[#steps + 1] = event.data.data.to end
  end
  return steps
end

local function is(type, to)
  return function(event) return event.event == type and (not to or event.data.data.to == to) end
end

local function is_growing(list)
  for i = 2, #list do
    if list[i].id <= list[i - 1].id then return false end
  end
  return true
end

for _, workers in ipairs { 1, 2 } do
  describe(("events, %d API worker(s):"):format(workers), function()
    local s

    setup(function()
      s = server.start { workers = workers, config = HEARTBEAT, resources = RESOURCES }
      process.eventually("the resources", function()
        return s:sql "SELECT count(*) FROM events WHERE type = 'resource.state'" == "2"
      end)
    end)
    teardown(function() s:stop() end)

    local function newest() return tonumber(s:sql "SELECT max(number) FROM events") end
    local function number_of(simulation, type)
      return tonumber(s:sql(("SELECT min(number) FROM events WHERE type = '%s' AND data LIKE '%%%s%%'"):format(type, simulation)))
    end
    local function made(name, options) -- a simulation, and the number of the event that says so
      local id = s:simulation(name, options)
      return id, number_of(name, "simulation.created")
    end

    it("come as they happen, as CloudEvents, behind a first number", function()
      local events = stream.open(s, "/v1/events")
      assert.same({ 200, "text/event-stream", "no-store", "no", "nosniff" }, { events.status, events.headers["content-type"],
        events.headers["cache-control"], events.headers["x-accel-buffering"], events.headers["x-content-type-options"] })
      local first = events:block()
      assert.truthy(tonumber(first.retry) >= 1000 and tonumber(first.id) <= newest())
      local simulation = s:simulation "live"
      local job = s:job(simulation).id
      local list = events:until_one(is("simulation.state", "COMPLETED"))
      assert.same({ "simulation.created", "job.created", "simulation.state" }, { table.unpack(types_of(list), 1, 3) })
      assert.equal("COMPLETED", steps_of(list)[#steps_of(list)])
      assert.is_true(is_growing(list))
      local last = list[#list].data
      assert.same({ "1.0", "simulations/" .. simulation, "admin", simulation },
        { last.specversion, last.subject, last.owner, last.data.simulation_id })
      assert.equal(job, list[2].data.data.job_id)
      events:close()
    end)

    it("those of a simulation, of a job, and of one named in the query", function()
      local one, before = made("one" .. workers)
      local other = s:simulation "other"
      local job, beside = s:job(one).id, s:job(one).id
      s:job(other)
      s:finished(one)
      s:finished(other)
      local of_one = stream.open(s, ("/v1/simulations/%s/events?after=%d"):format(one, before))
        :until_one(is("simulation.state", "COMPLETED"))
      for _, event in ipairs(of_one) do assert.equal(one, event.data.data.simulation_id) end
      local of_job = stream.open(s, ("/v1/jobs/%s/events?after=0"):format(job)):until_one(is("job.state", "COMPLETED"))
      for _, event in ipairs(of_job) do assert.equal("jobs/" .. job, event.data.subject) end
      assert.equal("job.created", of_job[1].event)
      for _, case in ipairs {
        { "/v1/events?after=0&job=" .. beside, is("job.state", "COMPLETED"), #of_job },
        { ("/v1/events?after=%d&simulation=%s"):format(before, one), is("simulation.state", "COMPLETED"), #of_one },
        { ("/v1/events?after=%d&type=job.state&simulation=%s&state=COMPLETED"):format(before, one), is "job.state", 1 },
        { ("/v1/events?after=%d&state=COMPLETED,ACTIVE&type=simulation.state&simulation=%s"):format(before, one),
          is("simulation.state", "COMPLETED"), 2 },
        { ("/v1/events?after=%d&state=COMPLETED&type=orrery.job.state,job.retry&simulation=%s"):format(before, one),
          is "job.state", 1 },
        { ("/v1/events?after=%d&state=COMPLETED,ACTIVE&type=simulation.*&simulation=%s"):format(before, one),
          is("simulation.state", "COMPLETED"), 2 },
      } do
        assert.equal(case[3], #stream.open(s, case[1]):until_one(case[2]), case[1])
      end
    end)

    it("a sweep's job has the event by which it came to be", function()
      local simulation = s:simulation "chunks"
      local from = newest()
      local live = stream.open(s, "/v1/simulations/" .. simulation .. "/events")
      s:make("/v1/simulations/" .. simulation .. "/sweeps",
        { template = { executable = "/bin/true", resource = "fake" }, parameters = { i = { from = 1, to = 3, step = 1 } } })
      s:finished(simulation)
      local jobs = s:all("/v1/jobs?simulation=" .. simulation)
      assert.equal(3, #jobs)
      for _, job in ipairs(jobs) do
        local list = stream.open(s, ("/v1/jobs/%s/events?after=%d"):format(job.id, from)):until_one(is("job.state", "COMPLETED"))
        assert.same({ "jobs.created", jobs[1].id, 3 }, { list[1].event, list[1].data.data.first_job_id, list[1].data.data.count })
        local history = s:read("/v1/jobs/" .. job.id .. "/history").items
        assert.equal(#history, #list)
        for i, item in ipairs(history) do assert.equal(item.number, list[i].id) end
      end
      assert.equal("jobs.created", live:until_one(is "jobs.created")[2].event)
    end)

    it("a heartbeat says where the log is, whatever the filter lets through", function()
      local events = stream.open(s, "/v1/events?type=token.revoked")
      local first = tonumber(events:block().id)
      s:simulation "unseen"
      process.eventually("a heartbeat with a number", function() return tonumber(events:block().id) > first end)
      local number = events.id
      events:close()
      s:simulation "seen"
      local again = stream.open(s, "/v1/events", { headers = { ["Last-Event-ID"] = tostring(number) } })
      local event = again:next()
      assert.same({ "simulation.created", "seen" }, { event.event, event.data.data.name })
    end)

    it("open ones are counted, and are no slow answers", function()
      local function metric(name) return tonumber(s:get("/metrics").body:match("\norrery_" .. name .. " (%d+)")) end
      local function slow() return metric "http_seconds_count" - metric 'http_seconds_bucket{le="1.0"}' end
      local before, slow_before = metric "event_streams", slow()
      local left, ended = stream.open(s, "/v1/events"), stream.open(s, "/v1/events")
      process.eventually("two more", function() return metric "event_streams" == before + 2 end)
      require("socket").sleep(1.1) -- longer than the last bucket
      left:close()
      ended:close()
      process.eventually("as many as before", function() return metric "event_streams" == before end)
      assert.equal(slow_before, slow())
    end)

    it("the header wins over the query, which a browser repeats", function()
      local simulation = s:simulation "repeated"
      local from = newest()
      s:job(simulation, {}, { hold = true })
      local events = stream.open(s, "/v1/events?after=0", { headers = { ["Last-Event-ID"] = tostring(from) } })
      assert.equal(tostring(from), events:block().id)
      assert.equal(from + 1, events:next().id)
      s:post("/v1/simulations/" .. simulation .. "/cancel")
    end)

    it("a user sees what is their own; operators and administrators see all", function()
      local alice, bob, operator = s:token_of "alice", s:token_of "bob", s:token_of("olga", "operator")
      local from = newest()
      local of_alice, of_bob, of_all = stream.open(s, "/v1/events", { token = alice }),
        stream.open(s, "/v1/events?after=" .. from, { token = bob }), stream.open(s, "/v1/events", { token = operator })
      local filtered = stream.open(s, "/v1/events?owner=bob", { token = operator })
      local simulation = s:simulation("alice's", { token = alice })
      local job = s:job(simulation, {}, { hold = true }, { token = alice }).id
      s:simulation("bob's", { token = bob })
      assert.equal("alice's", of_alice:next().data.data.name)
      assert.same({ "bob's", "bob's" }, { of_bob:next().data.data.name, filtered:next().data.data.name })
      local list = of_all:until_one(function(event) return event.data.data.name == "bob's" end)
      local others = {} -- what earlier tests have begun may still go on
      for _, event in ipairs(list) do others[#others + 1] = event.data.owner ~= "admin" and event or nil end
      assert.same({ "simulation.created", "job.created", "simulation.state", "simulation.created" }, types_of(others))
      assert.equal(404, stream.open(s, "/v1/simulations/" .. simulation .. "/events", { token = bob }).status)
      assert.equal(404, stream.open(s, "/v1/jobs/" .. job .. "/events", { token = bob }).status)
      assert.equal(404, stream.open(s, "/v1/events?job=" .. job, { token = bob }).status)
      local refused = stream.open(s, "/v1/events?owner=alice", { token = bob })
      assert.same({ 403, "/problems/forbidden" }, { refused.status, refused.problem.type })
      s:post("/v1/simulations/" .. simulation .. "/cancel", "", { token = alice })
      of_bob:close()
    end)

    it("a token that is revoked ends its streams at once, and its tickets' with them; others go on", function()
      local token = s:make("/v1/tokens", { owner = "carol", role = "operator" })
      local ticket = s:make("/v1/events/tickets", "", { token = token.token }).ticket
      local live = stream.open(s, "/v1/events", { token = token.token })
      local by_ticket = stream.open(s, "/v1/events?ticket=" .. ticket, { token = false })
      local own = stream.open(s, "/v1/events")
      assert.same({ 200, 200 }, { live.status, by_ticket.status })
      s:delete("/v1/tokens/" .. token.id)
      for _, events in ipairs { live, by_ticket } do
        local _, broken = events:rest_of_it()
        assert.is_false(broken)
      end
      own:until_one(function(event) return event.data.data.token_id == token.id end)
      s:simulation "after"
      own:until_one(function(event) return event.data.data.name == "after" end)
      assert.equal(401, stream.open(s, "/v1/events?ticket=" .. ticket, { token = false }).status)
      assert.equal(401, stream.open(s, "/v1/events", { token = token.token }).status)
    end)

    it("a token that expires ends its streams", function()
      local token = s:make("/v1/tokens", { owner = "dora", expires_in = 1 })
      local events = stream.open(s, "/v1/events", { token = token.token })
      assert.equal(200, events.status)
      assert.same({ {}, false }, { events:rest_of_it() })
    end)

    it("a ticket opens streams again and again for a minute, and nothing else", function()
      local response = s:post("/v1/events/tickets")
      assert.same({ 201, "no-store" }, { response.status, response.headers["cache-control"] })
      local ticket = response.json.ticket
      assert.truthy(response.json.expires_at:find "^%d+%-%d+%-%d+T")
      local simulation = s:simulation "ticketed"
      for _ = 1, 3 do
        local events = stream.open(s, "/v1/simulations/" .. simulation .. "/events?ticket=" .. ticket, { token = false })
        assert.equal(200, events.status)
      end
      assert.equal(401, s:get("/v1/jobs?ticket=" .. ticket, { token = false }).status)
      assert.equal(401, s:get("/v1/jobs", { token = ticket }).status)
      assert.equal(401, stream.open(s, "/v1/events?ticket=" .. ("0"):rep(64), { token = false }).status)
      assert.equal(401, stream.open(s, "/v1/events?ticket=", { token = false }).status)
      assert.is_nil(s:log():find(ticket, 1, true))
      assert.equal("0", s:sql(("SELECT count(*) FROM tickets WHERE hash = '%s'"):format(ticket)))
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db 'UPDATE tickets SET expires_at = 1'"):format(s.data))
      assert.equal(401, stream.open(s, "/v1/events?ticket=" .. ticket, { token = false }).status)
      s:delete "/v1/tokens/x" -- whatever wakes the workers
    end)

    it("a ticket for a token that is not in the store opens streams that end by themselves", function()
      local hash = select(2, process.run "printf strange | sha256sum"):match "%x+"
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db \"INSERT INTO tickets VALUES('%s', NULL, 'eve', 'user', %d, %d)\"")
        :format(s.data, hash, (os.time() + 5) * 1000, (os.time() + 60) * 1000))
      s:simulation "not eve's" -- which lets the workers see that something is new
      local events = stream.open(s, "/v1/events?ticket=strange", { token = false })
      assert.equal(200, events.status)
      assert.same({ {}, false }, { events:rest_of_it() })
      assert.equal(401, stream.open(s, "/v1/events?ticket=strange", { token = false }).status)
    end)

    it("a simulation or a job that is deleted ends its streams, and is told last", function()
      local simulation = s:simulation "short"
      local kept, gone = s:job(simulation).id, s:job(simulation).id
      s:finished(simulation)
      local of_simulation, of_kept, of_gone = stream.open(s, "/v1/simulations/" .. simulation .. "/events"),
        stream.open(s, "/v1/jobs/" .. kept .. "/events"), stream.open(s, "/v1/jobs/" .. gone .. "/events")
      s:delete("/v1/jobs/" .. gone)
      assert.same({ { "job.deleted" }, false }, { types_of((of_gone:rest_of_it())), false })
      s:delete("/v1/simulations/" .. simulation)
      local list, broken = of_simulation:rest_of_it()
      assert.same({ "simulation.deleted", false }, { types_of(list)[#list], broken })
      assert.is_false(select(2, of_kept:rest_of_it()))
      assert.same({ 410, "/problems/gone" }, { stream.open(s, "/v1/simulations/" .. simulation .. "/events").status,
        stream.open(s, "/v1/simulations/" .. simulation .. "/events").problem.type })
    end)

    it("what is asked for wrongly is refused in words", function()
      local beyond = newest() + 1000
      for _, case in ipairs {
        { "?after=-1", nil, 400, "after" }, { "?after=x", nil, 400, "after" }, { "?after=" .. beyond, nil, 400, "newest" },
        { "?after=99999999999999999999", nil, 400, "after" }, { "?type=job.stat", nil, 400, "job.state" },
        { "?type=jobb.*", nil, 400, "job.*" },
        { "?state=DONE", nil, 400, "COMPLETED" }, { "?simulation=x", nil, 404, "simulation x" },
        { "?nonsense=1", nil, 400, "nonsense" },
        { "", { ["Last-Event-ID"] = "x" }, 400, "Last%-Event%-ID" }, { "", { ["Last-Event-ID"] = "-1" }, 400, "Last%-Event%-ID" },
        { "", { ["Last-Event-ID"] = "1.5" }, 400, "Last%-Event%-ID" },
        { "", { ["Last-Event-ID"] = "0x10" }, 400, "Last%-Event%-ID" },
        { "", { ["Last-Event-ID"] = ("9"):rep(400) }, 400, "Last%-Event%-ID" },
        { "", { ["Last-Event-ID"] = tostring(beyond) }, 400, "newest" },
        { "", { Accept = "application/json" }, 406, "text/event%-stream" },
        { "", { Accept = "text/event-streams" }, 406, "Accept" },
      } do
        local refused = stream.open(s, "/v1/events" .. case[1], { headers = case[2] })
        assert.equal(case[3], refused.status, case[1])
        assert.truthy(refused.problem.detail:find(case[4]), refused.problem.detail)
      end
      for _, accept in ipairs { "text/event-stream", "text/*", "*/*", "application/json, Text/Event-Stream;q=0.5" } do
        local events = stream.open(s, "/v1/events", { headers = { Accept = accept } })
        assert.equal(200, events.status)
        events:close()
      end
      local head = s:request("HEAD", "/v1/events")
      assert.same({ 200, "text/event-stream", "" }, { head.status, head.headers["content-type"], head.body })
      assert.equal(401, stream.open(s, "/v1/events", { token = false }).status)
    end)

    it("a cursor that keeping has overtaken is told where to go on", function()
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db 'UPDATE installation SET events_from = 3'"):format(s.data))
      s:simulation "noticed"
      local refused = stream.open(s, "/v1/events?after=1")
      assert.same({ 410, "/problems/cursor-expired", 3 }, { refused.status, refused.problem.type, refused.problem.oldest })
      assert.truthy(refused.problem.detail:find "after=2")
      assert.equal(200, stream.open(s, "/v1/events?after=2").status)
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db 'UPDATE installation SET events_from = 1'"):format(s.data))
    end)

    it("a stream that keeping has overtaken ends, rather than leave something out", function()
      local events = stream.open(s, "/v1/events")
      local at = tonumber(events:block().id)
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db \"UPDATE installation SET events_from = %d; "
        .. "INSERT INTO events(number, at, type) VALUES(%d, 0, 'later')\""):format(s.data, at + 3, at + 3))
      s:simulation "noticed, too"
      assert.same({ {}, false }, { events:rest_of_it() })
      assert.equal(410, stream.open(s, "/v1/events", { headers = { ["Last-Event-ID"] = tostring(at) } }).status)
      local again = stream.open(s, "/v1/events")
      assert.equal(200, again.status)
      s:simulation "goes on"
      again:until_one(function(event) return event.data.data.name == "goes on" end)
      process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db 'UPDATE installation SET events_from = 1'"):format(s.data))
    end)

    it("what was tampered with is left out, said once, and holds up nobody", function()
      s:announce "cannot be written down"
      local simulation, from = made "tampered"
      local job = s:job(simulation, {}, { hold = true }).id
      local live, behind, of_job = stream.open(s, "/v1/events"), stream.open(s, "/v1/events?after=" .. from),
        stream.open(s, "/v1/jobs/" .. job .. "/events?after=" .. from)
      local row = "INSERT INTO events(at, type, owner, simulation, job, data) SELECT at, '%s', owner, simulation, job, '%s' "
        .. "FROM events WHERE number = (SELECT max(number) FROM events WHERE type = 'job.created');"
      local function tamper(statements)
        process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db %s"):format(s.data, process.quote(statements)))
      end
      tamper(row:format("jobs.created", "{") .. row:format("job.state", '{"to":') .. row:format("resource.state", "[1]")
        .. row:format("token.revoked", "")
        .. "INSERT INTO events(at, type, simulation, job) VALUES('never', 'jobs.created', 'x', 'y')")
      local last = newest()
      tamper(row:format("jobs.created", '{"count":9007199254740992}') .. row:format("token.revoked", '{"token_id":[]}')
        .. "INSERT INTO events(at, type) VALUES(0, 'simulation.deleted'), (0, 'job.deleted')")
      s:simulation "goes on behind it"
      for _, events in ipairs { live, behind, stream.open(s, "/v1/events?after=" .. from) } do
        local list = events:until_one(function(event) return event.data.data.name == "goes on behind it" end)
        for _, event in ipairs(list) do assert.is_true(event.id <= last - 5 or event.id > last) end
      end
      s:post("/v1/jobs/" .. job .. "/cancel")
      of_job:until_one(is("job.state", "CANCELED"))
      assert.equal(200, s:get("/v1/jobs/" .. job .. "/history").status)
      local told = {}
      for line in s:log():gmatch "[^\n]+cannot be written down[^\n]+" do
        local number = tonumber(line:match '"number":(%d+)')
        told[number] = (told[number] or 0) + 1
      end
      for number = last - 4, last do assert.is_true(told[number] >= 1 and told[number] <= workers) end
    end)

    it("nothing is missing and nothing comes twice while streams come and go under load", function()
      local JOBS = 2000
      local simulation, from = made("load" .. workers)
      local path = "/v1/simulations/" .. simulation .. "/events"
      local readers = {}
      for i = 1, 6 do readers[i] = { got = {}, stream = stream.open(s, path .. "?after=" .. from), lives = i } end
      s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = { executable = "/bin/true", resource = "local" },
        parameters = { i = { from = 1, to = JOBS, step = 1 } } })
      -- Each reader but the first leaves after every so many events, in the middle of a block or not, and comes again.
      local function read_some(reader)
        for _ = 1, 97 * reader.lives do
          local event, why = reader.stream:next()
          assert(event, why)
          reader.got[#reader.got + 1] = event
          if is("simulation.state", "COMPLETED")(event) then return true end
        end
        if reader.lives == 1 then return false end
        local last = reader.stream.id
        reader.stream:close()
        reader.stream = stream.open(s, path, { headers = { ["Last-Event-ID"] = tostring(last) } })
      end
      local open = #readers
      while open > 0 do
        for _, reader in ipairs(readers) do
          if not reader.over then
            reader.over = read_some(reader)
            if reader.over then open = open - 1 end
          end
        end
      end
      local all = s:sql(("SELECT group_concat(number) FROM (SELECT number FROM events WHERE number > %d AND simulation = "
        .. "(SELECT simulation FROM events WHERE number = %d) ORDER BY number)"):format(from, from))
      for _, reader in ipairs(readers) do
        local numbers = {}
        for i, event in ipairs(reader.got) do numbers[i] = event.id end
        assert.equal(all, table.concat(numbers, ","))
      end
      local by_job = {}
      for _, event in ipairs(readers[2].got) do
        local id = event.data.data.job_id
        if id then
          by_job[id] = by_job[id] or {}
          table.insert(by_job[id], event.id)
        end
      end
      for _, job in ipairs(s:read("/v1/jobs?simulation=" .. simulation .. "&limit=20").items) do
        local numbers = {}
        for _, item in ipairs(s:read("/v1/jobs/" .. job.id .. "/history").items) do
          if item.type ~= "job.created" then numbers[#numbers + 1] = item.number end
        end
        assert.same(numbers, by_job[job.id])
      end
    end)

    it("who reads slowly gets all of it, out of the log, and holds up nobody", function()
      local simulation, from = made("slow" .. workers)
      local path = ("/v1/simulations/%s/events?after=%d"):format(simulation, from)
      local slow = {}
      for i = 1, 20 do slow[i] = stream.open(s, path) end
      local description = ("d"):rep(60000)
      for i = 1, 200 do s:patch("/v1/simulations/" .. simulation, { description = description, name = "n" .. i }) end
      local function is_last(event) return event.event == "simulation.altered" and event.data.data.changes.name == "n200" end
      local fast = stream.open(s, path):until_one(is_last)
      assert.equal(200, #fast)
      assert.is_true(is_growing(fast))
      for _, reader in ipairs(slow) do
        local list = reader:until_one(is_last)
        assert.equal(200, #list)
        assert.is_true(is_growing(list))
        reader:close()
      end
    end)

    it("a client that leaves is forgotten", function()
      for _ = 1, 50 do stream.open(s, "/v1/events"):close() end
      process.eventually("the end of the connections", function()
        s:simulation "who is there?"
        local _, output = process.run(("ss -Htn state established '( sport = :%s )' | wc -l"):format(s.port))
        return tonumber(output) <= 4 + workers
      end)
    end)
  end)
end

describe("a stream of events", function()
  it("whose client takes nothing is cut off", function()
    local s = server.start { config = "http = { write_ms = 500 }\n" .. HEARTBEAT }
    local simulation = s:simulation "ignored"
    local ignored = stream.open(s, "/v1/events")
    local description = ("d"):rep(60000)
    process.eventually("the end of it", function()
      s:patch("/v1/simulations/" .. simulation, { description = description })
      local _, output = process.run(("ss -Htn state established '( sport = :%s )' | wc -l"):format(s.port))
      return tonumber(output) == 1 -- ours
    end, 60)
    ignored:close()
    s:stop()
  end)

  it("ends well when the server does, and goes on at the next", function()
    local s = server.start { workers = 2, config = HEARTBEAT }
    local streams = {}
    for i = 1, 40 do streams[i] = stream.open(s, "/v1/events") end
    local stuck = stream.open(s, "/v1/events?after=0")
    s:simulation "before"
    s:stop(true)
    for _, events in ipairs(streams) do
      local list, broken = events:rest_of_it()
      assert.same({ "before", false }, { list[#list].data.data.name, broken })
    end
    stuck:close()
    s:restart()
    s:simulation "between"
    for _, events in ipairs(streams) do
      local again = stream.open(s, "/v1/events", { headers = { ["Last-Event-ID"] = tostring(events.id) } })
      again:until_one(function(event) return event.data.data.name == "between" end)
      again:close()
    end
    s:stop()
  end)
end)
