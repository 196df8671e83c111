-- What `make install` leaves is whole: its program runs what it brought along.
local command = require "support.command"
local process = require "support.process"
local server = require "support.server"

describe("an installation", function()
  local prefix, running

  setup(function()
    prefix = process.temporary() .. "/with a blank"
    running = server.start { resources = 'resource "local" { scheduler = "local", poll_ms = 200 }\n' }
    local code, out = process.run(("cmake --install %s --prefix '%s'"):format(server.build, prefix))
    assert.equal(0, code, out)
  end)
  teardown(function()
    running:stop()
    process.run(("rm -rf '%s'"):format(prefix:match "^(.*)/"))
  end)

  local function orrery(arguments)
    return command.run(arguments, { server = running, program = ("'%s/bin/orrery'"):format(prefix) })
  end

  it("has its Lua and its plug-ins", function()
    local result = orrery "check-config"
    assert.equal(0, result.code, result.err)
  end)

  it("has an example that runs", function()
    local result = orrery(("run -d '%s/share/doc/orrery/examples/heat2d/sweep.json'"):format(prefix))
    assert.equal(0, result.code, result.err)
    local id = result.out:match "%S+"
    process.eventually("a job to end", function()
      local counts = running:read("/v1/simulations/" .. id).counts
      assert.is_nil(counts.FAILED)
      return counts.COMPLETED
    end)
    assert.equal(0, orrery("cancel " .. id).code)
  end)
end)
