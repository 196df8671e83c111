-- Events on a real RabbitMQ, as an independent consumer has them (tests/support/consumer.py): whatever happens to the broker or
-- the server, none is missing, and each comes behind those before it.
local command = require "support.command"
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local server = require "support.server"

local JOBS = 3500 -- of a load, which tells of each job twice

describe("events on RabbitMQ:", function()
  local rig, count = nil, 0

  setup(function() rig = rabbitmq.start() end)
  teardown(function() rig:stop() end)

  -- With a small window, which makes it slow: so there is a midst of it.
  local function config(prefix, url)
    return ("bus = { url = %q, prefix = %q, heartbeat_s = 1, window = 16 }"):format(url or rig.url, prefix)
  end

  -- A server and a consumer of all its events. Each has an exchange of its own.
  local function start()
    count = count + 1
    local prefix = "orrery" .. count
    local directory = process.temporary()
    local listener = process.start(("/usr/bin/python3 %s/tests/support/consumer.py %s %s.events %s '#' lines"):format(
      process.quote(server.top), process.quote(rig.url), prefix, prefix), directory)
    process.eventually("a bound queue", function() return process.read(directory .. "/lines.bound") end)
    local s = server.start { config = config(prefix) }
    local consumer = { prefix = prefix }
    function consumer.close()
      listener:signal "TERM"
      listener:wait()
      listener:close()
      process.run("rm -rf " .. process.quote(directory))
    end
    ---What it was delivered: {number, key} of each delivery.
    function consumer.deliveries()
      local list, text = {}, process.read(directory .. "/lines") or ""
      assert.is_nil(text:find "wrong", text:match "wrong[^\n]*")
      for number, key in text:gmatch "(%d+) (%S+) %d\n" do list[#list + 1] = { number = tonumber(number), key = key } end
      return list
    end
    return s, consumer
  end

  local function number(s, sql) return tonumber(s:sql(sql)) end
  local function newest(s) return number(s, "SELECT seq FROM sqlite_sequence WHERE name = 'events'") end
  local function relayed(s) return number(s, "SELECT number FROM readers WHERE name = 'relay'") end

  local function metric(s, name) return tonumber(s:get("/metrics").body:match("\norrery_" .. name .. " (%S+)")) end

  -- Begins to cancel many held jobs, of each of which the log tells twice → the simulation.
  local function load(s)
    local simulation = s:simulation()
    s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(nil, { hold = true }),
      parameters = { n = { from = 1, to = JOBS, step = 1 } } })
    s:post("/v1/simulations/" .. simulation .. "/cancel")
    return simulation
  end

  -- Waits until more events were relayed, and more are still to be.
  local function await_progress(s, more)
    local goal = metric(s, "bus_confirmed_total") + more
    process.eventually("relayed events", function() return metric(s, "bus_confirmed_total") >= goal end, 60)
  end

  -- Waits for all events of the log, and looks at their order: an event is new to the consumer only when it has all before.
  local function check(s, consumer)
    local last = newest(s)
    process.eventually("the last event", function()
      if newest(s) > last then last = newest(s) end
      return relayed(s) == last
    end, 120)
    local seen, highest, repeats, deliveries
    process.eventually("all events", function()
      deliveries = consumer.deliveries()
      return #deliveries >= last and deliveries[#deliveries].number == last
    end, 60)
    seen, highest, repeats = {}, 0, 0
    for _, delivery in ipairs(deliveries) do
      if seen[delivery.number] then repeats = repeats + 1
      else assert.equal(highest + 1, delivery.number, "it comes before others that are older") end
      seen[delivery.number] = delivery.key
      highest = math.max(highest, delivery.number)
    end
    assert.equal(last, highest)
    return seen, repeats
  end

  local sabotage = {
    { "is killed", function() rig:kill "broker" end },
    { "stands still until it is given up", function(s)
      rig:freeze "broker"
      process.eventually("the loss of the broker", function() return s:logged { message = "broker lost" } end)
    end },
    { "is restarted", function() rabbitmq.shut_down(rig) end },
  }

  it("all of 20,000 arrive, whatever becomes of the broker", function()
    local s, consumer = start()
    for _, each in ipairs(sabotage) do
      local name, harm = table.unpack(each)
      process.eventually("the broker", function() return metric(s, "bus_up") == 1 end)
      local before = newest(s)
      local simulation = load(s)
      await_progress(s, 500)
      harm(s)
      assert.is_true(relayed(s) < before + 2 * JOBS, "it was too late: it " .. name)
      assert.equal(200, s:get("/v1/simulations/" .. simulation).status)
      if name:find "still" then rig:thaw "broker" else rig:revive() end
      s:finished(simulation)
    end
    local keys = check(s, consumer)
    assert.is_true(#keys > 20000)
    local output = s:sql "SELECT number || ' ' || type FROM events"
    for at, type in output:gmatch "(%d+) (%S+)" do assert.equal(type, keys[tonumber(at)]:sub(1, #type)) end
    assert.equal(0, metric(s, "relay_behind_events"))
    consumer.close()
    s:stop()
  end)

  it("none is missing when the server is killed in the midst of it", function()
    local s, consumer = start()
    for _ = 1, 3 do
      load(s)
      await_progress(s, 500)
      s:kill()
      s:restart()
    end
    process.eventually("the end of all", function()
      return number(s, "SELECT count(*) FROM simulations WHERE state = 'ACTIVE'") == 0
    end, 120)
    check(s, consumer)
    consumer.close()
    s:stop()
  end)

  it("none comes again when the server ends in order in the midst of it, and begins anew", function()
    local s, consumer = start()
    for _ = 1, 3 do
      local before = #consumer.deliveries()
      load(s)
      process.eventually("delivered events", function() return #consumer.deliveries() > before + 500 end)
      s:stop(true)
      s:restart()
    end
    process.eventually("the end of all", function()
      return number(s, "SELECT count(*) FROM simulations WHERE state = 'ACTIVE'") == 0
    end, 120)
    local _, repeats = check(s, consumer)
    assert.equal(0, repeats)
    consumer.close()
    s:stop()
  end)

  it("a broker that is short of memory is waited for, and the server goes on serving", function()
    local s, consumer = start()
    rig:run "rabbitmqctl -q set_vm_memory_high_watermark absolute 1000"
    local simulation = load(s)
    process.eventually("a blocked connection", function() return metric(s, "bus_blocked") == 1 end)
    s:finished(simulation)
    assert.equal("blocked", s:read("/readyz").bus.state)
    assert.is_true(metric(s, "relay_behind_events") > 2 * JOBS - 1000)
    assert.truthy(s:logged { level = "warn", message = "broker takes nothing" })
    assert.is_true(#consumer.deliveries() < 1000)
    rig:run "rabbitmqctl -q set_vm_memory_high_watermark absolute 1GB"
    check(s, consumer)
    consumer.close()
    s:stop()
  end)

  it("one that is away at the start is served when it comes, and what was deleted meanwhile is told all the same", function()
    local s, consumer = start()
    s:stop(true)
    rig:kill "broker"
    s:restart()
    assert.equal("down", s:read("/readyz").bus.state)
    assert.matches("\nbroker    down since 20.*: the server's log says why; events wait for it\n",
      command.run("status", { server = s }).out)
    local simulation = s:simulation()
    local job = s:job_in(s:job(simulation).id)
    assert.equal(204, s:delete("/v1/simulations/" .. simulation).status)
    process.eventually("the deletion", function() return number(s, "SELECT count(*) FROM jobs") == 0 end)
    assert.equal(410, s:get("/v1/jobs/" .. job.id).status)
    assert.equal(0, metric(s, "bus_up"))
    rig:revive()
    local told = {}
    for _, key in ipairs(check(s, consumer)) do
      if key:find(simulation, 1, true) then told[#told + 1] = key:match "^%w+%.%w+" end
    end
    assert.equal("simulation.created job.created simulation.state job.state job.state job.state job.state simulation.state "
      .. "simulation.deleted", table.concat(told, " "))
    process.eventually("the removal of what was told", function()
      return s:sql "SELECT group_concat(type) FROM events WHERE simulation IS NOT NULL" == "simulation.deleted"
    end)
    consumer.close()
    s:stop()
  end)

  it("what is wrong is said, and when it is put right the events come", function()
    local s, consumer = start()
    local cases = {
      { rig.url:gsub("%%2Forrery", "%%2Fmissing"), "vhost",
        "rabbitmqctl -q add_vhost /missing; rabbitmqctl -q set_permissions -p /missing orrery '.*' '.*' '.*'" },
      { rig.url:gsub("secret", "another"), "ACCESS_REFUSED", "rabbitmqctl -q change_password orrery another" },
    }
    for _, case in ipairs(cases) do
      local url, words, remedy = table.unpack(case)
      s:stop(true)
      s:restart { config = config(consumer.prefix, url) }
      local line = process.eventually("a word of it", function()
        return s:logged { level = "warn", message = "broker cannot be reached" }
      end)
      assert.truthy(line.error:find(words), line.error)
      assert.is_nil(line.error:find "another")
      s:simulation()
      local last = newest(s)
      rig:run(remedy)
      process.eventually("the relayed events", function() return relayed(s) >= last end)
    end
    rig:run "rabbitmqctl -q change_password orrery secret"
    consumer.close()
    s:stop()
  end)

  it("without a broker in the configuration nothing is kept for one", function()
    local s, consumer = start()
    s:simulation()
    process.eventually("the relay", function() return relayed(s) end)
    s:stop(true)
    s:restart { config = "" }
    process.eventually("the end of the relay", function() return not relayed(s) end)
    assert.is_nil(metric(s, "relay_behind_events"))
    assert.same({ status = "ready" }, s:read "/readyz")
    consumer.close()
    s:stop()
  end)
end)
