-- The address of the broker, and which settings of `bus` belong together.
local broker = require "orrery.core.config.broker"

describe("the address of a broker", function()
  for _, url in ipairs { "amqp://broker", "amqps://orrery@broker.example/site", "amqp://u:p%40@127.0.0.1:5672/%2Forrery",
    "amqp://u:p@[::1]:5672/" } do
    it("can be " .. url, function() assert.equal(url, broker.check(url)) end)
  end

  for _, url in ipairs { "broker:5672", "http://broker", "amqp://", "amqp://u:p@broker:99999", "amqp://u:p@broker:x",
    "amqp://u:p%zz@broker", "amqp://u:p@broker/a/b", "amqp://u:p@broker//orrery", "amqp://u:p@broker/a?b" } do
    it("cannot be " .. url, function()
      local kept, right = broker.check(url)
      assert.is_nil(kept)
      assert.matches("%2F for a /", right, 1, true)
    end)
  end

  it("is shown without its password", function()
    assert.equal("amqp://u:…@broker/v", broker.shown "amqp://u:pass@broker/v")
    assert.equal("amqp://u:…@broker/v", broker.shown "amqp://u:p/a:s@s@broker/v")
    assert.equal("http://u:…@broker", broker.shown "http://u:pass@broker")
    assert.equal("amqps://u@broker:5671/v", broker.shown "amqps://u@broker:5671/v")
    assert.equal("amqp://broker:5672", broker.shown "amqp://broker:5672")
  end)
end)

describe("the settings of bus", function()
  local function path_of(bus) return (broker.contradiction(bus)) end

  it("say together what they say alone", function()
    assert.is_nil(path_of {})
    assert.is_nil(path_of { url = "amqp://b", password_file = "p" })
    assert.is_nil(path_of { url = "amqps://b", ca_file = "a", cert_file = "c", key_file = "k" })
  end)

  it("are refused where one would have no effect", function()
    assert.equal("bus.password_file", path_of { password_file = "p" })
    assert.equal("bus.ca_file", path_of { url = "amqp://b", ca_file = "a" })
    assert.equal("bus.key_file", path_of { url = "amqps://b", key_file = "k" })
    assert.equal("bus.cert_file", path_of { url = "amqps://b", cert_file = "c" })
  end)
end)
