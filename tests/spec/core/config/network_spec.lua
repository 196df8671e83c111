-- Networks as a site writes them.
local network = require "orrery.core.config.network"

describe("a network", function()
  it("is an address, or one with the number of its bits", function()
    for _, text in ipairs { "127.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "255.255.255.255/32", "::/0", "::1", "fd00::/8",
      "1::8/128", "1:2:3:4:5:6:7:8/64", "::ffff:10.0.0.0/104", "2001:db8::", "a:B:c::" } do
      assert.is_true(network.is(text), text)
    end
    for _, text in ipairs { "", "/8", "10.0.0.0/33", "10.0.0/8", "10.0.0.256", "10.0.0.0.0", "10.0.0.0/", "10.0.0.0/8/8",
      "010.0.0.1", "localhost", "::/129", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "10.0.0.0/-1",
      ":", "1:" } do
      assert.is_false(network.is(text), text)
    end
  end)

  it("that is none is named in a list", function()
    assert.is_nil(network.wrong "")
    assert.is_nil(network.wrong "127.0.0.0/8, ::1  fd00::/8,")
    assert.equal("10.0.0.0/40", network.wrong "127.0.0.0/8,10.0.0.0/40")
  end)
end)
