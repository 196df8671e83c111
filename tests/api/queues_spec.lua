-- What a scheduler says of itself, and how old that is.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local null = http.null

describe("a scheduler's own word", function()
  local s

  setup(function()
    s = server.start { resources = server.FAKE .. 'resource "silent" { scheduler = "stubborn" }\n'
      .. 'resource "down" { scheduler = "fake", poll_ms = 100, options = { down = true } }' }
  end)
  teardown(function() s:stop() end)

  local function told(name)
    return process.eventually("its word", function()
      local seen = s:read("/v1/resources/" .. name .. "/status")
      return seen.state ~= null and seen
    end)
  end

  it("is told with its age", function()
    local seen = told "fake"
    assert.same({ "fake", "fake", "up", null, 1000, 1000, null, null, 0 }, { seen.resource, seen.scheduler, seen.state,
      seen.message, seen.cores_total, seen.cores_free, seen.nodes_total, seen.nodes_free, seen.pending })
    assert.matches("^20%d%d%-", seen.observed_at)
    assert.is_true(seen.age_seconds >= 0 and seen.age_seconds < 60)
    local first = seen.age_seconds
    process.eventually("its age", function()
      local now = s:read "/v1/resources/fake/status"
      return now.observed_at ~= seen.observed_at or now.age_seconds > first
    end)
    assert.equal("down", told("down").state)
  end)

  it("has the queues with their limits", function()
    told "fake"
    local seen = s:read "/v1/resources/fake/queues"
    assert.same({ { name = "main", state = "up", max_duration = 3600, max_jobs = 1000, nodes_total = null, nodes_free = null,
      cores_total = 1000, cores_free = null, pending = null }, { name = "idle", state = null, max_duration = null,
      max_jobs = null, nodes_total = null, nodes_free = null, cores_total = null, cores_free = null, pending = null } },
      seen.items)
    assert.is_number(seen.age_seconds)
    assert.equal(null, seen.next)
  end)

  it("may never have been said", function()
    process.eventually("it", function() return s:read("/v1/resources/silent").state == "up" end)
    local seen = s:read "/v1/resources/silent/status"
    assert.same({ null, null, null, null }, { seen.state, seen.observed_at, seen.age_seconds, seen.cores_total })
    assert.same({}, s:read("/v1/resources/silent/queues").items)
    for _, what in ipairs { "status", "queues" } do assert.equal(404, s:get("/v1/resources/nobody/" .. what).status) end
  end)
end)
