-- The routes as they are declared: which are methods over the bus, and by what names.
require "support.house"
local api = require "orrery.api"
local rpc = require "orrery.api.rpc"

-- Those whose answer is no JSON, or of HTTP alone.
local of_http = { ["/metrics"] = true, ["/openapi.json"] = true, ["/asyncapi.json"] = true,
  ["/v1/events/tickets"] = true }

describe("routes", function()
  it("have a method, or answer bytes", function()
    for _, route in ipairs(api.routes) do
      local bytes = route.streams or route.response == "bytes" or route.response == "events"
        or route.path:find "/files/{path%*}" or of_http[route.path]
      assert(route.rpc or bytes, ("%s %s has no method"):format(route.method, route.path))
      assert(not (route.rpc and bytes), ("%s %s has a method that cannot answer"):format(route.method, route.path))
    end
  end)

  it("have methods of names that nobody else has, and that tell what is done", function()
    local by_name = {}
    for _, route in ipairs(api.routes) do
      local name = route.rpc
      assert(not by_name[name], ("%s is the method of two routes"):format(name))
      if name then
        by_name[name] = route
        assert(name:find "^%l+$" or name:find "^%l+%.%l+$", name)
      end
    end
    for name, path in pairs { ["jobs.cancel"] = "/v1/jobs/{id}/cancel", ["simulations.resume"] = "/v1/simulations/{id}/resume",
      ["jobs.create"] = "/v1/simulations/{id}/jobs", ["jobs.history"] = "/v1/jobs/{id}/history", ping = "/healthz" } do
      assert.equal(path, by_name[name].path)
    end
    assert.is_true(by_name.ping.open)
  end)

  it("tell as methods with what they are called, and how they answer", function()
    for _, method in ipairs(rpc.methods(api.routes)) do
      assert.matches("^orrery%.", method.name)
      assert.equal("object", method.request.type)
      assert(method.reply or method.status == 204, method.name)
    end
  end)

  it("stand beside the methods of services, of which the same is told", function()
    local services = rpc.services()
    assert.same({ "authentication", "resource-status" }, { services[1].name, services[2].name })
    local identify, status = services[1].methods[1], services[2].methods[1]
    assert.same({ "identify", "status" }, { identify.name, status.name })
    assert.same({ "token" }, { table.unpack(identify.request.required) })
    assert.same({ "owner", "role" }, { table.unpack(identify.reply.required) })
    assert.equal("array", status.reply.properties.queues.type)
  end)
end)
