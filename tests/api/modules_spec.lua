-- Scheduler modules in C that misbehave; they are built with the tests, and one that is missing is skipped.
local process = require "support.process"
local server = require "support.server"

local FOLDER = server.build .. "/tests/plugins"

local refused = { bad_abi = "ABI", no_symbol = "orrery_plugin", no_submit = "submit", open_fails = "." }
local NAMES = { "bad_abi", "no_symbol", "no_submit", "open_fails", "hangs", "nonsense" }

local function is_built(name) return process.read(("%s/%s.so"):format(FOLDER, name)) ~= nil end

describe("a module in C", function()
  local s, simulation

  setup(function()
    -- Beside fake.lua there is a fake.so, and a name can only be one of them: the modules are given in a folder of links.
    local folder, lines = process.temporary(), { server.FAKE }
    for _, name in ipairs(NAMES) do
      process.run(("ln -s %s/%s.so %s/"):format(process.quote(FOLDER), name, folder))
      lines[#lines + 1] = ('resource "%s" { scheduler = "%s", poll_ms = 200, timeout_ms = 500 }'):format(name, name)
    end
    process.run(("cp %s/fake.lua %s/"):format(process.quote(server.plugins), folder))
    s = server.start { resources = table.concat(lines, "\n"), schedulers = folder }
    s.folder = folder
    simulation = s:simulation()
  end)
  teardown(function()
    s:stop()
    process.run("rm -rf " .. s.folder)
  end)

  local function resource_is(name, state, message)
    local seen
    local ok = pcall(process.eventually, name, function()
      seen = s:read("/v1/resources/" .. name)
      return seen.state == state and tostring(seen.message):find(message)
    end)
    assert(ok, ("%s is %s: %s"):format(name, seen.state, tostring(seen.message)))
  end

  local function job_on(name)
    return s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/true", resource = name }).id
  end

  local function others_go_on()
    assert.equal("COMPLETED", s:job_in(s:job(simulation, nil, { resource = "fake" }).id).state)
    assert.equal(200, s:get("/readyz").status)
  end

  for name, message in pairs(refused) do
    it(name .. " never comes up, and says why", function()
      if not is_built(name) then return pending(name .. ".so is not built") end
      resource_is(name, "down", message)
      assert.equal("failed", s:read("/v1/schedulers/" .. name).state)
      assert.is_table(s:logged { message = "^resource down$", resource = name, error = message })
      others_go_on()
    end)
  end

  it("nonsense is told from news", function()
    if not is_built "nonsense" then return pending "nonsense.so is not built" end
    process.eventually("nonsense", function() return s:read("/v1/resources/nonsense").state == "up" end)
    local one, two = job_on "nonsense", job_on "nonsense"
    resource_is("nonsense", "degraded", "nonsense")
    others_go_on()
    for _, id in ipairs { one, two } do
      local state = s:read("/v1/jobs/" .. id).state
      assert.is_true(state == "QUEUED" or state == "SUBMITTING" or state == "ACTIVE", state)
    end
    assert.is_nil(s:logged { message = "round failed" })
  end)

  it("one that hangs is left behind, and the server ends all the same", function()
    if not is_built "hangs" then return pending "hangs.so is not built" end
    process.eventually("hangs", function() return s:read("/v1/resources/hangs").state == "up" end)
    job_on "hangs"
    resource_is("hangs", "down", "hangs in")
    others_go_on()
  end)
end)
