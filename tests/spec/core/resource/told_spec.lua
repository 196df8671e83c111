-- How a resource is by the word of the site's resource-status service, which is asked beside everything else.
local house = require "support.house"
local services = require "support.services"

house.config.resource_status = { service = "external", lifetime_s = 10, timeout_ms = 500, away = 30 }
local poked = 0
rawset(house.resources, "poke", function() poked = poked + 1 end)

local resource = require "orrery.core.resource"

describe("a resource of which the service tells", function()
  local it_is

  -- A round of the resource, after so many milliseconds.
  local function round(ms)
    services.now = services.now + (ms or 0)
    it_is:observe()
  end

  local function says(report) services.answer = function() return services.json(report) end end

  before_each(function()
    services.reset()
    it_is = resource.new { name = "r", scheduler = "slurm" }
    it_is.info, it_is.state = { verbs = { status = true } }, "up"
    it_is.call = function() error "the plug-in is not to be asked" end
  end)

  it("is asked about now and then, and the next round takes the answer", function()
    says { state = "up", cores_free = 12 }
    round()
    assert.same({ service = "resource-status", method = "status", body = '{"resource":"r","scheduler":"slurm"}',
      timeout_ms = 500 }, services.calls[1])
    assert.is_nil(it_is.status)
    assert.is_true(poked > 0)
    round()
    assert.equal(12, it_is.status.cores_free)
    assert.is_true(it_is.status.observed_at > 0)
    round(9000)
    assert.equal(1, #services.calls)
    round(2000)
    assert.equal(2, #services.calls)
  end)

  it("goes on while the service thinks", function()
    services.slow = true
    says { state = "up" }
    round()
    for _ = 1, 20 do round(50) end
    assert.equal(1, #services.calls)
    services.go_on()
    round()
    assert.equal("up", it_is.status.state)
  end)

  it("gets nothing while it says down, and is looked at all the same", function()
    says { state = "down", message = "maintenance until noon" }
    round()
    round()
    assert.same({ true, "down", "maintenance until noon", true }, { it_is.closed, it_is.state, it_is.message, it_is:ready() })
    it_is:well "monitor"
    assert.equal("down", it_is.state)
    says { state = "up" }
    round(11000)
    round()
    assert.same({ false, "up" }, { it_is.closed, it_is.state })
  end)

  it("is degraded by its word, and up again", function()
    says { state = "degraded", message = "half of the nodes are away" }
    round()
    round()
    assert.same({ "degraded", "status: half of the nodes are away" }, { it_is.state, it_is.message })
    says { state = "up" }
    round(11000)
    round()
    assert.same({ "up", nil }, { it_is.state, it_is.message })
  end)

  it("is down all the same if its own commands do not answer", function()
    it_is:lost "no route to the login node"
    says { state = "up" }
    round()
    round()
    assert.same({ "down", "no route to the login node" }, { it_is.state, it_is.message })
    it_is:well "submit"
    assert.equal("up", it_is.state)
  end)

  it("is as it was said last while the service is away, and then unknown, in words", function()
    says { state = "down", message = "maintenance" }
    round()
    round()
    services.answer = function() return nil, "unavailable", "nobody serves it" end
    for _ = 1, 7 do round(5000) end
    assert.same({ "down", true }, { it_is.state, it_is.closed })
    round(5000)
    round(5000)
    assert.same({ "degraded", false }, { it_is.state, it_is.closed })
    assert.truthy(it_is.message:find "does not say how it is: nobody serves it")
    assert.is_nil(it_is.status.state)
    says { state = "up" }
    round(5000)
    round()
    assert.same({ "up", "up" }, { it_is.state, it_is.status.state })
  end)

  it("is not what a lying service says", function()
    says { state = "splendid" }
    round()
    round()
    assert.same({ "degraded", nil }, { it_is.state, it_is.status.state })
    assert.truthy(it_is.message:find "/state must be one of up, degraded, down")
  end)

  it("is asked about at once when the service says that something has changed", function()
    services.slow = true
    says { state = "up" }
    round()
    it_is:ask_again()
    round()
    assert.equal(2, #services.calls)
    services.go_on()
    round()
    assert.equal("up", it_is.status.state)
    assert.equal(2, #services.calls)
  end)

  it("whose plug-in is to tell has it tell", function()
    local asked
    local other = resource.new { name = "o", scheduler = "slurm", status = "builtin" }
    other.info, other.call = { verbs = { status = true } }, function(_, verb) asked = verb end
    other:observe()
    assert.same({ "status", 0 }, { asked, #services.calls })
  end)
end)
