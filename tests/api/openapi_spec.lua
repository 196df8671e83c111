-- The OpenAPI document says what the server does, no more and no less.
require "support.house"
local api = require "orrery.api.init"
local http = require "support.http"
local server = require "support.server"

local METHODS = { get = "GET", post = "POST", patch = "PATCH", delete = "DELETE", put = "PUT" }

describe("the OpenAPI document", function()
  local s, document, simulation, job

  setup(function()
    s = server.start()
    local response = s:get("/openapi.json", { token = false })
    assert(response.status == 200 and response.headers["content-type"] == "application/json")
    document = response.json
    simulation = s:simulation()
    job = s:job(simulation).id
    s:job_in(job)
  end)
  teardown(function() s:stop() end)

  -- Every operation: path, method, operation.
  local function each_operation()
    return coroutine.wrap(function()
      for path, operations in pairs(document.paths) do
        for method, operation in pairs(operations) do coroutine.yield(path, METHODS[method], operation) end
      end
    end)
  end

  local function concrete(path) return (path:gsub("{%w+}", "00000000-0000-7000-8000-000000000000")) end

  it("names itself", function()
    assert.same({ "3.1.0", "Orrery", "Apache-2.0" }, { document.openapi, document.info.title, document.info.license.name })
    assert.matches("^%d+%.%d+", document.info.version)
  end)

  it("has every route there is, and no other", function()
    local declared, documented = {}, {}
    for _, route in ipairs(api.routes) do declared[#declared + 1] = route.method .. " " .. route.path:gsub("%*}", "}") end
    for path, method in each_operation() do documented[#documented + 1] = method .. " " .. path end
    table.sort(declared)
    table.sort(documented)
    assert.is_true(#declared > 30)
    assert.same(declared, documented)
  end)

  it("has every method of its paths", function()
    for path, operations in pairs(document.paths) do
      local known = { OPTIONS = true, HEAD = operations.get and true }
      for method in pairs(operations) do known[METHODS[method]] = true end
      local allowed = {}
      for method in s:request("OPTIONS", concrete(path)).headers.allow:gmatch "%a+" do allowed[method] = true end
      assert.same(known, allowed, path)
    end
  end)

  it("asks for a token everywhere but where it says so", function()
    local open = {}
    for path, method, operation in each_operation() do
      local status = s:request(method, concrete(path), { token = false, body = "" }).status
      local free = operation.security and #operation.security == 0
      if free then
        open[#open + 1] = path
        assert.equal(200, status, path)
      else
        assert.equal(401, status, method .. " " .. path)
      end
    end
    table.sort(open)
    assert.same({ "/asyncapi.json", "/healthz", "/openapi.json", "/readyz" }, open)
  end)

  it("declares the parameters of every path, and gives every operation a summary", function()
    for path, method, operation in each_operation() do
      local what, declared = method .. " " .. path, {}
      assert.is_string(operation.summary, what)
      for _, parameter in ipairs(operation.parameters) do
        if parameter["in"] == "path" then declared[parameter.name] = parameter.required
        else assert.is_string(parameter.description, what .. " " .. parameter.name) end
        assert.is_table(parameter.schema)
      end
      for name in path:gmatch "{(%w+)}" do
        assert.is_true(declared[name], what .. " " .. name)
        declared[name] = nil
      end
      assert.same({}, declared)
      assert.is_table(operation.responses.default, what)
    end
  end)

  it("refers only to what it has", function()
    local count = 0
    local function walk(node)
      if type(node) ~= "table" then return end
      local reference = node["$ref"]
      if reference then
        local name = reference:match "^#/components/schemas/(%w+)$"
        assert.is_table(document.components.schemas[name], reference)
        count = count + 1
      end
      for _, member in pairs(node) do walk(member) end
    end
    walk(document)
    assert.is_true(count > 50)
  end)

  -- Whether a value is as a schema says, and has nothing that the schema does not name.
  local function conforms(value, schema, where)
    if schema["$ref"] then schema = document.components.schemas[schema["$ref"]:match "%w+$"] end
    local kinds = type(schema.type) == "table" and schema.type or { schema.type }
    local kind = value == http.null and "null" or type(value)
    if kind == "table" then kind = kinds[1] == "array" and "array" or "object" end
    if kind == "number" then kind = value % 1 == 0 and kinds[1] ~= "number" and "integer" or "number" end
    local fits = #kinds == 0
    for _, wanted in ipairs(kinds) do fits = fits or wanted == kind end
    assert(fits, ("%s is a %s, not a %s"):format(where, kind, table.concat(kinds, " or ")))
    if schema.enum then
      local listed = false
      for _, choice in ipairs(schema.enum) do listed = listed or choice == value end
      assert(listed, where .. " is " .. tostring(value))
    end
    if kind == "object" and schema.properties then
      for name, member in pairs(value) do
        assert(schema.properties[name], where .. "." .. name .. " is not documented")
        conforms(member, schema.properties[name], where .. "." .. name)
      end
    elseif kind == "array" then
      for i, member in ipairs(value) do conforms(member, schema.items, where .. "[" .. i .. "]") end
    end
  end

  -- The schema of an operation's good answer; if there are two, that of the lesser status.
  local function schema_of(method, path)
    local least = math.huge
    local responses = document.paths[path][method].responses
    for status in pairs(responses) do least = math.min(least, tonumber(status) or math.huge) end
    return responses[tostring(least)].content["application/json"].schema, least
  end

  it("describes the answers as they are", function()
    local sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { template = server.spec(), parameters = { n = { 1 } } }).id
    local cases = {
      { "get", "/v1/simulations/{id}", "/v1/simulations/" .. simulation }, { "get", "/v1/jobs/{id}", "/v1/jobs/" .. job },
      { "get", "/v1/simulations/{id}/sweeps/{sweep}", "/v1/simulations/" .. simulation .. "/sweeps/" .. sweep },
      { "get", "/v1/jobs" }, { "get", "/v1/simulations" }, { "get", "/v1/tokens" }, { "get", "/v1/whoami" }, { "get", "/healthz" },
      { "get", "/v1/resources/{name}", "/v1/resources/fake" }, { "get", "/v1/schedulers/{name}", "/v1/schedulers/fake" },
      { "get", "/v1/resources/{name}/status", "/v1/resources/fake/status" },
      { "get", "/v1/resources/{name}/queues", "/v1/resources/fake/queues" },
      { "get", "/v1/schedulers/{name}", "/v1/schedulers/local" },
      { "post", "/v1/resources", nil, { name = "made", scheduler = "fake", options = { cores = 1 } } },
      { "patch", "/v1/resources/{name}", "/v1/resources/made", { poll_ms = 200 } },
      { "post", "/v1/resources/{name}/drain", "/v1/resources/made/drain" },
      { "post", "/v1/resources/{name}/enable", "/v1/resources/made/enable" },
      { "post", "/v1/schedulers/{name}/reload", "/v1/schedulers/fake/reload" },
      { "post", "/v1/schedulers/{name}/disable", "/v1/schedulers/fake/disable" },
      { "post", "/v1/schedulers/{name}/enable", "/v1/schedulers/fake/enable" },
      { "post", "/v1/simulations", nil, { name = "x" } }, { "post", "/v1/tokens", nil, { owner = "x" } },
      { "post", "/v1/events/tickets" },
      { "post", "/v1/simulations/{id}/jobs", "/v1/simulations/" .. simulation .. "/jobs", server.spec() },
      { "post", "/v1/simulations/{id}/hold", "/v1/simulations/" .. simulation .. "/hold" },
      { "patch", "/v1/jobs/{id}", "/v1/jobs/" .. job, { name = "y" } },
    }
    for _, case in ipairs(cases) do
      local schema, status = schema_of(case[1], case[2])
      local response = s:request(METHODS[case[1]], case[3] or case[2], { body = case[4] or case[1] ~= "get" and "" or nil })
      assert.equal(status, response.status, case[2] .. response.body)
      conforms(response.json, schema, case[1] .. " " .. case[2])
    end
  end)

  it("describes problems as they are", function()
    local schema = { ["$ref"] = "#/components/schemas/problem" }
    for _, response in ipairs { s:get "/v1/nowhere", s:post("/v1/simulations", "{}"), s:post("/v1/simulations", "{"),
      s:get("/v1/jobs", { token = false }), s:get "/v1/jobs?limit=0" } do
      conforms(response.json, schema, response.json.type)
    end
  end)

  it("names every type of problem that the sources name", function()
    local documented = {}
    for _, type in ipairs(document.components.schemas.problem.properties.type.enum) do documented[type] = true end
    local pipe = io.popen "cat src/http/*.c src/app/api.c lua/orrery/api/*.lua"
    local sources, found = pipe:read "a", 0
    pipe:close()
    for _, pattern in ipairs { 'refuse%([%w_]+, %d+, "([%a-]+)"', 'respond_problem%([%w_]+, %d+, "([%a-]+)"',
      'problem%.raise%("([%a-]+)"', 'problem%.document%("([%a-]+)"' } do
      for type in sources:gmatch(pattern) do
        assert.is_true(documented["/problems/" .. type], type .. " is not documented")
        found = found + 1
      end
    end
    assert.is_true(found > 30)
  end)

  it("the schema of a body allows what is accepted", function()
    local function schema(path) return document.paths[path].post.requestBody.content["application/json"].schema end
    local job_schema = schema "/v1/simulations/{id}/jobs"
    local one = job_schema.oneOf[2]
    assert.is_false(one.additionalProperties)
    assert.same({ "string", 4096 }, { one.properties.executable.type, one.properties.executable.maxLength })
    assert.equal("boolean", one.properties.submit.type)
    assert.same({ "name" }, schema("/v1/simulations").required)
    assert.same({ "product", "zip" }, schema("/v1/simulations/{id}/sweeps").properties.combine.enum)
  end)
end)
