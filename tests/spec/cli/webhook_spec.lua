-- `orrery webhook`, and the receiver of the examples at the other end.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local ID = ("%x"):rep(8) .. "%-%x+%-%x+%-%x+%-%x+"

describe("webhook", function()
  local s, folder, receiver, url, webhook

  local function run(arguments) return command.run("webhook " .. arguments, { server = s }) end

  local function fine(arguments)
    local result = run(arguments)
    assert.equal(0, result.code, result.out .. result.err)
    return result.out
  end

  local function start_receiver(secret)
    receiver = process.start(("python3 %s/examples/webhook_receiver.py --port 0 --secret %s"):format(server.top, secret), folder)
    return process.eventually("the receiver", function()
      return (process.read(folder .. "/log") or ""):match "listening on (http://[%d.:]+/)"
    end)
  end

  setup(function()
    s = server.start { config = 'webhooks = { allow = "127.0.0.0/8", retry_s = { 0, 60 }, timeout_ms = 2000 }' }
    folder = process.temporary()
    process.write(folder .. "/secret", "whsec_" .. ("AAECAwQFBgcI"):rep(3) .. "\n")
    url = start_receiver("whsec_" .. ("AAECAwQFBgcI"):rep(3))
    local added = fine(("add %s --name mine --type job.state,simulation.created --type 'simulation.*' --state COMPLETED "
      .. "--secret-file %s/secret"):format(url, folder))
    webhook = added:match("^webhook (" .. ID .. ")\nsecret  whsec_AAEC")
  end)
  teardown(function()
    receiver:signal "KILL"
    receiver:wait()
    receiver:close()
    s:stop()
    process.run("rm -rf " .. process.quote(folder))
  end)

  it("is added, and shown", function()
    assert.truthy(webhook)
    local shown = fine("show " .. webhook)
    assert.matches("\nstate +ENABLED\nurl +http://127.0.0.1:%d+/\nof +all of admin\n", shown)
    assert.matches("\ntypes +job.state simulation.created simulation.%*\nstates +COMPLETED\n", shown)
    assert.matches("mine", fine "list")
    assert.equal("mine", http.decode(fine "list --json").items[1].name)
  end)

  it("is pinged", function()
    assert.matches("^DELIVERED: 204 in %d+ ms\n$", fine("ping " .. webhook))
  end)

  it("prints events once, genuine ones alone", function()
    s:job_in(s:job(s:simulation()).id)
    local printed = process.eventually("two events", function()
      local lines = {}
      for line in (process.read(folder .. "/out") or ""):gmatch "([^\n]+)\n" do
        local event = http.decode(line)
        if event.type ~= "orrery.webhook.ping" then lines[#lines + 1] = event end
      end
      return #lines >= 2 and lines
    end)
    for _, event in ipairs(printed) do assert.equal("COMPLETED", event.data.to) end
    local delivery = fine("deliveries " .. webhook .. " --state DELIVERED"):match("\n(" .. ID .. ") +%d+ +%a+.state")
    assert.matches("is sent again", fine(("replay %s %s"):format(webhook, delivery)))
    fine(("replay %s --after 0"):format(webhook))
    process.eventually("all of it", function() return s:read("/v1/webhooks/" .. webhook).pending == 0 end)
    local _, lines = process.read(folder .. "/out"):gsub("\n", "")
    assert.equal(3, lines)
  end)

  it("says what went wrong", function()
    local other = fine("add " .. url):match("^webhook (" .. ID .. ")\nsecret  whsec_%S+\n$")
    local result = run("ping " .. other) -- its secret is another
    assert.same({ 1, "PENDING: the receiver answered 401\n" }, { result.code, result.out })
    assert.matches("secret  whsec_", fine("rotate " .. other .. " --overlap 0"))
    assert.equal(64, run("replay " .. other).code)
    assert.equal(65, run("add http://10.0.0.1/").code)
    assert.matches("leads to 10.0.0.1", run("add http://10.0.0.1/").err)
    assert.matches("is disabled", fine("disable " .. other))
    assert.matches("\ndisabled +%S+: by admin\n", fine("show " .. other))
    assert.matches("is enabled", fine("enable " .. other))
    assert.matches("is removed", fine("remove " .. other))
    assert.equal(1, run("show " .. other).code)
  end)
end)
