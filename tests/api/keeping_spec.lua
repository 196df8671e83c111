-- Keeping the log: what is too old goes, or what is too much; what a reader has yet to read stays, whoever deletes what it
-- tells of; and what happened to jobs that have not ended.
local process = require "support.process"
local server = require "support.server"

describe("keeping events:", function()
  local s

  before_each(function() s = server.start {} end)
  after_each(function() s:stop() end)

  local function write(sql)
    local code, output = process.run(("sqlite3 -bail %s %s"):format(process.quote(s.data .. "/orrery.db"), process.quote(sql)))
    assert(code == 0, output)
  end

  -- Ends the server, changes the store, and starts it again with a configuration.
  local function meanwhile(sql, config)
    s:stop(true)
    write(sql)
    s:restart { config = config or "" }
  end

  local function number(sql) return tonumber(s:sql(sql)) end
  local function newest() return number "SELECT max(number) FROM events" end

  local function ended(simulation)
    local id = s:job(simulation).id
    s:job_in(id)
    return id
  end

  local function history(id)
    local types = {}
    for _, event in ipairs(s:all("/v1/jobs/" .. id .. "/history")) do types[#types + 1] = event.to or event.type end
    return table.concat(types, " ")
  end

  local ALL = "PENDING SUBMITTING QUEUED ACTIVE COMPLETED"

  it("the configuration says how many, and jobs that have not ended keep all of theirs until they have", function()
    local simulation = s:simulation()
    local held = s:job(simulation, nil, { hold = true }).id
    local sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 501, step = 1 } } })
    local swept = s:all("/v1/jobs?limit=1000&fields=id&sweep=" .. sweep.id)
    for i = 1, 501 do
      if i ~= 2 then s:post("/v1/jobs/" .. swept[i].id .. "/cancel") end
    end
    local old, young = ended(simulation), ended(simulation)
    assert.equal(ALL, history(old))
    local kept = newest() - 4 -- and what the next start says of its resource comes on top
    meanwhile("", "events = { keep_count = 5 }")
    process.eventually("the removal", function() return number "SELECT events_from FROM installation" >= kept end)
    assert.equal("", history(old))
    assert.equal("COMPLETED", history(young):match "%a+$")
    assert.equal("PENDING", history(held))
    assert.equal("PENDING", history(swept[2].id))
    assert.equal("PENDING", history(swept[1].id), "it shares the creation of another")
    assert.equal("", history(swept[501].id), "all that were created with it have ended")
    assert.truthy(s:logged { message = "events kept long enough" })

    s:post("/v1/simulations/" .. simulation .. "/cancel")
    s:finished(simulation)
    for _ = 1, 3 do ended(simulation) end
    meanwhile("", "events = { keep_count = 5 }")
    process.eventually("the removal of what had stayed", function() return history(held) == "" and history(swept[2].id) == "" end)
    assert.is_true(number "SELECT count(*) FROM events" <= 7)
    local last = newest()
    ended(simulation)
    assert.is_true(newest() > last, "no number is used twice")
  end)

  it("or for how many days", function()
    local simulation = s:simulation()
    local old, young = ended(simulation), ended(simulation)
    local last = number("SELECT max(number) FROM events WHERE job = (SELECT min(key) FROM jobs)")
    meanwhile(("UPDATE events SET at = at - 10 * 86400000 WHERE number <= %d"):format(last), "events = { keep_days = 9 }")
    process.eventually("the removal", function() return history(old) == "" end)
    assert.equal(ALL, history(young))
    assert.equal(last + 1, number "SELECT events_from FROM installation")
    meanwhile("", "")
    assert.equal(ALL, history(young))
  end)

  it("never what a reader has yet to read", function()
    local simulation = s:simulation()
    ended(simulation)
    local read = newest()
    local later = ended(simulation)
    meanwhile(("INSERT INTO readers(name, number) VALUES('test', %d)"):format(read), "events = { keep_count = 1 }")
    process.eventually("the removal", function() return number "SELECT events_from FROM installation" == read + 1 end)
    assert.equal(ALL, history(later))
    meanwhile "UPDATE readers SET number = 1000"
    assert.equal(ALL, history(later))
    meanwhile("", "events = { keep_count = 1 }")
    process.eventually("the removal of the rest", function() return history(later) == "" end)
  end)

  it("what is deleted is gone at once, but its events stay until they were read", function()
    meanwhile "INSERT INTO readers(name, number) VALUES('test', 0)"
    local simulation, other = s:simulation(), s:simulation()
    ended(simulation)
    s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 700, step = 1 } } })
    s:post("/v1/simulations/" .. simulation .. "/cancel")
    s:finished(simulation)
    local single = ended(other)
    local before = number "SELECT count(*) FROM events"
    assert.equal(204, s:delete("/v1/simulations/" .. simulation).status)
    assert.equal(204, s:delete("/v1/jobs/" .. single).status)
    process.eventually("the end of the deletion", function() return number "SELECT count(*) FROM jobs" == 0 end)
    process.eventually("the end of the simulation", function() return number "SELECT count(*) FROM simulations" == 1 end)
    local all = before + 3 -- and the other simulation has no jobs any more
    assert.equal(all, number "SELECT count(*) FROM events")
    local left = "SELECT count(*) FROM deleted WHERE events IS NOT NULL"
    assert.equal(703, number(left)) -- a job, the sweep's, the single one, and the simulation itself

    local half = number "SELECT max(number) FROM events" // 2
    meanwhile(("UPDATE readers SET number = %d"):format(half))
    process.eventually("the removal of what was read", function() return number(left) < 703 end)
    assert.equal(all - half, number(("SELECT count(*) FROM events WHERE number BETWEEN %d AND %d"):format(half + 1, all)))
    meanwhile "UPDATE readers SET number = 100000"
    process.eventually("the removal of the rest", function() return number(left) == 0 end)
    assert.equal("job.deleted simulation.created simulation.deleted simulation.state", -- of the other one, but for one
      s:sql "SELECT group_concat(type, ' ') FROM (SELECT DISTINCT type FROM events WHERE owner IS NOT NULL ORDER BY 1)")
  end)

  it("where nobody reads the events of what is deleted go with it", function()
    local simulation = s:simulation()
    local id = ended(simulation)
    s:delete("/v1/jobs/" .. id)
    assert.equal("job.deleted", s:sql "SELECT group_concat(type) FROM events WHERE job IS NOT NULL")
    s:delete("/v1/simulations/" .. simulation)
    process.eventually("the deletion", function() return number "SELECT count(*) FROM simulations" == 0 end)
    assert.equal("job.deleted,simulation.deleted", s:sql "SELECT group_concat(type) FROM events WHERE simulation IS NOT NULL")
    assert.equal(0, number "SELECT count(*) FROM deleted WHERE events IS NOT NULL")
  end)
end)
