-- As which accounts jobs run: the site's hook, who may run what where, and one account's trouble that is not the others'.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local function mapped(name, more)
  return ('resource "%s" { scheduler = "accounts", run_as = "sudo", base = "/nonexistent", poll_ms = 100%s }\n'):format(name,
    more or "")
end

local function spec(custom, more)
  local given = { executable = "/bin/true", attributes = { custom_attributes = {} } }
  for name, value in pairs(custom or {}) do given.attributes.custom_attributes["accounts." .. name] = value end
  for name, value in pairs(more or {}) do given[name] = value end
  return given
end

-- A simulation of somebody's, and how jobs are put into it.
local function of(s, owner, role)
  local it = { token = s:token_of(owner, role) }
  it.simulation = s:simulation("test", { token = it.token })
  it.path = "/v1/simulations/" .. it.simulation
  function it.post(body) return s:post(it.path .. "/jobs", body, { token = it.token }) end
  function it.job(custom, more)
    local answer = it.post(spec(custom, more))
    assert(answer.status == 201, answer.body)
    return answer.json.id
  end
  return it
end

describe("an account", function()
  local s

  local HOOK = [[
    local seen = {}
    hook("account.map", function(request)
      local owner = request.owner
      if owner == "nobody" then return nil, "ask the help desk for an account" end
      if owner == "late" and request.job then return nil, "the account is closed" end
      if owner == "throws" then error "I am broken" end
      if owner == "loops" then while true do end end
      if owner == "hangs" then return ("x"):rep(100, (" "):rep(10)) end
      if owner == "number" then return 7 end
      if owner == "silent" then return end
      if owner == "god" then return "root" end
      if owner == "option" then return "-oProxyCommand" end
      if owner == "told" then
        assert(request.resource == "cluster" and #request.simulation == 36 and (not request.job or #request.job == 36))
      end
      return "u_" .. owner
    end)
  ]]

  setup(function()
    s = server.start { single_user = false, config = HOOK, resources = mapped("cluster", ', operator = "slurm"') }
    s:announce "hook failed"
  end)
  teardown(function() s:stop() end)

  it("is named by the site's hook, and everything about a job is asked as it", function()
    for _, owner in ipairs { "ada", "told" } do
      local user = of(s, owner)
      local job = s:job_in(user.job())
      assert.same({ "COMPLETED", "u_" .. owner }, { job.state, job.account })
      assert.equal(("submitted by u_%s, seen by u_%s"):format(owner, owner), job.native_state)
      local told
      for _, event in ipairs(s:read("/v1/jobs/" .. job.id .. "/history").items) do told = told or event.account end
      assert.equal("u_" .. owner, told)
    end
  end)

  it("is what the hook says at the moment: a job of one that is closed is refused when it is handed over", function()
    local job = s:job_in(of(s, "late").job())
    assert.same({ "FAILED", "SUBMIT_REJECTED", "resource cluster has no account for late: the account is closed" },
      { job.state, job.reason, job.message })
    assert.equal(http.null, job.native_id)
  end)

  it("that is refused is heard of at once, by whom it concerns and in the hook's words", function()
    local user, sentence = of(s, "nobody"), "resource cluster has no account for nobody: ask the help desk for an account"
    local before = s:counts()
    local function refused(answer)
      assert.same({ 403, "/problems/forbidden", sentence }, { answer.status, answer.json.type, answer.json.detail })
    end
    refused(user.post(spec()))
    refused(user.post(spec(nil, { resource = "cluster" })))
    refused(s:post(user.path .. "/sweeps", { template = spec(), parameters = { n = { 1, 2 } } }, { token = user.token }))
    assert.equal(before, s:counts())
    local many = user.post { jobs = { spec(), spec(nil, { executable = 7 }) } }
    assert.same({ 403, sentence, 422 }, { many.json.items[1].status, many.json.items[1].problem.detail,
      many.json.items[2].status })
  end)

  it("is never root's, and no option of a command", function()
    assert.matches("do not run as root", of(s, "god").post(spec()).json.detail)
    assert.matches("returned no account's name", of(s, "option").post(spec()).json.detail)
  end)

  it("is refused where the hook fails in whatever way; that is logged and counted, and costs nothing else", function()
    local function failures() return tonumber(s:get("/metrics").body:match "orrery_hook_failures_total (%d+)") end
    local before = failures()
    local why = { throws = "I am broken", loops = "ran for too long", hangs = "no account's name", number = "returned a number" }
    for owner, words in pairs(why) do
      local answer = of(s, owner).post(spec())
      assert.same({ 403, true }, { answer.status, answer.json.detail:find("resource cluster has no account for", 1, true) ~= nil })
      assert.is_truthy(s:logged { message = "hook failed", error = words }, owner)
    end
    assert.matches("names none", of(s, "silent").post(spec()).json.detail)
    assert.equal(before + 4, failures())
    assert.equal(201, of(s, "ada").post(spec()).status)
  end)

  it("is the operator's for what only an operator may do", function()
    local job = of(s, "ada").job { run_ms = 60000 }
    s:job_in(job, "ACTIVE")
    s:make("/v1/jobs/" .. job .. "/suspend", "", { status = 202 })
    assert.equal("suspended by slurm for u_ada", s:job_in(job, "SUSPENDED").native_state)
    s:make("/v1/jobs/" .. job .. "/resume", "", { status = 202 })
    assert.equal("u_ada", s:job_in(job, "ACTIVE").account)
    s:make("/v1/jobs/" .. job .. "/cancel", "", { status = 202 })
    assert.equal("submitted by u_ada, seen by u_ada", s:job_in(job).native_state)
  end)

  it("in trouble is nobody else's trouble; its jobs say what it is, and go on when it is over", function()
    local ada, bob = of(s, "ada"), of(s, "bob")
    local live = ada.job { run_ms = 3000 }
    s:job_in(live, "ACTIVE")
    local pending = ada.job { trouble = true }
    local why = "account u_ada: u_ada's key is refused"
    process.eventually("the trouble", function()
      local seen = s:read "/v1/resources/cluster"
      return seen.state == "degraded" and seen.message == why
    end)
    assert.equal("COMPLETED", s:job_in(bob.job()).state)
    assert.equal("degraded", s:read("/v1/resources/cluster").state)
    for _, id in ipairs { live, pending } do
      process.eventually("a message", function() return tostring(s:read("/v1/jobs/" .. id).message):find("key is refused", 1, true) end)
    end
    bob.job { over = "u_ada" }
    assert.equal("COMPLETED", s:job_in(pending).state)
    local ended = s:job_in(live)
    assert.same({ "COMPLETED", http.null }, { ended.state, ended.message })
    process.eventually("the end of the trouble", function() return s:read("/v1/resources/cluster").state == "up" end)
  end)
end)

describe("an account that the hook gives to another", function()
  it("is not read by who had it, by way of the jobs of that time", function()
    local function hook(word) return ('hook("account.map", function(request) return "%s_" .. request.owner end)'):format(word) end
    local s = server.start { single_user = false, config = hook "u", resources = mapped("cluster") }
    local ada = of(s, "ada")
    local path = "/v1/jobs/" .. s:job_in(ada.job(nil, { directory = s.directory })).id .. "/files"
    assert.equal(503, s:get(path, { token = ada.token }).status) -- this machine has no such account
    s:stop(true)
    s:restart { config = hook "v" }
    local answer = s:get(path, { token = ada.token })
    assert.equal(403, answer.status)
    assert.matches("as the account u_ada, which is not that of ada any more", answer.json.detail)
    s:stop()
  end)
end)

describe("accounts side by side", function()
  it("wait for nobody who hangs longer than a verb may take, nor ever again while that one does", function()
    local s = server.start { single_user = false, resources = mapped("cluster", ", timeout_ms = 500") }
    local ada, bob = of(s, "ada"), of(s, "bob")
    local hanging = ada.job { hang = true }
    process.eventually("the trouble", function()
      return tostring(s:read("/v1/resources/cluster").message):find("account ada: the plug-in hangs in monitor", 1, true)
    end)
    for _ = 1, 5 do assert.equal("COMPLETED", s:job_in(bob.job()).state) end
    assert.equal("QUEUED", s:read("/v1/jobs/" .. hanging).state)
    assert.equal("degraded", s:read("/v1/resources/cluster").state)
    bob.job { over = "ada" }
    assert.equal("COMPLETED", s:job_in(hanging).state)
    process.eventually("its end", function() return s:read("/v1/resources/cluster").state == "up" end)
    s:stop()
  end)
end)

describe("without a hook", function()
  it("an account is called as its owner is, if any can be", function()
    local s = server.start { single_user = false, resources = mapped "cluster" }
    assert.equal("Ada_1", s:job_in(of(s, "Ada_1").job()).account)
    for owner, words in pairs { ["a b"] = "hook%(\"account.map\"", root = "do not run as root", ["-x"] = "no account can be called so",
      [("x"):rep(65)] = "no account can be called so" } do
      local answer = of(s, owner).post(spec())
      assert.equal(403, answer.status)
      assert.matches(words, answer.json.detail)
    end
    s:stop()
  end)
end)

describe("where some resources map accounts, and others do not", function()
  local s

  setup(function()
    s = server.start { single_user = false, resources = mapped "mapped" .. mapped "picky"
      .. 'resource "own" { scheduler = "accounts", poll_ms = 100 }\n',
      config = [[hook("account.map", function(request)
        if request.resource == "picky" and request.owner ~= "ada" then return nil, "only ada" end
        if request.resource == "mapped" and request.owner == "ada" then return nil, "not ada" end
        return request.owner
      end)]] }
  end)
  teardown(function() s:stop() end)

  it("users run jobs where they have an account, and nowhere else", function()
    local bob = of(s, "bob")
    for resource, words in pairs { own = "single_user", picky = "only ada" } do
      local answer = bob.post(spec(nil, { resource = resource }))
      assert.equal(403, answer.status)
      assert.matches(words, answer.json.detail)
      assert.matches("resource " .. resource, answer.json.detail)
    end
    for _ = 1, 5 do -- whichever would come first otherwise
      local job = s:job_in(bob.job())
      assert.same({ "COMPLETED", "mapped", "bob" }, { job.state, job.resource, job.account })
    end
    local job = s:job_in(of(s, "ada").job())
    assert.same({ "COMPLETED", "picky", "ada" }, { job.state, job.resource, job.account })
    local ways = {}
    for _, each in ipairs(s:read("/v1/resources", { token = bob.token }).items) do ways[each.name] = each.run_as end
    assert.same({ mapped = "sudo", own = "service", picky = "sudo" }, ways)
  end)

  it("administrators run jobs as the service's account, too", function()
    local simulation = s:simulation()
    local job = s:job_in(s:make("/v1/simulations/" .. simulation .. "/jobs", spec(nil, { resource = "own" })).id)
    assert.same({ http.null, "submitted by the service, seen by the service" }, { job.account, job.native_state })
  end)

  it("nobody but administrators runs anything as somebody else", function()
    local bob, operator = of(s, "bob"), s:token_of("oscar", "operator")
    local answer = s:post(bob.path .. "/jobs", spec(), { token = operator })
    assert.equal(403, answer.status)
    assert.matches("account of bob", answer.json.detail)
    local id = s:job_in(bob.job()).id
    answer = s:post("/v1/jobs/" .. id .. "/retry", "", { token = operator })
    assert.equal(403, answer.status)
    assert.matches("account of bob", answer.json.detail)
    assert.equal("bob", s:job_in(s:make(bob.path .. "/jobs", spec(nil, { resource = "mapped" })).id).account)
    assert.equal(202, s:post("/v1/jobs/" .. id .. "/retry", "", { token = bob.token }).status)
    assert.equal(2, s:job_in(id).attempt)
  end)

  it("files in a directory that the user named are read by the owner of the account, who may read them", function()
    local bob = of(s, "bob")
    local id = s:job_in(bob.job(nil, { directory = s.directory })).id
    -- As that account, which this machine does not have; what is there for one that it has is tried in tests/real.
    assert.equal(503, s:get("/v1/jobs/" .. id .. "/files", { token = bob.token }).status)
    local answer = s:get("/v1/jobs/" .. id .. "/files", { token = s:token_of("oscar", "operator") })
    assert.equal(403, answer.status)
    assert.matches("as the account of bob", answer.json.detail)
  end)

  it("a resource that maps no more takes no jobs that were made for it when it did", function()
    s:make("/v1/resources", { name = "changing", scheduler = "accounts", run_as = "sudo", base = "/nonexistent" })
    s:make("/v1/resources/changing/drain", "", { status = 200 })
    local id = of(s, "bob").job(nil, { resource = "changing" })
    assert.equal(200, s:patch("/v1/resources/changing", { run_as = http.null }).status)
    s:make("/v1/resources/changing/enable", "", { status = 200 })
    local job = s:job_in(id)
    assert.same({ "FAILED", "SUBMIT_REJECTED" }, { job.state, job.reason })
    assert.matches("resource changing runs jobs as the server's own user", job.message)
  end)

  it("files of an account are nobody else's to read or remove, when its resource maps no more", function()
    s:make("/v1/resources", { name = "turning", scheduler = "accounts", run_as = "sudo", base = "/nonexistent" })
    local bob = of(s, "bob")
    local id = s:job_in(bob.job(nil, { resource = "turning", directory = s.directory })).id
    assert.equal(200, s:patch("/v1/resources/turning", { run_as = http.null }).status)
    process.eventually("the change", function()
      return s:get("/v1/jobs/" .. id .. "/files", { token = bob.token }).body:find("as the account bob", 1, true)
    end)
    local answer = s:get("/v1/jobs/" .. id .. "/files/orrery.lua", { token = bob.token })
    assert.same({ 503, nil }, { answer.status, answer.body:find("listen", 1, true) })
  end)
end)
