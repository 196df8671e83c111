-- The lists: `jobs`, `simulations`, `job`, `status`; for people and for machines. And steering, by either kind of id.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

describe("listing and steering from the command line", function()
  local running

  setup(function() running = server.start() end)
  teardown(function() running:stop() end)

  local function orrery(arguments, options)
    local all = { server = running }
    for name, value in pairs(options or {}) do all[name] = value end
    return command.run(arguments, all)
  end

  local function lines(text)
    local all = {}
    for line in text:gmatch "[^\n]+" do all[#all + 1] = line end
    return all
  end

  it("shows the newest jobs first, as a table", function()
    local simulation = running:simulation "first"
    local one = running:job(simulation, { exit_code = 3 }, { name = "one" }).id
    local two = running:job(simulation, {}, { name = "two" }).id
    running:job_in(one)
    running:job_in(two)
    local shown = lines(orrery("jobs --simulation " .. simulation).out)
    assert.equal(3, #shown)
    assert.matches("^ID +NAME +STATE +RESOURCE +TIME +REASON$", shown[1])
    assert.matches("^" .. two:gsub("%-", "%%-") .. "  two   COMPLETED  fake ", shown[2])
    assert.matches("^" .. one:gsub("%-", "%%-") .. "  one   FAILED     fake .* exit 3$", shown[3])
    shown = lines(orrery("jobs --state FAILED --simulation " .. simulation).out)
    assert.equal(2, #shown)
    assert.matches("one", shown[2])
    shown = lines(orrery("simulations --name first").out)
    assert.matches("first  FAILED    2/2", shown[2])
  end)

  it("pages through long lists", function()
    local simulation = running:simulation "long"
    running:make(("/v1/simulations/%s/sweeps"):format(simulation),
      { template = server.spec(), parameters = { n = { from = 1, to = 2345, step = 1 } } })
    local all = orrery(("jobs -a --simulation %s"):format(simulation))
    assert.equal(2346, #lines(all.out))
    assert.equal("", all.err)
    local some = orrery(("jobs --limit 7 --simulation %s"):format(simulation))
    assert.equal(8, #lines(some.out))
    assert.matches("more than these 7", some.err)
    assert.equal(101, #lines(orrery("jobs --simulation " .. simulation).out))
    local items = http.decode(orrery(("jobs -a --json --simulation %s"):format(simulation)).out).items
    assert.equal(2345, #items)
    assert.equal(0, orrery("cancel " .. simulation).code)
  end)

  it("prints the server's JSON, digit by digit", function()
    local simulation = running:simulation "json"
    local id = running:job(simulation, {}, { priority = -7, arguments = { "9007199254740993", "é" } }).id
    running:job_in(id)
    assert.equal(running:get("/v1/jobs/" .. id).body .. "\n", orrery("job --json " .. id).out)
    assert.same({}, http.decode(orrery("jobs --json --name nobody").out).items)
    assert.equal("", orrery("jobs --name nobody").out)
    assert.equal("no jobs\n", orrery("jobs --name nobody").err)
  end)

  it("lets nobody's name steer the terminal", function()
    local name = "a\u{9b}2J\u{202e}b\u{7f}"
    running:simulation(name:gsub("\127", ""), {})
    local listed = orrery "simulations"
    assert.matches("a\\u{9b}2J\\u{202e}b", listed.out, 1, true)
    local json = orrery "simulations --json"
    assert.not_matches("\u{9b}", json.out, 1, true)
    assert.equal((name:gsub("\127", "")), http.decode(json.out).items[1].name)
  end)

  it("shows a job with its history", function()
    local id = running:job(running:simulation "one", { exit_code = 2 }, { name = "n", arguments = { "it's", "b" } }).id
    running:job_in(id)
    local shown = orrery("job " .. id).out
    assert.matches("job         " .. id, shown, 1, true)
    assert.matches("state       FAILED\n", shown)
    assert.matches("because     exit 2\n", shown)
    assert.matches("command     /bin/true 'it'\\''s' b\n", shown, 1, true)
    assert.matches("job.created  PENDING\n", shown)
    assert.matches("-> FAILED", shown)
  end)

  it("shows what a job waits for, and tries it again", function()
    local simulation = running:simulation "waiting"
    local first = running:job(simulation, { exit_code = 1 }, { retries = { count = 1, reasons = { "SIGNAL", "EXIT_CODE" } } }).id
    local id = running:job(simulation, nil, { not_before = "2999-01-01T00:00:00Z", hold = true,
      depends_on = { { job = first, condition = "ended" } } }).id
    assert.equal(2, running:job_in(first).attempt)
    local shown = orrery("job " .. first).out
    assert.matches("retries     1, after SIGNAL, EXIT_CODE\n", shown)
    assert.matches("job.retry  EXIT_CODE\n", shown)
    shown = orrery("job " .. id).out
    assert.matches(("waits for   not before %s, %s ended\n"):format(os.date("%Y-%m-%d %H:%M:%S", 32472144000), first), shown, 1, true)
    assert.matches("times       due " .. os.date("%Y", 32472144000), shown, 1, true)
    assert.equal(("job %s: is tried again\n"):format(first), orrery("retry " .. first).out)
    assert.equal(4, running:job_in(first).attempt)
    local refused = orrery("retry " .. id)
    assert.same({ 1, true }, { refused.code, refused.err:find "only one that has ended" ~= nil })
    running:post("/v1/jobs/" .. id .. "/cancel")
  end)

  it("shows the server and its resources", function()
    local shown = lines(orrery("status").out)
    assert.matches("ready", shown[1])
    assert.matches("^fake +fake +up", shown[#shown])
    local user = running:token_of "somebody"
    assert.matches("somebody, user", orrery("status", { env = { ORRERY_TOKEN = user } }).out)
  end)

  it("shows nobody the jobs of others", function()
    local id = running:job(running:simulation "mine").id
    local options = { env = { ORRERY_TOKEN = running:token_of "somebody" } }
    assert.equal("", orrery("jobs", options).out)
    assert.equal(1, orrery("job " .. id, options).code)
    assert.equal(1, orrery("cancel " .. id, options).code)
  end)

  it("steers a job or a simulation, whichever the id is of", function()
    local simulation = running:simulation "steered"
    local id = running:job(simulation, { queue_ms = 60000 }).id
    running:job_in(id, "QUEUED")
    assert.equal(("job %s: is being held\n"):format(id), orrery("hold " .. id).out)
    running:job_in(id, "HELD")
    assert.equal(("job %s: is being released\n"):format(id), orrery("release " .. id).out)
    running:job_in(id, "QUEUED")
    assert.equal(("simulation %s: is being canceled\n"):format(simulation), orrery("cancel " .. simulation).out)
    running:job_in(id, "CANCELED")
    assert.equal(("simulation %s: is deleted\n"):format(simulation), orrery("delete " .. simulation).out)
    assert.equal(410, running:get("/v1/simulations/" .. simulation).status)
  end)

  it("alters jobs, and shows what came of it", function()
    local simulation = running:simulation "altered"
    local held = running:job(simulation, nil, { hold = true }).id
    local active = running:job(simulation, { run_ms = 60000 }).id
    running:job_in(active, "ACTIVE")
    assert.equal(("job %s: is altered\njob %s: its scheduler is asked to alter it\n"):format(held, active),
      orrery(("alter %s %s --duration 2h --priority 7"):format(held, active)).out)
    running:job_in(active, "ACTIVE")
    local shown = process.eventually("the answer", function()
      local text = orrery("job " .. active).out
      return text:find("job.altered", 1, true) and text
    end)
    assert.matches("needs       custom_attributes {\"fake.run_ms\":60000}, duration 7200\n", shown, 1, true)
    assert.matches("job.alter  duration 7200\n", shown)
    assert.matches("job.altered  duration 7200\n", shown)
    local answer = http.decode(orrery("alter --json --priority 8 " .. held).out)
    assert.same({ 8, 7200 }, { answer.priority, answer.spec.attributes.duration })
    running:post("/v1/simulations/" .. simulation .. "/cancel")
    running:job_in(active)
    local refused = orrery(("alter %s nonsense --duration 5"):format(active))
    assert.same({ 1, "" }, { refused.code, refused.out })
    assert.matches(active .. ": The job is CANCELED; only one that has not ended can be altered.", refused.err, 1, true)
    assert.matches("There is no job nonsense", refused.err)
    assert.same({ 64, 64, 65 }, { orrery("alter " .. held).code, orrery("alter --duration 5").code,
      orrery("alter --queue q " .. running:job(simulation, nil, { hold = true }).id).code })
  end)

  it("sends signals, by their names with SIG or without", function()
    local id = running:job(running:simulation "signalled", { run_ms = 60000 }).id
    running:job_in(id, "ACTIVE")
    assert.equal(("job %s: is sent USR1\n"):format(id), orrery(("signal %s USR1"):format(id)).out)
    assert.equal(("job %s: is sent TERM\n"):format(id), orrery(("signal %s sigterm"):format(id)).out)
    assert.same({ 65, "orrery: /name: must be one of HUP" }, { orrery(("signal %s STOP"):format(id)).code,
      orrery(("signal %s STOP"):format(id)).err:match "[^,]*" })
    running:post("/v1/jobs/" .. id .. "/cancel")
    running:job_in(id)
    assert.equal(1, orrery(("signal %s USR1"):format(id)).code)
  end)

  it("goes through all ids, and tells each refusal", function()
    local simulation = running:simulation "several"
    local ended, alive = running:job(simulation).id, running:job(simulation, { run_ms = 60000 }).id
    running:job_in(ended)
    running:job_in(alive, "ACTIVE")
    assert.equal(1, orrery("delete " .. simulation).code) -- one of its jobs runs
    local result = orrery(("cancel %s nonsense %s"):format(ended, alive))
    assert.equal(1, result.code)
    assert.matches(ended .. ": The job is COMPLETED", result.err, 1, true)
    assert.matches("nonsense: there is neither a job nor a simulation with this id", result.err, 1, true)
    assert.equal(("job %s: is being canceled\n"):format(alive), result.out)
    running:job_in(alive)
    assert.equal(1, orrery("suspend --json " .. ended).code)
    assert.equal(0, orrery(("delete %s %s"):format(ended, alive)).code)
  end)
end)
