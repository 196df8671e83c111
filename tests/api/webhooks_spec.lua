-- Webhooks: events go to where users say, signed, at least once; and nowhere else.
local http = require "support.http"
local process = require "support.process"
local receiver = require "support.receiver"
local server = require "support.server"

local eventually = process.eventually

local CONFIG = [[webhooks = { allow = "127.0.0.0/8", retry_s = { 0, 0.1, 0.2, 0.3, 0.4, 60 }, timeout_ms = 500, %s }]]

local function start(more) return server.start { config = CONFIG:format(more or "") } end

local function types_of(requests)
  local types = {}
  for i, request in ipairs(requests) do types[i] = request.body.type end
  table.sort(types)
  return types
end

describe("webhooks", function()
  local s, r

  setup(function() s, r = start(), receiver.start() end)
  teardown(function()
    s:stop()
    r:stop()
  end)

  local function add(path, more, options)
    local body = { url = r.url .. path, secret = r.secret }
    for name, value in pairs(more or {}) do body[name] = value end
    return s:make("/v1/webhooks", body, options).id
  end

  local function remove(id) assert.equal(204, s:delete("/v1/webhooks/" .. id).status) end
  local function deliveries(id, query) return s:all("/v1/webhooks/" .. id .. "/deliveries" .. (query or "")) end

  local function ping(id)
    local made = s:make("/v1/webhooks/" .. id .. "/ping", nil, { status = 202 })
    return made, "/v1/webhooks/" .. id .. "/deliveries/" .. made.id
  end

  -- A delivery once it has been tried so many times.
  local function tried(path, times)
    return eventually(times .. " tries", function()
      local delivery = s:read(path)
      return #delivery.outcomes >= times and delivery
    end)
  end

  it("tell of every event after they were made, in CloudEvents, signed", function()
    s:job_in(s:job(s:simulation()).id) -- before
    local id = add "/all"
    local simulation = s:simulation()
    local job = s:job(simulation).id
    s:job_in(job)
    r:await(8, "/all")
    local requests, numbers = r:requests "/all", {}
    assert.same({ "orrery.job.created", "orrery.job.state", "orrery.job.state", "orrery.job.state", "orrery.job.state",
      "orrery.simulation.created", "orrery.simulation.state", "orrery.simulation.state" }, types_of(requests))
    for _, request in ipairs(requests) do
      assert.is_true(request.genuine)
      assert.equal("application/cloudevents+json", request.type)
      assert.equal(simulation, request.body.data.simulation_id)
      assert.is_true(math.abs(tonumber(request.timestamp) - request.at) < 60) -- seconds, not milliseconds
      numbers[#numbers + 1] = tonumber(request.body.id)
    end
    table.sort(numbers)
    local stored = s:sql(("SELECT group_concat(number) FROM events WHERE number >= %d"):format(numbers[1]))
    assert.equal(stored, table.concat(numbers, ","))
    local list = eventually("the record of it", function()
      local found = deliveries(id, "?state=DELIVERED&limit=2")
      return #found == 8 and found
    end)
    assert.same({ 1, 200, http.null }, { list[1].tries, list[1].outcomes[1].status, list[1].outcomes[1].error })
    assert.equal(0, #deliveries(id, "?state=PENDING"))
    assert.equal(8, #deliveries(id, "?order=desc"))
    remove(id)
    assert.equal(404, s:get("/v1/webhooks/" .. id .. "/deliveries").status)
  end)

  it("are for a job, for a simulation, for some types or states", function()
    local simulation, other = s:simulation(), s:simulation()
    local job = s:job(simulation, nil, { hold = true }).id
    local hooks = { add("/job", { job_id = job }), add("/simulation", { simulation_id = simulation }),
      add("/types", { types = { "orrery.job.created", "simulation.*" } }), add("/states", { states = { "COMPLETED" } }) }
    s:post("/v1/jobs/" .. job .. "/release")
    s:job_in(job)
    s:job_in(s:job(simulation).id)
    s:job_in(s:job(other).id)
    r:await(2 + 1, "/states")
    r:await(3 * 2, "/types")
    for _, request in ipairs(r:await(5, "/job")) do assert.equal(job, request.body.data.job_id) end
    for _, request in ipairs(r:await(10, "/simulation")) do assert.equal(simulation, request.body.data.simulation_id) end
    for _, request in ipairs(r:requests "/states") do assert.equal("COMPLETED", request.body.data.to) end
    for _, request in ipairs(r:requests "/types") do
      assert.truthy(request.body.type == "orrery.job.created" or request.body.type == "orrery.simulation.state")
    end
    for _, id in ipairs(hooks) do remove(id) end
  end)

  it("know a sweep's jobs by their chunk", function()
    local id = add("/sweep", { types = { "jobs.created", "sweep.created" } })
    s:make(("/v1/simulations/%s/sweeps"):format(s:simulation()), { template = server.spec(), parameters = { x = { 1, 2, 3 } } })
    local requests = r:await(2, "/sweep")
    assert.same({ "orrery.jobs.created", "orrery.sweep.created" }, types_of(requests))
    remove(id)
  end)

  it("tell nobody of what is another's", function()
    local alice, bob = s:token_of "alice", s:token_of "bob"
    local hers = add("/hers", nil, { token = alice })
    local job = s:job(s:simulation(nil, { token = bob }), nil, { hold = true }, { token = bob }).id
    local refused = s:post("/v1/webhooks", { url = r.url, job_id = job }, { token = alice })
    assert.equal(404, refused.status)
    refused = s:post("/v1/webhooks", { url = r.url, all = true }, { token = alice })
    assert.same({ 403, "/problems/forbidden" }, { refused.status, refused.json.type })
    local everybody, its = add("/everybody", { all = true }), "/v1/webhooks/" .. hers
    s:make(("/v1/jobs/%s/release"):format(job), nil, { token = bob, status = 202 })
    local _, path = ping(hers)
    tried(path, 1)
    s:job_in(job)
    eventually("what happened to bob's job", function()
      local his = 0
      for _, request in ipairs(r:requests "/everybody") do
        if request.body.data.job_id == job then his = his + (request.body.owner == "bob" and 1 or 0) end
      end
      return his == 5
    end)
    assert.same({ "orrery.webhook.ping" }, types_of(r:requests "/hers"))
    for _, target in ipairs { its, its .. "/deliveries", path } do assert.equal(404, s:get(target, { token = bob }).status) end
    for _, verb in ipairs { "ping", "enable", "disable", "rotate" } do
      assert.equal(404, s:post(its .. "/" .. verb, nil, { token = bob }).status)
    end
    assert.equal(404, s:delete(its, { token = bob }).status)
    assert.equal(0, #s:all("/v1/webhooks", { token = bob }))
    assert.equal(1, #s:all("/v1/webhooks", { token = alice }))
    remove(hers)
    remove(everybody)
  end)

  it("go elsewhere at the word of those alone who may see what they tell", function()
    local operator, user = s:token_of("olga", "operator"), s:token_of "olga"
    local theirs = s:simulation()
    local hooks = { add("/of-all", { all = true }, { token = operator }),
      add("/of-one", { simulation_id = theirs }, { token = operator }),
      add("/of-job", { job_id = s:job(theirs, nil, { hold = true }).id }, { token = operator }) }
    for i, status in ipairs { 403, 404, 404 } do
      local path = "/v1/webhooks/" .. hooks[i]
      assert.equal(status, s:request("PATCH", path, { body = { url = r.url .. "/stolen" }, token = user }).status)
      assert.equal(status, s:post(path .. "/rotate", nil, { token = user }).status)
      assert.equal(200, s:request("PATCH", path, { body = { name = "kept" }, token = operator }).status)
    end
    local own = add("/own", nil, { token = operator })
    assert.equal(200, s:request("PATCH", "/v1/webhooks/" .. own, { body = { name = "mine" }, token = user }).status)
    assert.equal(200, s:post("/v1/webhooks/" .. own .. "/rotate", nil, { token = user }).status)
    hooks[#hooks + 1] = own
    for _, id in ipairs(hooks) do remove(id) end
  end)

  it("are tried again, with the same id, until they arrive", function()
    local function counted(name)
      return tonumber(s:get("/metrics").body:match("\norrery_webhook_" .. name .. "_total (%d+)\n"))
    end
    local tries, failures = counted "tries", counted "failures"
    r:tell(500)
    local id = add "/as-told"
    local _, path = ping(id)
    tried(path, 3)
    assert.equal("PENDING", s:read(path).state)
    assert.is_true(s:read("/v1/webhooks/" .. id).failures >= 3)
    r:tell(204)
    local delivery = s:read(path .. "?wait=30")
    assert.equal("DELIVERED", delivery.state)
    assert.same({ 500, "the receiver answered 500", "as told" },
      { delivery.outcomes[1].status, delivery.outcomes[1].error, delivery.outcomes[1].answer })
    assert.same({ 0, http.null }, { s:read("/v1/webhooks/" .. id).failures, s:read("/v1/webhooks/" .. id).failing_since })
    assert.is_true(counted "tries" - tries >= 4 and counted "failures" - failures >= 3)
    for _, request in ipairs(r:requests "/as-told") do assert.same({ true, delivery.id }, { request.genuine, request.id }) end
    remove(id)
  end)

  it("take no redirect, no silence and no nonsense for an answer", function()
    local words = { redirect = "the receiver answered 307: redirects are not followed", hang = "no answer in time",
      garbage = ".", rude = "the receiver answered 500" }
    for way, why in pairs(words) do
      local id = add("/" .. way)
      local _, path = ping(id)
      local outcome = tried(path, 1).outcomes[1]
      assert.truthy(outcome.error:find(why), way .. ": " .. outcome.error)
      if way == "rude" then
        assert.truthy(outcome.answer:find("??<b>no</b>x", 1, true))
        assert.equal(1024, #outcome.answer)
      end
      remove(id)
    end
    assert.equal(0, #r:requests "/elsewhere")
  end)

  it("get nothing of what was tampered with, and go on behind it", function()
    s:announce "cannot be written down"
    local simulation = s:simulation()
    local job = s:job(simulation, nil, { hold = true }).id
    local of_all, of_job = add("/beside", { types = { "job.*", "jobs.*" } }), add("/beside_job", { job_id = job })
    local row = "INSERT INTO events(at, type, owner, simulation, job, data) SELECT at, '%s', owner, simulation, job, '%s' "
      .. "FROM events WHERE number = (SELECT max(number) FROM events WHERE type = 'job.created');"
    process.run(("sqlite3 -cmd '.timeout 5000' %s/orrery.db %s"):format(s.data, process.quote(row:format("jobs.created", "{")
      .. row:format("job.state", '{"to":') .. row:format("job.state", "7")
      .. "INSERT INTO events(at, type, owner, simulation, job) VALUES('never', 'jobs.created', 'admin', 'x', 'y')")))
    s:post("/v1/jobs/" .. job .. "/cancel")
    for _, path in ipairs { "/beside", "/beside_job" } do
      assert.same({ "orrery.job.state", "orrery.job.wanted" }, types_of(r:await(2, path)))
    end
    remove(of_all)
    remove(of_job)
  end)

  it("wait as long as a receiver asks for", function()
    local id = add "/later"
    local _, path = ping(id)
    tried(path, 1)
    local requests = r:await(2, "/later")
    assert.is_true(requests[2].at - requests[1].at >= 1.9)
    remove(id)
  end)

  it("are left alone when they are gone, keep what waits, and go on when they are enabled", function()
    local watching = add("/watching", { types = { "webhook.disabled" } })
    local id = add "/gone"
    local path = "/v1/webhooks/" .. id
    ping(id)
    local told = r:await(1, "/watching")[1].body
    assert.same({ "orrery.webhook.disabled", "webhooks/" .. id, "the receiver answered 410: it is gone" },
      { told.type, told.subject, told.data.reason })
    local shown = s:read(path)
    assert.same({ "DISABLED", "the receiver answered 410: it is gone" }, { shown.state, shown.disabled_reason })
    assert.is_true(shown.pending >= 1)
    local refused = s:post(path .. "/ping")
    assert.same({ 409, "/problems/disabled" }, { refused.status, refused.json.type })
    local job = s:job(s:simulation()).id -- meanwhile
    s:job_in(job)
    assert.equal(200, s:patch(path, { url = r.url .. "/back" }).status)
    assert.equal(0, #r:requests "/back")
    assert.equal("ENABLED", s:make(path .. "/enable", nil, { status = 200 }).state)
    eventually("what was missed, and what waited", function()
      local missed, waited = 0, 0
      for _, request in ipairs(r:requests "/back") do
        if request.body.data.job_id == job then missed = missed + 1 end
        if request.body.type == "orrery.webhook.ping" then waited = waited + 1 end
      end
      return missed == 5 and waited == 1
    end)
    assert.equal(0, eventually("no backlog", function() return s:read(path).pending == 0 and s:read(path) end).failures)
    remove(id)
    remove(watching)
  end)

  it("send again what is asked for: one delivery, or all since", function()
    local id = add("/again", { types = { "job.created" } })
    local path = "/v1/webhooks/" .. id
    local simulation = s:simulation()
    for _ = 1, 3 do s:job(simulation, nil, { hold = true }) end
    r:await(3, "/again")
    local list = eventually("the record of it", function()
      local found = deliveries(id, "?state=DELIVERED")
      return #found == 3 and found
    end)
    s:make(("%s/deliveries/%s/replay"):format(path, list[2].id), nil, { status = 202 })
    assert.equal(list[2].id, r:await(4, "/again")[4].id)
    eventually("the record of it", function() return #deliveries(id, "?state=DELIVERED") == 3 end)
    s:make(path .. "/replay", { after = list[1].event }, { status = 202 })
    local requests = r:await(6, "/again")
    local ids = { requests[5].id, requests[6].id }
    table.sort(ids)
    assert.same({ list[2].id, list[3].id }, ids)
    eventually("the record of it", function() return #deliveries(id, "?state=DELIVERED") == 3 end)
    s:make(path .. "/replay", { since = list[1].created_at:gsub("T.*", "T00:00:00Z") }, { status = 202 }) -- all of today's
    local all = tonumber(s:sql "SELECT count(*) FROM events WHERE type = 'job.created' AND owner = 'admin'")
    r:await(6 + all, "/again")
    assert.equal(all, #deliveries(id))
    local refused = s:post(path .. "/replay", {})
    assert.same({ 422, "needs either after, the number of an event, or since, a time" },
      { refused.status, refused.json.errors[1].detail })
    refused = s:post(path .. "/replay", { after = 1 << 40 })
    assert.equal(422, refused.status)
    assert.matches("^is the number of no event yet; the newest is %d+$", refused.json.errors[1].detail)
    remove(id)
  end)

  it("change their secret while both are known", function()
    local id = add "/rotated"
    local path = "/v1/webhooks/" .. id
    local made = s:make(path .. "/rotate", nil, { status = 200 })
    assert.truthy(made.secret:find "^whsec_")
    assert.is_nil(s:read(path).secret)
    ping(id)
    local request = r:await(1, "/rotated")[1]
    assert.is_true(request.genuine) -- by the old one
    assert.truthy(request.signature:find "^v1,%S+ v1,%S+$")
    s:make(path .. "/rotate", { overlap_s = 0 }, { status = 200 })
    ping(id)
    request = r:await(2, "/rotated")[2]
    assert.is_false(request.genuine)
    assert.truthy(request.signature:find "^v1,%S+$")
    remove(id)
  end)

  it("are changed while they are there", function()
    local id = add("/before", { name = "n", types = { "job.created" }, states = { "NEW" } })
    local path = "/v1/webhooks/" .. id
    local shown = s:patch(path, { url = r.url .. "/after#x", types = { "orrery.job.state", "sweep.*" }, states = http.null }).json
    assert.same({ "n", r.url .. "/after", { "job.state", "sweep.*" }, http.null },
      { shown.name, shown.url, shown.types, shown.states })
    shown = s:patch(path, { name = http.null }).json
    assert.same({ http.null, r.url .. "/after", { "job.state", "sweep.*" } }, { shown.name, shown.url, shown.types })
    assert.equal(422, s:patch(path, { url = "http://10.0.0.1/" }).status)
    s:job_in(s:job(s:simulation()).id)
    assert.same({ "orrery.job.state" }, { r:await(4, "/after")[1].body.type })
    assert.equal(0, #r:requests "/before")
    remove(id)
  end)

  it("are made once for an Idempotency-Key, and show their secret once", function()
    local body = { url = r.url .. "/once" }
    local first = s:post("/v1/webhooks", body, { key = "once" })
    local second = s:post("/v1/webhooks", body, { key = "once" })
    assert.same({ 201, 201, first.json.id }, { first.status, second.status, second.json.id })
    assert.truthy(first.json.secret:find "^whsec_")
    assert.equal(http.null, second.json.secret)
    assert.is_nil(s:read("/v1/webhooks/" .. first.json.id).secret)
    remove(first.json.id)
  end)

  it("end with their simulation and their job", function()
    local simulation = s:simulation()
    local job = s:job(simulation).id
    s:job_in(job)
    local ids = { add("/ended", { simulation_id = simulation }), add("/ended", { job_id = job }) }
    assert.equal(204, s:delete("/v1/simulations/" .. simulation).status)
    eventually("their end", function()
      return s:get("/v1/webhooks/" .. ids[1]).status == 404 and s:get("/v1/webhooks/" .. ids[2]).status == 404
    end)
  end)

  it("refuse what they cannot do, and say what they could", function()
    local function refused(body, pointer, detail)
      local response = s:post("/v1/webhooks", body)
      assert.equal(422, response.status, response.body)
      assert.equal(pointer, response.json.errors[1].pointer)
      assert.truthy(response.json.errors[1].detail:find(detail, 1, true), response.body)
    end
    refused({}, "/url", "is required")
    refused({ url = "ftp://example.org" }, "/url", "must be an address")
    refused({ url = "https://me:secret@example.org/" }, "/url", "must have no user or password")
    refused({ url = "http://10.0.0.1/" }, "/url", "leads to 10.0.0.1")
    refused({ url = "http://[::ffff:10.0.0.1]/" }, "/url", "leads to ")
    refused({ url = "http://169.254.169.254/latest" }, "/url", "leads to 169.254.169.254")
    refused({ url = r.url, secret = "whsec_abc" }, "/secret", "must be whsec_ and then 24 to 64 bytes in Base64")
    refused({ url = r.url, states = { "DONE" } }, "/states/0", "must be one of NEW")
    refused({ url = r.url, types = { "job" } }, "/types/0", "is no type of events; there are job.alter, ")
    refused({ url = r.url, all = true, job_id = "x" }, "", "exclude each other")
    assert.equal("0", s:sql "SELECT count(*) FROM webhooks")
    s:job(s:simulation(), nil, { hold = true })
    eventually("no reader", function() return s:sql "SELECT count(*) FROM readers" == "0" end)
  end)
end)

describe("a webhook", function()
  local s, r

  before_each(function() r = receiver.start() end)
  after_each(function()
    s:stop()
    r:stop()
  end)

  local function add(path)
    return s:make("/v1/webhooks", { url = r.url .. path, secret = r.secret, types = { "job.created" } }).id
  end

  -- The server that gets so many jobs that wait.
  local function jobs(count)
    local simulation = s:simulation()
    for at = 1, count, 500 do
      local list = {}
      for i = 1, math.min(500, count - at + 1) do list[i] = server.spec(nil, { hold = true }) end
      assert.equal(207, s:post(("/v1/simulations/%s/jobs"):format(simulation), { jobs = list }).status)
    end
  end

  local function numbers_of(requests)
    local set, count = {}, 0
    for _, request in ipairs(requests) do
      if not set[request.body.id] then count = count + 1 end
      set[request.body.id] = true
    end
    return count
  end

  it("gets thousands of events, each once, while others hang", function()
    s = start "backlog = 1000"
    for i = 1, 6 do add("/hang/" .. i) end
    local id = add "/many"
    jobs(5000)
    local requests = r:await(5000, "/many", 300)
    assert.equal(5000, numbers_of(requests))
    eventually("the record of it", function() return s:read("/v1/webhooks/" .. id).pending == 0 end)
    assert.equal(5000, #r:requests "/many")
  end)

  it("misses nothing when the server is killed again and again", function()
    s = start "at_once_each = 2"
    add "/killed"
    jobs(1500)
    for _, count in ipairs { 1, 300, 700 } do
      r:await(count, "/killed", 60)
      s:kill()
      s:restart()
    end
    eventually("every event", function() return numbers_of(r:requests "/killed") == 1500 end, 120)
    eventually("the record of it", function()
      return s:sql "SELECT count(*) FROM deliveries WHERE state <> 'DELIVERED'" == "0"
    end)
    assert.equal("1500", s:sql "SELECT count(*) FROM deliveries")
  end)

  it("leaves in the log what is too much to wait beside it, and gets that, too", function()
    s = start("backlog = 20, retry_s = { 0" .. (", 0.2"):rep(40) .. " }")
    r:tell(500)
    local path = "/v1/webhooks/" .. add "/as-told"
    jobs(700)
    eventually("as much as may wait", function() return s:read(path).pending >= 20 end)
    jobs(700)
    r:await(9, "/as-told")
    assert.is_true(s:read(path).pending < 720) -- of the first commit, all; then no more
    assert.is_true(s:read(path).read_to < tonumber(s:sql "SELECT max(number) FROM events"))
    r:tell(200)
    eventually("every event", function()
      return s:sql "SELECT count(*) FROM deliveries WHERE state = 'DELIVERED'" == "1400"
    end, 120)
    assert.equal(tonumber(s:sql "SELECT max(number) FROM events"), s:read(path).read_to)
  end)

  it("is disabled after a long failure, and what was waiting arrives when it is enabled", function()
    s = start "disable_after_s = 1"
    r:tell(503)
    local path = "/v1/webhooks/" .. add "/as-told"
    jobs(20)
    local shown = eventually("the end of patience", function()
      local now = s:read(path)
      return now.state == "DISABLED" and now
    end)
    assert.truthy(shown.disabled_reason:find "nothing was delivered for .* days; at last: the receiver answered 503")
    assert.equal("1", s:sql "SELECT count(*) FROM events WHERE type = 'webhook.disabled'")
    local before = #r:requests "/as-told"
    r:tell(200)
    s:kill()
    s:restart()
    s:make(path .. "/enable", nil, { status = 200 })
    local waiting = shown.pending
    assert.is_true(waiting > 0)
    r:await(before + waiting, "/as-told", 90)
    eventually("no backlog", function() return s:read(path).pending == 0 end)
  end)

  it("goes nowhere behind the server's own doors, whatever a name says, unless the site allows it", function()
    s = server.start { config = "webhooks = { timeout_ms = 5000, retry_s = { 0, 60 } }" }
    local url = r.url:gsub("127.0.0.1", "localhost")
    local path = "/v1/webhooks/" .. s:make("/v1/webhooks", { url = url, secret = r.secret }).id
    local made = s:make(path .. "/ping", nil, { status = 202 })
    local delivery = eventually("a try", function()
      local now = s:read(path .. "/deliveries/" .. made.id)
      return now.outcomes[1] and now
    end)
    assert.truthy(delivery.outcomes[1].error:find "is an address that no request may go to from here, unless webhooks.allow")
    assert.equal(0, #r:requests())
  end)

  it("is spoken to by TLS only if its certificate is good", function()
    local folder = process.temporary()
    local made, words = process.run(("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
      .. "-keyout key.pem -out ca.pem -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
      .. "&& cat key.pem ca.pem > both.pem"):format(folder))
    assert.equal(0, made, words)
    local safe = receiver.start { certificate = folder .. "/both.pem" }
    s = start()
    local path = "/v1/webhooks/" .. s:make("/v1/webhooks", { url = safe.url, secret = r.secret }).id
    local delivery = path .. "/deliveries/" .. s:make(path .. "/ping", nil, { status = 202 }).id
    eventually("a try", function() return s:read(delivery).outcomes[1] end)
    assert.truthy(s:read(delivery).outcomes[1].error:find "[Cc]ertificate", s:read(delivery).outcomes[1].error)
    s:stop(true)
    s:restart { config = CONFIG:format(("ca_file = %q"):format(folder .. "/ca.pem")) }
    assert.equal("DELIVERED", s:read(delivery .. "?wait=30").state)
    assert.is_true(safe:requests()[1].genuine)
    safe:stop()
    process.run("rm -rf " .. folder)
  end)
end)
