-- What every route has in common: methods, headers, entity tags, content types.
local server = require "support.server"

describe("HTTP:", function()
  local s, simulation, job

  setup(function()
    s = server.start()
    simulation = s:simulation()
    job = s:job(simulation).id
    s:job_in(job)
  end)
  teardown(function() s:stop() end)

  it("every answer has a request id, and problems name it", function()
    local response = s:get "/v1/nowhere"
    assert.equal(404, response.status)
    assert.equal("application/problem+json", response.headers["content-type"])
    assert.matches("^%x+$", response.headers["x-request-id"])
    assert.equal(response.headers["x-request-id"], response.json.request_id)
    assert.same({ "/problems/not-found", 404 }, { response.json.type, response.json.status })
    assert.is_string(response.json.title)
    assert.matches("openapi.json", response.json.detail)
  end)

  it("HEAD is GET without the body", function()
    for _, path in ipairs { "/healthz", "/openapi.json", "/v1/jobs", "/v1/jobs/" .. job, "/v1/simulations/" .. simulation,
      "/v1/jobs/" .. job .. "/history", "/v1/resources" } do
      local get, head = s:get(path), s:request("HEAD", path)
      assert.same({ 200, "" }, { head.status, head.body }, path)
      assert.equal(get.headers["content-length"], head.headers["content-length"], path)
      assert.equal(get.headers["content-type"], head.headers["content-type"])
      assert.equal(get.headers.etag, head.headers.etag)
    end
    assert.equal(401, s:request("HEAD", "/v1/jobs", { token = false }).status)
    assert.equal(404, s:request("HEAD", "/v1/nowhere").status)
  end)

  it("a path without the method: 405 with what it has; OPTIONS tells the same", function()
    local allowed = {
      ["/v1/simulations"] = "GET, HEAD, POST, OPTIONS", ["/v1/simulations/" .. simulation] = "GET, HEAD, PATCH, DELETE, OPTIONS",
      ["/v1/jobs/" .. job .. "/cancel"] = "POST, OPTIONS", ["/healthz"] = "GET, HEAD, OPTIONS",
      ["/v1/jobs/" .. job .. "/files/a/b"] = "GET, HEAD, PUT, DELETE, OPTIONS",
    }
    for path, allow in pairs(allowed) do
      local response = s:request(allow:find "PUT" and "POST" or "PUT", path, { body = "" })
      assert.same({ 405, "/problems/method-not-allowed", allow }, { response.status, response.json.type, response.headers.allow })
      response = s:request("OPTIONS", path, { token = false })
      assert.same({ 204, allow }, { response.status, response.headers.allow })
    end
    assert.equal(404, s:request("OPTIONS", "/v1/nowhere").status)
    assert.equal(501, s:request("PROPFIND", "/v1/jobs").status)
  end)

  it("a request lives until it is answered, whenever memory is collected", function()
    local long = "/v1/nowhere/" .. ("x"):rep(4000)
    for _ = 1, 5000 do assert.equal(404, s:get(long, { token = false }).status) end
  end)

  it("other origins are offered nothing", function()
    for _, method in ipairs { "GET", "OPTIONS" } do
      local response = s:request(method, "/v1/jobs", { headers = { Origin = "https://elsewhere.example",
        ["Access-Control-Request-Method"] = "GET" } })
      for name in pairs(response.headers) do assert.is_nil(name:find "^access%-control", name) end
    end
  end)

  it("an entity tag holds until something changes", function()
    for _, path in ipairs { "/v1/jobs/" .. job, "/v1/simulations/" .. simulation } do
      local response = s:get(path)
      local tag = response.headers.etag
      assert.matches('^"[^"]+"$', tag)
      local again = s:get(path, { headers = { ["If-None-Match"] = tag } })
      assert.same({ 304, "", tag }, { again.status, again.body, again.headers.etag })
      for _, known in ipairs { "*", "W/" .. tag, '"other", ' .. tag } do
        assert.equal(304, s:get(path, { headers = { ["If-None-Match"] = known } }).status, known)
      end
      assert.equal(200, s:get(path, { headers = { ["If-None-Match"] = '"other"' } }).status)
      s:patch(path, { name = "changed" })
      again = s:get(path, { headers = { ["If-None-Match"] = tag } })
      assert.equal(200, again.status)
      assert.not_equal(tag, again.headers.etag)
    end
  end)

  it("JSON is understood under its names, and nothing else is", function()
    local body = '{"name":"typed"}'
    for _, kind in ipairs { "application/json", "application/json; charset=utf-8", "Application/JSON", "text/json",
      "application/x-www-form-urlencoded" } do
      assert.equal(201, s:post("/v1/simulations", body, { headers = { ["Content-Type"] = kind } }).status, kind)
    end
    assert.equal(201, s:post("/v1/simulations", body).status)
    for _, kind in ipairs { "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonp", "json", "" } do
      local before = s:counts()
      local response = s:post("/v1/simulations", body, { headers = { ["Content-Type"] = kind } })
      assert.same({ 415, "/problems/unsupported-media-type", "application/json" },
        { response.status, response.json.type, response.headers.accept }, kind)
      assert.equal(before, s:counts())
    end
  end)

  it("requests follow each other on one connection, also without waiting", function()
    local connection = s:connect()
    for n = 1, 5 do s:send("GET", n == 3 and "/v1/nowhere" or "/healthz", { connection = connection }) end
    for n = 1, 5 do assert.equal(n == 3 and 404 or 200, connection:receive().status) end
    connection:close()
  end)

  it("health needs no token, metrics do", function()
    assert.equal('{"status":"ok"}', s:get("/healthz", { token = false }).body)
    assert.equal('{"status":"ready"}', s:get("/readyz", { token = false }).body)
    assert.equal(401, s:get("/metrics", { token = false }).status)
    local text = s:get("/metrics").body
    for _, name in ipairs { "http_answers_total", "http_seconds_bucket", "store_commits_total", "control_beat_age_seconds" } do
      assert.is_truthy(text:find("\norrery_" .. name, 1, true), name)
    end
    assert.is_truthy(text:find('orrery_resource_up{resource="fake",scheduler="fake"} 1', 1, true))
    local last, seen = 0, 0
    for count in text:gmatch 'orrery_http_seconds_bucket{le="[^"]+"} (%d+)' do
      assert.is_true(tonumber(count) >= last)
      last, seen = tonumber(count), seen + 1
    end
    assert.equal(10, seen)
    assert.equal(tostring(last), text:match "orrery_http_seconds_count (%d+)")
  end)

  it("metrics may be opened", function()
    local open = server.start { config = "metrics_open = true" }
    assert.equal(200, open:get("/metrics", { token = false }).status)
    open:stop()
  end)
end)
