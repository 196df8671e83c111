-- orrery events: what happens, line by line, over restarts of the server, until it is interrupted.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

describe("orrery events", function()
  local s

  setup(function() s = server.start { config = "workers = 1 events = { heartbeat_ms = 200, streams_each = 1 }\n" } end)
  teardown(function() s:stop() end)

  -- The command as it runs: what it has printed so far is `out`.
  local function start(arguments, token)
    local self = { directory = process.temporary() }
    self.process = process.start(command.line("events " .. arguments, { server = s, env = { ORRERY_TOKEN = token } }), self.directory)
    function self.out() return process.read(self.directory .. "/out") or "" end
    function self.complaints() return process.read(self.directory .. "/log") or "" end
    function self.says(pattern) return process.eventually(pattern, function() return self.out():match(pattern) end) end
    function self.interrupted()
      self.process:signal "TERM" -- a shell has its children ignore SIGINT
      local code = self.process:wait(30)
      local complaints = self.complaints()
      self.process:close()
      process.run("rm -rf " .. self.directory)
      return code, complaints
    end
    return self
  end

  it("prints a line for each, of what was asked for, until Ctrl-C", function()
    local simulation = s:simulation "watched"
    local all, one = start "--after 0", start("--type job.state --simulation " .. simulation)
    all.says "simulation%.created"
    process.eventually("the second stream", function() return one.process.pid end)
    local job = s:job(simulation).id
    s:job_in(job)
    all.says("job%.created +jobs/" .. job:gsub("%-", "%%-") .. "  PENDING\n")
    all.says("ACTIVE > COMPLETED, exit_code 0[^\n]*\n")
    assert.equal(143, (all.interrupted()))
    local again = start("--after 0 --type job.state --job " .. job)
    again.says "> COMPLETED"
    for line in again.out():gmatch "[^\n]+" do
      assert.truthy(line:find("job.state", 1, true) and line:find(job, 1, true), line)
    end
    assert.same({ 143, "" }, { again.interrupted() })
    assert.equal(143, (one.interrupted()))
  end)

  it("takes several types and states, with commas or one by one", function()
    local simulation = s:simulation "several"
    s:job_in(s:job(simulation).id)
    local shown = start("--after 0 --type job.created,sweep.created --type simulation.created --simulation " .. simulation)
    shown.says "simulation%.created[^\n]*\n[^\n]+job%.created[^\n]*\n"
    shown.interrupted()
    shown = start("--after 0 --type job.state --state ACTIVE --state COMPLETED,FAILED --simulation " .. simulation)
    shown.says "> ACTIVE[^\n]*\n[^\n]+> COMPLETED[^\n]*\n"
    shown.interrupted()
  end)

  it("prints CloudEvents for programs", function()
    s:simulation "for programs"
    local events = start "--json --after 0 --type simulation.created"
    events.says "for programs[^\n]*\n"
    for line in events.out():gmatch "[^\n]+" do assert.equal("orrery.simulation.created", http.decode(line).type) end
    events.interrupted()
  end)

  it("what others have written cannot steer the terminal", function()
    s:simulation "\u{9b}31mred\u{202e}"
    local events = start "--after 0 --type simulation.created"
    events.says "name [^\n]*red"
    assert.is_nil(events.out():find "\u{202e}")
    events.interrupted()
  end)

  it("outlives the server, and misses nothing", function()
    local events = start "--type simulation.created"
    process.eventually("its stream", function() -- it has printed nothing yet
      local _, count = process.run(("ss -Htn state established '( sport = :%s )' | wc -l"):format(s.port))
      return tonumber(count) >= 2
    end)
    s:simulation "first"
    events.says "name first"
    s:stop(true)
    s:restart { listen = "127.0.0.1:" .. s.port }
    s:simulation "second"
    events.says "name second"
    local _, times = events.out():gsub("name first", "")
    assert.equal(1, times)
    local code, complaints = events.interrupted()
    assert.equal(143, code)
    assert.truthy(complaints:find("trying again", 1, true), complaints)
  end)

  it("comes again when it may, and says why it may not yet", function()
    local token = s:token_of "ada"
    s:make("/v1/simulations", { name = "hers" }, { token = token })
    local first = start("--after 0", token)
    first.says "hers"
    local second = start("--after 0", token)
    process.eventually("a complaint", function() return second.complaints():find("events.streams_each", 1, true) end)
    first.interrupted()
    second.says "hers"
    assert.equal(143, (second.interrupted()))
  end)

  it("is told in words what it cannot have", function()
    for arguments, expected in pairs {
      ["--job nonsense"] = { 1, "no job nonsense" }, ["--type job.stat"] = { 65, "job.state" }, ["--after x"] = { 65, "after" },
      ["--after 99999"] = { 65, "newest" },
    } do
      local result = command.run("events " .. arguments, { server = s })
      assert.equal(expected[1], result.code, arguments .. result.err)
      assert.truthy(result.err:find(expected[2], 1, true), result.err)
    end
    assert.equal(69, command.run("events", { env = { ORRERY_URL = "http://127.0.0.1:1" } }).code)
  end)
end)
