-- The bus over a real RabbitMQ: what tests/unit/bus/bus_test.c asks of the embedded one, and more.
local process = require "support.process"
local rabbitmq = require "support.rabbitmq"
local server = require "support.server"

local PROGRAM = os.getenv "ORRERY_BUILD" .. "/unit/bus_test"

describe("The bus over RabbitMQ", function()
  local rig
  setup(function() rig = rabbitmq.start() end)
  teardown(function() if rig then rig:stop() end end)

  local function try(url, more)
    local command = ("CMOCKA_MESSAGE_OUTPUT=STDOUT ORRERY_TEST_BROKER='%s' %s timeout 120 %s"):format(url, more or "", PROGRAM)
    local code, output = process.run(command)
    assert.equal(0, code, output)
    local _, passed = output:gsub("%[       OK %]", "")
    assert.equal(6, passed, output)
  end

  it("carries events and calls", function() try(rig.url) end)

  it("carries them over TLS", function() try(rig.tls_url, "ORRERY_TEST_BROKER_CA=" .. rig.ca_file) end)

  -- What a server whose broker is not to be used says of it; it serves all the same.
  local function complaint(settings)
    local s = server.start { config = ("bus = { %s }\n"):format(settings) }
    local text = process.eventually("a complaint", function() return s:log():match '"broker cannot be reached".-"error":"(.-)"}' end)
    assert.equal(200, s:get("/v1/whoami").status)
    s:stop()
    return text
  end

  it("is refused by who does not vouch for itself", function()
    assert.matches("certificate", complaint(("url = %q"):format(rig.tls_url)))
  end)

  it("says what speaks TLS and what does not", function()
    local function with(scheme, port) return ("url = '%s://orrery:secret@localhost:%d/%%2Forrery'"):format(scheme, port) end
    assert.matches("amqps://", complaint(with("amqp", rig.tls_port)))
    assert.matches("amqp://", complaint(with("amqps", rig.port)))
    assert.matches("an address is no name", complaint(("url = %q, ca_file = %q"):format(
      rig.tls_url:gsub("localhost", "127.0.0.1"), rig.ca_file)))
  end)

  it("says that the password is wrong, and reads it from a file", function()
    local url = rig.url:gsub(":secret@", "@")
    local file = rig.directory .. "/password"
    process.write(file, "wrong\nsecret\n")
    assert.matches("ACCESS_REFUSED", complaint(("url = %q, password_file = %q"):format(url, file)))
    process.write(file, "secret\n")
    local s = server.start { config = ("bus = { url = %q, password_file = %q }\n"):format(url, file) }
    process.eventually("the broker", function() return s:log():find("broker reached", 1, true) end)
    s:stop()
  end)

  it("says that there is no such virtual host, and comes when there is", function()
    local s = server.start { config = ("bus = { url = %q }\n"):format((rig.url:gsub("%%2Forrery", "elsewhere"))) }
    process.eventually("a complaint", function() return s:log():find("vhost elsewhere not found", 1, true) end)
    rig:run "rabbitmqctl -q add_vhost elsewhere && rabbitmqctl -q set_permissions -p elsewhere orrery '.*' '.*' '.*'"
    process.eventually("the broker", function() return s:log():find("broker reached", 1, true) end)
    s:stop()
  end)

  it("ends in good time, though its broker stands still", function()
    local s = server.start { config = ("bus = { url = %q, heartbeat_s = 600 }\n"):format(rig.url) }
    process.eventually("the broker", function() return s:log():find("broker reached", 1, true) end)
    rig:freeze "broker"
    s:stop()
    rig:thaw "broker"
  end)
end)
