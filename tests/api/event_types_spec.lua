-- Every event of the log is of a declared type, and its data are as that says: of a server that has done what there is to do,
-- and of everything in the sources that appends one.
local http = require "support.http"
local server = require "support.server"
require "support.house"
local json = require "house.json"
local schema = require "orrery.core.schema"
local types = require "orrery.core.event.types"

describe("the types of events", function()
  local s

  setup(function() s = server.start {} end)
  teardown(function() s:stop() end)

  local function given(value) return value ~= nil and value ~= http.null end

  local of = {
    job = function(event) return given(event.job) and given(event.simulation) and given(event.owner) end,
    simulation = function(event) return not given(event.job) and given(event.simulation) and given(event.owner) end,
    house = function(event) return not given(event.job) and not given(event.simulation) and not given(event.owner) end,
  }
  of.chunk, of.resource = of.job, of.house
  of.webhook = function(event) return not given(event.job) and not given(event.simulation) and given(event.owner) end

  -- Holds all events of the log against what is declared, and notes which types there are.
  local function look(seen)
    local output = s:sql [[SELECT json_object('type', type, 'owner', owner, 'simulation', simulation, 'job', job, 'data', data)
      FROM events]]
    for line in output:gmatch "[^\n]+" do
      local event = http.decode(line)
      local declared = assert(types[event.type], event.type .. " is not declared")
      assert(of[declared.of](event), event.type .. " is not of a " .. declared.of)
      local problems = schema.check(declared.data, given(event.data) and json.decode(event.data) or {})
      assert(not problems, problems and ("%s: %s: %s %s"):format(event.type, event.data, problems[1].pointer, problems[1].detail))
      seen[event.type] = true
    end
  end

  it("are those that the sources name", function()
    local pipe, named = assert(io.popen "cat $(find lua -name '*.lua' ! -path '*/event/types.lua')"), {}
    for line in pipe:lines() do
      for type in line:gmatch '"(%l+%.%l+)"' do
        if line:find "append%(" or line:find ":tell%(" then named[type] = true end
      end
      for type in line:gmatch "'(%l+%.%l+)'" do
        if line:find "SELECT %?" then named[type] = true end
      end
    end
    pipe:close()
    for type in pairs(named) do assert(types[type], type .. " is not declared") end
    for type in pairs(types) do assert(named[type], "nothing appends " .. type) end
  end)

  it("say of what they are, and in a sentence what they tell", function()
    for type, declared in pairs(types) do
      assert(of[declared.of], type)
      assert(declared.help:find "^%u.*%.$", type)
      assert.equal("object", declared.data.type)
    end
  end)

  it("are those that the log has, and what it says of each is as declared", function()
    local simulation = s:simulation()
    s:patch("/v1/simulations/" .. simulation, { description = "another", tags = { a = "b" } })
    local first = s:job(simulation, nil, { submit = false }).id
    s:patch("/v1/jobs/" .. first, { name = "x" })
    s:delete("/v1/jobs/" .. first)
    local held = s:job(simulation, nil, { hold = true }).id
    s:patch("/v1/jobs/" .. held, { attributes = { duration = 60 } })
    s:post("/v1/jobs/" .. held .. "/release")
    s:job_in(held)
    local failing = s:job(simulation, { exit_code = 3 }, { retries = { count = 1, reasons = { "EXIT_CODE" } } }).id
    s:job_in(failing, "FAILED", "COMPLETED")
    local running = s:job(simulation, { run_ms = 60000 }).id
    s:job_in(running, "ACTIVE")
    s:post("/v1/jobs/" .. running .. "/signal", { name = "USR1" })
    s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = 600, step = 1 } } })
    s:post("/v1/simulations/" .. simulation .. "/cancel")
    s:finished(simulation)
    local seen = {}
    look(seen) -- the events of what is deleted go with it
    s:delete("/v1/simulations/" .. simulation)
    s:post "/v1/resources/fake/drain"
    s:post "/v1/resources/fake/enable"
    local revoked = s:make("/v1/tokens", { owner = "ada" })
    s:delete("/v1/tokens/" .. revoked.id)

    look(seen)
    for type in pairs(types) do -- but for those that a scheduler or a receiver must bring about
      local by_chance = ("job.refused job.found job.stuck job.alter webhook.disabled webhook.missed"):find(type, 1, true)
      assert(seen[type] or by_chance, type .. " was not seen")
    end
  end)
end)
