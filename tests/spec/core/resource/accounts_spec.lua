-- Calls for jobs of several accounts: they are split, go on side by side, and what goes wrong with one account stays with it.
local house = require "support.house"
local evidence = require "orrery.core.submission.evidence"
local lifecycle = require "orrery.core.job.lifecycle"
local monitor = require "orrery.core.resource.monitor"
local orders = require "orrery.data.orders"
local give = require("orrery.core.resource.orders").give
local resource = require "orrery.core.resource"

describe("a resource with several accounts", function()
  local it_is, now, calls, plugin, told

  -- A plug-in: plugin[account] is what a call as it comes to: nil, all is well; { reports… } ; or code, why and how long it took.
  local function call(_, verb, request)
    local made = { verb = verb, account = request.account, items = request.items, waited = 0 }
    calls[#calls + 1] = made
    local answer = (plugin[made.account or "service"] or function() return {} end)(made)
    local reports = answer.reports
    if not answer.code and not reports then
      reports = {}
      for i in ipairs(request.items) do reports[i] = { seen_by = made.account } end
    end
    return { next = function()
      made.waited = made.waited + 1
      local all = reports
      reports = nil
      if all then return all end
      if not made.apart then now = now + (answer.ms or 0) end
      return nil, answer.code or "ok", answer.why
    end }
  end

  before_each(function()
    now, calls, plugin, told = 1000, {}, {}, {}
    stub(house.clock, "monotonic", function() return now end)
    local batch = { at = 0, change = { add = function() end, size = function() return 0 end }, commit = function() return true end,
      move = function(_, job, to) job.state = to end, tell = function(_, job, what, more) told[#told + 1] = { job.key, what, more } end }
    stub(lifecycle, "batch", batch)
    rawset(house.resources, "call", call)
    -- What is tried apart goes on beside: its time is not the round's.
    rawset(house.task, "spawn", function(run, ...)
      local before = now
      run(...)
      now = before
    end)
    it_is = resource.new { name = "r", scheduler = "s", lost_ms = 60000, poll_ms = 1000, timeout_ms = 30000, base = "/b",
      stuck_ms = 1e9 }
    it_is.info, it_is.state = { verbs = { status = true, signal = true }, honours = {} }, "up"
  end)
  after_each(function()
    house.clock.monotonic:revert()
    lifecycle.batch:revert()
    rawset(house.resources, "call", nil)
    rawset(house.task, "spawn", nil)
  end)

  local function jobs(...)
    local list = {}
    for i, account in ipairs { ... } do
      list[i] = { key = i, owner = account, account = account ~= "service" and account or nil, native_id = tostring(i),
        submission = i, wanted = "RUN", state = "ACTIVE" }
      it_is.live[tostring(i)] = list[i]
    end
    return list
  end

  local function made(verb)
    local list = {}
    for _, each in ipairs(calls) do
      if each.verb == verb then list[#list + 1] = ("%s x %d"):format(each.account or "service", #each.items) end
    end
    return list
  end

  it("begins a call for each before it waits for any, and tells whose report each is", function()
    local list, waiting, seen = jobs("ada", "bob", "service", "ada", "bob"), nil, {}
    plugin.bob = function() waiting = calls[1].waited return {} end
    local came_to = it_is:call_on("monitor", list, function(reports)
      for i, report in pairs(reports) do seen[i] = report.seen_by or "service" end
    end)
    assert.same({ "ada x 2", "bob x 2", "service x 1" }, made "monitor")
    assert.equal(0, waiting)
    assert.same({ "ada", "bob", "service", "ada", "bob" }, seen)
    for i = 1, 5 do assert.equal("ok", (came_to(i))) end
  end)

  it("makes one call where all are of one", function()
    it_is:call_on("monitor", jobs("ada", "ada"), function() end)
    it_is:call_on("monitor", jobs("service", "service"), function() end)
    assert.same({ "ada x 2", "service x 2" }, made "monitor")
  end)

  it("asks the operator for what only that may do, about jobs that keep their accounts", function()
    it_is.operator_for = { suspend = "slurm" }
    it_is:call_on("suspend", jobs("ada", "bob"), function() end)
    assert.same({ "slurm x 2" }, made "suspend")
    assert.same({ "ada", "bob" }, { calls[1].items[1].account, calls[1].items[2].account })
    it_is:call_on("resume", jobs "ada", function() end)
    assert.same({ "ada x 1" }, made "resume")
  end)

  it("is degraded by one in trouble, which says so to its own jobs alone", function()
    local list = jobs("ada", "bob")
    plugin.ada = function() return { code = "unavailable", why = "its key is refused" } end
    local came_to = it_is:call_on("monitor", list, function() end)
    assert.same({ "unavailable", "its key is refused" }, { came_to(1) })
    assert.equal("ok", (came_to(2)))
    assert.same({ "degraded", "account ada: its key is refused" }, { it_is.state, it_is.message })
    it_is:tell_of_accounts()
    assert.equal("account ada: its key is refused", list[1].message)
    assert.is_nil(list[2].message)
    came_to = it_is:call_on("monitor", list, function() end)
    assert.same({ "ada x 1", "bob x 1", "bob x 1" }, made "monitor")
    assert.same({ "unavailable", "account ada: its key is refused" }, { came_to(1) })
    assert.is_nil((it_is:admits "ada"))
    assert.equal("/b", (it_is:admits "bob"))
    assert.equal(now, it_is:silent_until "ada")
    assert.equal(0, it_is:silent_until "bob")
  end)

  it("forgets one in trouble that nobody uses any more", function()
    local function try_again(times)
      for _ = 1, times do
        now = now + 61000
        it_is:try_accounts()
      end
    end
    plugin.ada = function() return { code = "unavailable", why = "it is closed" } end
    it_is:call_on("monitor", jobs("ada", "bob"), function() end)
    it_is.troubles["monitor as ada"] = "nonsense"
    try_again(10)
    assert.equal("degraded", it_is.state)
    it_is.live["1"] = nil -- its job
    try_again(4)
    it_is:admits "ada" -- another waits for it
    try_again(5)
    assert.equal("degraded", it_is.state)
    try_again(1)
    assert.same({ "up", {} }, { it_is.state, it_is.accounts.ada or {} })
  end)

  it("is down where all are in trouble, unless its scheduler answers the service's own account", function()
    local function lose_all()
      for _, name in ipairs { "ada", "bob" } do plugin[name] = function() return { code = "unavailable", why = "gone" } end end
      it_is:call_on("monitor", jobs("ada", "bob"), function() end)
      return it_is.state
    end
    assert.equal("degraded", lose_all())
    it_is.accounts, it_is.info.verbs.status = {}, nil
    assert.equal("down", lose_all())
    assert.is_true(it_is:ready()) -- each account by its own back-off
    plugin.bob, it_is.accounts.bob.trial = nil, true
    it_is:call_on("monitor", jobs "bob", function() end)
    assert.same({ "degraded", "account ada: gone" }, { it_is.state, it_is.message })
  end)

  it("is tried again as each at once when the resource has come back", function()
    plugin.ada = function() return { code = "unavailable", why = "gone" } end
    it_is:call_on("monitor", jobs "ada", function() end)
    it_is:lose(nil, "no answer")
    assert.is_true(it_is.accounts.ada.retry_at > now)
    it_is:well "status"
    assert.equal(0, it_is.accounts.ada.retry_at)
    assert.equal("degraded", it_is.state)
  end)

  it("knows a verb that throws as one account by the account", function()
    plugin.ada = function() return { code = "internal", why = "boom" } end
    it_is:call_on("monitor", jobs("ada", "bob"), function() end)
    assert.same({ "degraded", "monitor as ada: boom" }, { it_is.state, it_is.message })
    it_is:call_on("monitor", jobs "bob", function() end)
    assert.equal("degraded", it_is.state)
    plugin.ada = nil
    it_is:call_on("monitor", jobs "ada", function() end)
    assert.equal("up", it_is.state)
  end)

  it("sends no signal as one in trouble: it stays for later", function()
    local list = jobs("ada", "bob")
    local deleted = {}
    stub(orders, "some", function()
      local all = {}
      for i, job in ipairs(list) do
        all[i] = { number = i, key = job.key, verb = "signal", words = '{"name":"USR1"}', state = "ACTIVE", native_id = job.native_id }
      end
      return all
    end)
    stub(orders, "done", function(_, number) deleted[#deleted + 1] = number end)
    it_is:account_lost("ada", "gone")
    give(it_is)
    orders.some:revert()
    orders.done:revert()
    assert.same({ "bob x 1" }, made "signal")
    assert.same({ 2 }, deleted)
  end)

  -- Goes round for some minutes → the moments at which a look at bob's jobs came late
  local function delays(minutes)
    local list, last, begin = {}, now, now
    while now < begin + minutes * 60000 do
      it_is:try_accounts()
      monitor.run(it_is, {})
      if now - last > 2000 then list[#list + 1] = now end
      last, now = now, now + 1000
    end
    return list
  end

  local function hang() return { code = "timeout", ms = 31000 } end

  it("looks away from an account whose files cannot be read, when that has cost time once", function()
    local list = jobs("ada", "bob")
    local function over(it)
      local reports = {}
      for i in ipairs(it.items) do reports[i] = { state = "COMPLETED", final = true, exit_code = 0 } end
      return { reports = reports }
    end
    plugin.ada, plugin.bob = over, over
    local walked = {}
    lifecycle.batch().walk = function(_, job) walked[#walked + 1] = job.key end
    stub(evidence, "results", function(_, ended)
      local hers = ended[1] and ended[1].account == "ada"
      if hers then now = now + 30000 end
      return {}, hers
    end)
    monitor.run(it_is, {})
    evidence.results:revert()
    assert.same({ 2 }, walked)
    assert.same({ "degraded", "account ada: the files of its jobs cannot be read" }, { it_is.state, it_is.message })
    assert.is_false(it_is:can_call(list[1].account))
  end)

  it("looks away from an account whose records cannot be read, when that has cost time once", function()
    local list = jobs("ada", "bob")
    local function forgotten(it)
      local reports = {}
      for i in ipairs(it.items) do reports[i] = { absent = true } end
      return { reports = reports }
    end
    plugin.ada, plugin.bob = forgotten, forgotten
    it_is.info.honours.batch = "ID"
    stub(evidence, "results", function() return {} end)
    stub(evidence, "records", function(_, asked)
      local hers = asked[1].account == "ada"
      if hers then now = now + 30000 end
      return {}, hers
    end)
    monitor.run(it_is, {})
    evidence.results:revert()
    evidence.records:revert()
    assert.equal("account ada: the files of its jobs cannot be read", it_is.message)
    assert.is_false(it_is:can_call(list[1].account))
  end)

  describe("of which one hangs", function()
    before_each(function()
      jobs("ada", "bob")
      stub(evidence, "results", function() return {} end)
      plugin.bob = function(it)
        local reports = {}
        for i in ipairs(it.items) do reports[i] = { state = "ACTIVE" } end
        return { reports = reports }
      end
    end)
    after_each(function() evidence.results:revert() end)

    it("keeps the others waiting once, and is then tried apart until it answers", function()
      plugin.ada = hang
      assert.equal(1, #delays(10))
      local tries = #made "find"
      assert.is_true(tries >= 8 and tries <= 20, tries .. " tries in ten minutes")
      plugin.ada = plugin.bob
      delays(2)
      assert.is_nil(it_is.accounts.ada.why)
      assert.equal("up", it_is.state)
    end)

    it("and answers only what is tried apart keeps them waiting once for each of its pauses, which grow", function()
      plugin.ada = function(it) return it.verb == "find" and { reports = { { answer = "absent" } } } or hang() end
      local late = delays(20)
      local last
      for i = 9, #late do
        assert.is_true(late[i] - late[i - 1] >= 60000 + 31000)
        last = late[i]
      end
      assert.is_number(last)
    end)
  end)
end)
