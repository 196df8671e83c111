-- As which account the chosen jobs are handed over, and which of them are not handed over now.
local house = require "support.house"
rawset(house.config, "resources", {})
local account = require "orrery.core.account"
local assignment = require "orrery.core.submission.assignment"
local files = require "orrery.core.files"
local jobs = require "orrery.data.jobs"
local lifecycle = require "orrery.core.job.lifecycle"
local resource = require "orrery.core.resource"

describe("the chosen jobs", function()
  local it_is, postponed, explained, ended, tasks

  before_each(function()
    postponed, explained, ended, tasks = {}, {}, {}, {}
    stub(lifecycle, "batch", { at = 5000, move = function(_, job, to, fields) ended[job.key] = { to, fields.message } end })
    stub(jobs, "postpone", function(_, key, due_at, why) postponed[key] = { due_at, why } end)
    stub(jobs, "explain", function(_, key, _, why) explained[key] = why end)
    stub(account, "of", function(_, request)
      if request.owner == "nobody" then return nil, "no account" end
      return "u_" .. request.owner
    end)
    rawset(house.task, "spawn", function(run, ...)
      local given = table.pack(...)
      tasks[#tasks + 1] = function() run(table.unpack(given, 1, given.n)) end
    end)
    it_is = resource.new { name = "r", scheduler = "s", run_as = "sudo", base = "/b", timeout_ms = 1 }
    it_is.others, it_is.info, it_is.state = { r = it_is }, { verbs = { status = true } }, "up"
  end)
  after_each(function()
    lifecycle.batch:revert()
    jobs.postpone:revert()
    jobs.explain:revert()
    account.of:revert()
    rawset(house.task, "spawn", nil)
  end)

  local function row(key, owner, more)
    local job = { key = key, simulation = 1, owner = owner, state = "PENDING", may_run_as = account.OWNERS }
    for name, value in pairs(more or {}) do job[name] = value end
    return job
  end

  local function sort(...)
    local names = {}
    for i, job in ipairs((assignment.sort(it_is, { ... }))) do names[i] = job.account or "service" end
    return names
  end

  it("get the account of their owner, or keep that of an attempt that goes on", function()
    assert.same({ "u_ada", "u_bob", "before" },
      sort(row(1, "ada"), row(2, "bob"), row(3, "ada", { account = "before", submission = 7 })))
  end)

  it("run as the service's account alone where accounts are not mapped, and that not everybody's", function()
    it_is.settings.run_as = "service"
    assert.same({ "service" }, sort(row(1, "ada", { may_run_as = account.SERVICE, account = "before" }), row(2, "bob")))
    assert.equal("FAILED", ended[2][1])
    assert.matches("resource r runs jobs as the server's own user", ended[2][2])
  end)

  it("end where they have no account, unless another resource may take them", function()
    assert.same({}, sort(row(1, "nobody"), row(2, "nobody", { resource = "r" })))
    assert.same({ "FAILED", "no account" }, ended[1])
    local other = resource.new { name = "other", scheduler = "s", run_as = "service" }
    it_is.others.other, ended = other, {}
    assert.same({}, sort(row(1, "nobody"), row(2, "nobody", { resource = "r" }),
      row(3, "nobody", { may_run_as = account.OWNERS + account.SERVICE })))
    assert.same({ "FAILED", "FAILED" }, { ended[1][1], ended[2][1] })
    assert.is_nil(ended[3])
    assert.equal("no account", explained[3])
    assert.is_true(it_is.elsewhere.nobody > 0)
  end)

  it("wait where an earlier submission may yet come true", function()
    assert.same({}, sort(row(1, "ada", { submission = 7, doubted = "6 ", may_run_as = account.SERVICE })))
    assert.is_nil(ended[1])
    assert.is_truthy(postponed[1])
  end)

  it("wait for an account in trouble, with the reason, and others of their owner's do not", function()
    it_is:account_lost("u_ada", "its key is refused")
    assert.same({ "u_bob" }, sort(row(1, "ada"), row(2, "bob")))
    assert.same({ 6000, "account u_ada: its key is refused" }, postponed[1])
    assert.is_true(it_is.turned_away.ada > 0)
    it_is.turned_away = {}
    assert.same({ "u_bob", "fine" }, sort(row(1, "ada"), row(2, "bob"), row(3, "ada", { account = "fine", submission = 7 })))
    assert.is_nil(it_is.turned_away.ada)
  end)

  it("go singly as an account that is on trial", function()
    it_is:account_lost("u_ada", "gone")
    it_is.accounts.u_ada.trial = true
    assert.same({ "u_ada", "u_bob", "u_bob" }, sort(row(1, "ada"), row(2, "bob"), row(3, "ada"), row(4, "bob")))
    assert.is_nil(next(postponed))
    it_is.accounts = {}
    it_is.troubles["submit as u_ada"] = "nonsense"
    assert.same({ "u_ada" }, sort(row(1, "ada"), row(3, "ada")))
  end)

  describe("whose directories are in homes", function()
    local homes, asked

    before_each(function()
      homes, asked = { u_ada = "/home/u_ada" }, {}
      stub(files, "home", function(name, whose, ms)
        asked[#asked + 1] = { name, whose, ms }
        if homes[whose or ""] then return homes[whose or ""] end
        return nil, "unavailable", "no route to host"
      end)
      it_is.settings.base = "${home}/jobs/${account}"
    end)
    after_each(function() files.home:revert() end)

    local function learn()
      for _, run in ipairs(tasks) do run() end
      tasks = {}
    end

    it("wait until the home is known, which is asked for once and apart", function()
      assert.same({}, sort(row(1, "ada"), row(2, "ada")))
      assert.equal(1, #tasks)
      learn()
      assert.same({ { "r", "u_ada", 1 } }, asked)
      assert.same({ "u_ada" }, sort(row(1, "ada")))
      assert.equal("/home/u_ada/jobs/u_ada", it_is:base_of "u_ada")
      assert.is_nil(next(postponed))
      it_is:change({ name = "r", scheduler = "s", run_as = "sudo", base = "${home}/x", timeout_ms = 1 }, 2)
      assert.same({}, sort(row(1, "ada")))
      learn()
      assert.equal("/home/u_ada/x", it_is:base_of "u_ada")
    end)

    it("say why where it cannot be known", function()
      sort(row(1, "bob"))
      learn()
      assert.same({}, sort(row(1, "bob")))
      assert.equal("account u_bob: its home is not known: no route to host", postponed[1][2])
      assert.equal("degraded", it_is.state)
    end)

    it("are lost with the resource where it is the service's own that is not known", function()
      it_is.settings = { name = "r", scheduler = "s", run_as = "service", base = "${home}/jobs", timeout_ms = 1 }
      sort(row(1, "ada", { may_run_as = account.SERVICE }))
      learn()
      assert.same({ "down", "its home is not known: no route to host" }, { it_is.state, it_is.message })
    end)
  end)
end)
