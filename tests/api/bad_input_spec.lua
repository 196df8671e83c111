-- Bad input: every wrong request is refused with a status, a stable type, a pointer where something in the body is
-- wrong, and a sentence that says what would be right; and nothing of it is stored.
local process = require "support.process"
local server = require "support.server"

describe("bad input:", function()
  local s, simulation, job, jobs, sweeps

  setup(function()
    s = server.start { workers = 2 }
    simulation = s:simulation()
    jobs, sweeps = "/v1/simulations/" .. simulation .. "/jobs", "/v1/simulations/" .. simulation .. "/sweeps"
    job = s:job(simulation).id
    s:job_in(job)
  end)
  teardown(function() s:stop() end)

  -- Sends what is wrong, and checks the answer, and that nothing came of it.
  local function refused(method, path, body, status, kind, pointer, detail, headers)
    local before = s:counts()
    local response = s:request(method, path, { body = body, headers = headers })
    local what = ("%s %s %s"):format(method, path:sub(1, 80), type(body) == "string" and body:sub(1, 100) or "")
    assert.same({ status, "/problems/" .. kind, "application/problem+json" },
      { response.status, response.json.type, response.headers["content-type"] }, what .. "\n" .. response.body:sub(1, 300))
    assert.same({ status, response.headers["x-request-id"] }, { response.json.status, response.json.request_id })
    if pointer then assert.equal(pointer, response.json.errors[1].pointer, what .. "\n" .. response.body) end
    assert.matches(detail, response.json.detail, 1, false, what)
    assert.equal(before, s:counts(), what .. " left something behind")
    return response
  end

  describe("JSON:", function()
    local cases = {
      -- body, byte offset, detail
      { "", nil, "The body is empty; send a JSON object" },
      { "{", 1, "the document ends where" },
      { '{"name":"x"', 11, "the document ends where" },
      { '{"name":"x"}}', 12, "something follows the document" },
      { '{"name" "x"}', 8, "expected a colon" },
      { '{"name":"x",}', 12, "expected a text in double quotes" },
      { "{'name':1}", 1, "expected a text in double quotes" },
      { '{"name":x}', 8, "expected a value" },
      { '{"name":tru}', 8, "expected a value" },
      { '{"name":01}', 9, "no digit after a leading zero" },
      { '{"name":1.}', 10, "a digit after the decimal point" },
      { '{"name":1e}', 10, "a digit in the exponent" },
      { '{"name":+1}', 8, "expected a value" },
      { '{"name":1e999}', 8, "the number is too large" },
      { '{"name":"\\x"}', 10, "after a backslash" },
      { '{"name":"\\u12"}', 13, "four hexadecimal digits" },
      { '{"name":"\\ud800"}', 15, "lone high surrogate" },
      { '{"name":"\\udc00"}', 15, "lone low surrogate" },
      { '{"name":"\\u0000"}', 15, "NUL .* is refused everywhere" },
      { '{"na\\u0000me":"x"}', 10, "NUL .* is refused everywhere" },
      { '{"name":"a\0b"}', 10, "a control character inside a text must be escaped" },
      { '{"name":"a\nb"}', 10, "a control character inside a text must be escaped" },
      { '{"name":"\xff"}', 9, "not valid UTF%-8" },
      { '{"name":"\xc0\xaf"}', 9, "not valid UTF%-8" },
      { '{"name":"\xed\xa0\x80"}', 9, "not valid UTF%-8" },
      { '{"name":"\xf4\x90\x80\x80"}', 9, "not valid UTF%-8" },
      { '{"name":"\xe2\x82"}', 9, "not valid UTF%-8" },
      { '{"name":"a","name":"b"}', 12, 'the key "name" stands twice' },
      { '{"tags":{"k":"1","k":"2"},"name":"x"}', 17, 'the key "k" stands twice' },
      { '{"name":"x","tags":' .. ("["):rep(64) .. "1" .. ("]"):rep(64) .. "}", 83, "nested deeper than 64" },
      { "\xef\xbb\xbf{\"name\":\"x\"}", 0, "expected a value" },
      { "\0", 0, "expected a value" },
      { "name=x", 0, "expected a value" },
    }
    for _, case in ipairs(cases) do
      it(("%q"):format(case[1]:sub(1, 40)):gsub("%c", "?"), function()
        local response = refused("POST", "/v1/simulations", case[1], 400, "invalid-json", nil, case[3])
        assert.equal(case[2], response.json.offset)
        if case[2] then assert.matches("^At byte " .. case[2] .. " of the body", response.json.detail) end
      end)
    end
  end)

  -- Wrong values: body, pointer, what would be right.
  local function table_of(title, path, cases)
    describe(title .. ":", function()
      for _, case in ipairs(cases) do
        it(case[1]:sub(1, 90), function()
          refused(case.method or "POST", path(), case[1], 422, "invalid-value", case[2], case[3])
        end)
      end
    end)
  end

  table_of("a simulation", function() return "/v1/simulations" end, {
    { "[]", "", "must be an object, not a list" },
    { "null", "", "must be an object, not null" },
    { '"x"', "", "must be an object, not a text" },
    { "{}", "/name", "is required: for people" },
    { '{"name":null}', "/name", "must be a text, not null" },
    { '{"name":7}', "/name", "must be a text, not a number" },
    { '{"name":""}', "/name", "must have 1 to 256 bytes, not 0" },
    { '{"name":"' .. ("n"):rep(257) .. '"}', "/name", "must have 1 to 256 bytes, not 257" },
    { '{"name":"a\\nb"}', "/name", "one line without control characters" },
    { '{"name":"x","colour":"red"}', "/colour", "there is no such field here; there are description, max_active, name, tags" },
    { '{"name":"x","a/b~c":1}', "/a~1b~0c", "there is no such field here" },
    { '{"name":"x","tags":[]}', "/tags", "must be an object, not a list" },
    { '{"name":"x","tags":{"a b":"1"}}', "/tags/a b", "this key must be letters" },
    { '{"name":"x","tags":{"a":1}}', "/tags/a", "must be a text, not a number" },
    { '{"name":"x","description":{}}', "/description", "must be a text, not an object" },
  })

  table_of("a job", function() return jobs end, {
    { "{}", "/executable", "is required, or a script instead of it" },
    { '{"executable":"/bin/true","script":"true"}', "/script", "must be absent when there is an executable" },
    { '{"executable":""}', "/executable", "must have 1 to 4096 bytes" },
    { '{"executable":["/bin/true"]}', "/executable", "must be a text, not a list" },
    { '{"executable":"a\\tb"}', "/executable", "one line" },
    { '{"executable":"x","arguments":"a b"}', "/arguments", "must be a list, not a text" },
    { '{"executable":"x","arguments":["a",2]}', "/arguments/1", "must be a text, not a number" },
    { '{"executable":"x","arguments":[null]}', "/arguments/0", "must be a text, not null" },
    { '{"executable":"x","environment":{"1A":"x"}}', "/environment/1A", "a variable's name" },
    { '{"executable":"x","environment":{"A=B":"x"}}', "/environment/A=B", "a variable's name" },
    { '{"executable":"x","environment":{"A":1}}', "/environment/A", "must be a text" },
    { '{"executable":"x","directory":"relative"}', "/directory", "must be an absolute path" },
    { '{"executable":"x","directory":"/a\\nb"}', "/directory", "one line" },
    { '{"executable":"x","inherit_environment":"yes"}', "/inherit_environment", "must be true or false, not a text" },
    { '{"executable":"x","resources":{"cpu_cores_per_process":0}}', "/resources/cpu_cores_per_process",
      "a whole number from 1 to 1000000, not 0" },
    { '{"executable":"x","resources":{"cpu_cores_per_process":1.5}}', "/resources/cpu_cores_per_process",
      "must be a whole number, not 1.5" },
    { '{"executable":"x","resources":{"process_count":9223372036854775808}}', "/resources/process_count",
      "must be a whole number" },
    { '{"executable":"x","resources":{"process_count":9223372036854775807}}', "/resources/process_count",
      "from 1 to 1000000, not 9223372036854775807" },
    { '{"executable":"x","resources":{"cores":1}}', "/resources/cores",
      "there is no such field here; there are .*cpu_cores_per_process" },
    { '{"executable":"x","attributes":{"duration":-1}}', "/attributes/duration", "from 1 to 31536000, not %-1" },
    { '{"executable":"x","attributes":{"duration":1e100}}', "/attributes/duration", "must be a whole number" },
    { '{"executable":"x","attributes":{"custom_attributes":{"run_ms":1}}}', "/attributes/custom_attributes/run_ms",
      'this key must be "PLUG%-IN.OPTION"' },
    { '{"executable":"x","priority":1001}', "/priority", "from %-1000 to 1000, not 1001" },
    { '{"executable":"x","hold":1}', "/hold", "must be true or false, not a number" },
    { '{"executable":"x","submit":"no"}', "/submit", "must be true or false" },
    { '{"executable":"x","resource":"no such"}', "/resource", "must be a resource's name" },
    { '{"executable":"x","resource":"nowhere"}', "/resource", "there is no resource nowhere" },
    { '{"executable":"x","depends":[]}', "/depends", "there is no such field here" },
    { '{"executable":"x","stdout_path":""}', "/stdout_path", "must have 1 to 4096 bytes" },
    { '{"executable":"x","resource":"fake","resources":{"memory":1024}}', "/resources/memory",
      "resource fake cannot honour this field" },
    { '{"executable":"x","resources":{"memory":1024}}', "/resources/memory", "cannot honour this field" },
    { '{"executable":"x","attributes":{"custom_attributes":{"slurm.qos":"x"}}}', "/attributes/custom_attributes/slurm.qos",
      "of scheduler fake, which does not know this option" },
    { '{"jobs":{}}', "/jobs", "must be a list, not an object" },
    { '{"jobs":null}', "/jobs", "must be a list, not null" },
    { '{"jobs":[],"executable":"x"}', "/executable", "there is no such field here" },
    { "[{}]", "", "must be an object, not a list" },
    { "7", "", "must be an object, not a number" },
  })

  local T = '{"template":{"executable":"x","arguments":["${n}"]},"parameters":'
  table_of("a sweep", function() return sweeps end, {
    { "{}", "/parameters", "is required" },
    { '{"template":{"executable":"x"}}', "/parameters", "is required" },
    { '{"parameters":{"n":[1]}}', "/template", "is required" },
    { '{"template":[],"parameters":{"n":[1]}}', "/template", "must be an object" },
    { '{"template":"x","parameters":{"n":[1]}}', "/template", "must be an object" },
    { T .. "{}}", "/parameters", "must have at least one parameter" },
    { T .. "[]}", "/parameters", "must be an object, not a list" },
    { T .. '{"n":[]}}', "/parameters/n", "must have at least one value" },
    { T .. '{"n":7}}', "/parameters/n", "must be a list or an object, not a number" },
    { T .. '{"n":[[1]]}}', "/parameters/n/0", "must be a text or a number or true or false, not a list" },
    { T .. '{"n":[null]}}', "/parameters/n/0", "not null" },
    { T .. '{"n":[1],"2m":[1]}}', "/parameters/2m", "this key must be a name" },
    { T .. '{"n":{"from":1,"to":2}}}', "/parameters/n", "must have either step or count" },
    { T .. '{"n":{"from":1,"to":2,"step":1,"count":2}}}', "/parameters/n", "must have either step or count" },
    { T .. '{"n":{"from":1,"to":2,"step":0}}}', "/parameters/n", "step must not be 0" },
    { T .. '{"n":{"from":1,"to":2,"step":0.0}}}', "/parameters/n", "step must not be 0" },
    { T .. '{"n":{"from":1,"to":2,"step":-1}}}', "/parameters/n", "step leads away from to" },
    { T .. '{"n":{"from":2,"to":1,"step":1}}}', "/parameters/n", "step leads away from to" },
    { T .. '{"n":{"from":1,"to":2,"count":0}}}', "/parameters/n/count", "from 1 to 1000000, not 0" },
    { T .. '{"n":{"from":1,"to":2,"count":1000001}}}', "/parameters/n/count", "from 1 to 1000000" },
    { T .. '{"n":{"from":1,"to":2,"count":2.5}}}', "/parameters/n/count", "must be a whole number" },
    { T .. '{"n":{"from":"1","to":2,"step":1}}}', "/parameters/n/from", "must be a number, not a text" },
    { T .. '{"n":{"to":2,"step":1}}}', "/parameters/n/from", "is required" },
    { T .. '{"n":{"from":0,"to":1,"step":1e-9}}}', "/parameters/n", "has more than 1000000 values" },
    { T .. '{"n":{"from":-1e308,"to":1e308,"step":1}}}', "/parameters/n", "too far apart" },
    { T .. '{"n":{"from":-1e308,"to":1e308,"count":3}}}', "/parameters/n", "too far apart" },
    { T .. '{"n":{"from":-9223372036854775807,"to":9223372036854775807,"step":1}}}', "/parameters/n", "has more than 1000000 values" },
    { T .. '{"n":{"from":1,"to":1000,"step":1},"m":{"from":0,"to":1000,"step":1}}}', "/parameters", "more than 1000000 jobs" },
    { T .. '{"n":[1,2],"m":[1,2,3]},"combine":"zip"}', "/parameters/n", "zip needs as many as m has: 3" },
    { T .. '{"n":[1]},"combine":"both"}', "/combine", "must be one of product, zip" },
    { T .. '{"n":[1]},"order":1}', "/order", "there is no such field here" },
    { T .. '{"m":[1]}}', "/template/arguments/0", "%${n} is not a declared parameter %(write %$%${ for a literal %${%)" },
    { '{"template":{"executable":"x","arguments":["${n","${}","${n m}"]},"parameters":{"n":[1]}}', "/template/arguments/0",
      "is not a declared parameter" },
    { '{"template":{"executable":"x","environment":{"A${n}":"1"}},"parameters":{"n":[1]}}', "/template/environment/A${n}",
      "a parameter cannot stand in a key" },
    { '{"template":{"arguments":["${n}"]},"parameters":{"n":[1]}}', "/template/executable", "is required" },
    { '{"template":{"executable":"x","submit":false},"parameters":{"n":[1]}}', "/template/submit", "there is no such field here" },
    { '{"template":{"executable":"x","priority":"${n}"},"parameters":{"n":["a"]}}', "/template/priority",
      "must be a whole number, not a text" },
    { '{"template":{"executable":"x","priority":"1${n}"},"parameters":{"n":[1]}}', "/template/priority",
      "must be a whole number, not a text" },
    { '{"template":{"executable":"x","priority":"${n}"},"parameters":{"n":[1,1001]}}', "/template/priority",
      "from %-1000 to 1000, not 1001 %(with n = 1001%)" },
    { '{"template":{"executable":"x","resources":{"memory":"${n}"}},"parameters":{"n":[1]}}', "/template/resources/memory",
      "cannot honour this field" },
  })

  it("a sweep over a million jobs is refused without counting them", function()
    local many = '{"template":{"executable":"x","arguments":["${k}"' .. (',"${k}"'):rep(300) .. ']},"parameters":{"k":["%s"]}}'
    refused("POST", sweeps, many:format(("x"):rep(65536)), 422, "invalid-value", "/template", "larger than 16 MiB")
    refused("POST", sweeps, T .. '{"n":{"from":1,"to":1000001,"step":1}}}', 422, "invalid-value", "/parameters", "more than 1000000")
  end)

  table_of("a token", function() return "/v1/tokens" end, {
    { "{}", "/owner", "is required: whose it is" },
    { '{"owner":"x","role":"root"}', "/role", "must be one of user, operator, admin" },
    { '{"owner":"x","expires_in":0}', "/expires_in", "from 1 to 315360000" },
    { '{"owner":"a\\u0007b"}', "/owner", "one line without control characters" },
  })

  table_of("a change of a job", function() return "/v1/jobs/" .. job end, {
    { '{"priority":"high"}', "/priority", "must be a whole number, not a text", method = "PATCH" },
    { '{"state":"NEW"}', "/state", "there is no such field here", method = "PATCH" },
    { '{"name":null}', "/name", "must be a text, not null", method = "PATCH" },
    { '{"attributes":[]}', "/attributes", "must be an object, not a list", method = "PATCH" },
    { '{"attributes":{"duration":"1h"}}', "/attributes/duration", "must be a whole number, not a text", method = "PATCH" },
    { '{"attributes":{"memory":1}}', "/attributes/memory", "there is no such field here; there are account, duration",
      method = "PATCH" },
    { '{"resources":{"memory":1}}', "/resources", "there is no such field here", method = "PATCH" },
  })

  it("several problems come together, in the order of their pointers", function()
    local response = refused("POST", jobs, '{"priority":"x","executable":7,"zzz":1}', 422, "invalid-value", "/executable", "must be")
    local pointers = {}
    for i, problem in ipairs(response.json.errors) do pointers[i] = problem.pointer end
    assert.same({ "/executable", "/priority", "/zzz" }, pointers)
  end)

  it("depth 64 is allowed, 65 is not", function()
    local function deep(n)
      return '{"executable":"x","attributes":{"custom_attributes":{"fake.d":' .. ("["):rep(n) .. "1" .. ("]"):rep(n) .. "}}}"
    end
    local deepest = s:post(jobs, deep(61))
    assert.equal(201, deepest.status)
    assert.equal("COMPLETED", s:job_in(deepest.json.id).state)
    refused("POST", jobs, deep(62), 400, "invalid-json", nil, "nested deeper than 64")
  end)

  describe("queries:", function()
    local cases = {
      { "/v1/jobs?limit=0", "limit must be a whole number from 1 to 1000, not 0" },
      { "/v1/jobs?limit=1001", "from 1 to 1000, not 1001" },
      { "/v1/jobs?limit=-5", "from 1 to 1000" },
      { "/v1/jobs?limit=ten", "limit must be a whole number, not a text" },
      { "/v1/jobs?limit=1.5", "limit must be a whole number" },
      { "/v1/jobs?limit=1e1", "limit must be a whole number" },
      { "/v1/jobs?limit=0x10", "limit must be a whole number" },
      { "/v1/jobs?limit=", "limit must be a whole number" },
      { "/v1/jobs?limit=99999999999999999999", "limit must be a whole number" },
      { "/v1/jobs?limit=1&limit=2", "^The query parameter limit stands twice; give it once%.$" },
      { "/v1/jobs?cursor=nonsense", "The cursor is none that this server gave" },
      { "/v1/jobs?cursor=", "The cursor is none" },
      { "/v1/jobs?cursor=7", "The cursor is none" },
      { "/v1/jobs?order=up", "order must be one of asc, desc" },
      { "/v1/jobs?fields=nope", 'There is no field "nope" here' },
      { "/v1/jobs?state=RUNNING", "state must be one of NEW, PENDING" },
      { "/v1/jobs?colour=red", 'There is no query parameter "colour" here' },
      { "/v1/jobs?simulation=nonsense", "There is no simulation nonsense", 404, "not-found" },
      { "/v1/jobs?name=%zz", "not followed by two hexadecimal digits" },
      { "/v1/jobs?name=%4", "not followed by two hexadecimal digits" },
      { "/v1/jobs?name=a%00b", "NUL" },
      { "/v1/jobs?name=%ff", "UTF%-8" },
      { "/v1/simulations?state=QUEUED", "state must be one of NEW, ACTIVE" },
      { "/v1/simulations?x", 'There is no query parameter "x" here' },
      { "/v1/tokens?x=1", 'There is no query parameter "x" here; there are cursor, limit%.' },
      { "/v1/whoami?x=1", 'There is no query parameter "x" here%.' },
    }
    for _, case in ipairs(cases) do
      it(case[1], function() refused("GET", case[1], nil, case[3] or 400, case[4] or "invalid-query", nil, case[2]) end)
    end
    it("wait", function()
      for value, detail in pairs { ["-1"] = "from 0 to 60", ["61"] = "from 0 to 60, not 61", ["1e999"] = "from 0 to 60",
        x = "must be a number", nan = "must be a number" } do
        refused("GET", "/v1/jobs/" .. job .. "?wait=" .. value, nil, 400, "invalid-query", nil, detail)
      end
    end)
    it("history's cursor", function()
      for _, cursor in ipairs { "x", "-1", "0x10", "1e3", "1.0", "99999999999999999999" } do
        refused("GET", "/v1/jobs/" .. job .. "/history?cursor=" .. cursor, nil, 400, "invalid-query", nil, "The cursor is none")
      end
    end)
  end)

  describe("paths:", function()
    for path, status in pairs { ["/v1/jobs/%zz"] = 400, ["/v1/jobs/%00"] = 400, ["/v1/jobs/%ff"] = 400, ["/v1/jobs/"] = 404,
      ["/v1//jobs"] = 404, ["/V1/jobs"] = 404, ["/"] = 404, ["/v1/jobs/../simulations"] = 404, ["/v1/resources/none"] = 404,
      ["/v1/schedulers/none"] = 404, ["/v1/tokens"] = 405 } do
      it(path, function()
        local before = s:counts()
        local response = s:request(status == 405 and "PUT" or "GET", path, { body = "" })
        assert.equal(status, response.status, response.body)
        assert.matches("^/problems/", response.json.type)
        assert.equal(before, s:counts())
      end)
    end
  end)

  it("a body that is too long is refused before it is sent", function()
    local small = server.start { config = "http = { body_bytes = 2000 }" }
    local id = small:simulation()
    local before = small:counts()
    local connection = small:connect()
    connection:send_raw(("POST /v1/simulations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 2001\r\n\r\n")
      :format(small.token))
    local response = connection:receive()
    assert.same({ 413, "/problems/body-too-large", "close" }, { response.status, response.json.type, response.headers.connection })
    assert.matches("larger than the 2000 bytes that this server accepts", response.json.detail)
    assert.equal(before, small:counts())
    assert.equal(201, small:post("/v1/simulations/" .. id .. "/jobs", { executable = ("x"):rep(1900) }).status)
    small:stop()
  end)

  it("the size of texts and lists is bounded", function()
    refused("POST", jobs, { executable = "x", arguments = { ("a"):rep(1048577) } }, 422, "invalid-value", "/arguments/0",
      "must have 0 to 1048576 bytes, not 1048577")
    local many = {}
    for i = 1, 10001 do many[i] = "" end
    refused("POST", jobs, { executable = "x", arguments = many }, 422, "invalid-value", "/arguments", "at most 10000 members")
    local tags = {}
    for i = 1, 65 do tags["t" .. i] = "" end
    refused("POST", jobs, { executable = "x", tags = tags }, 422, "invalid-value", "/tags", "at most 64 members, not 65")
  end)

  it("objects of very many members are refused, and not gone through", function()
    local names = {}
    for i = 1, 100000 do names[i] = ('"k%d":"1"'):format(i) end
    local many = "{" .. table.concat(names, ",") .. "}"
    assert.equal(20, #refused("POST", jobs, many, 422, "invalid-value", nil, "there is no such field").json.errors)
    refused("POST", jobs, '{"executable":"x","environment":' .. many .. "}", 422, "invalid-value", "/environment",
      "at most 10000 members, not 100000")
  end)

  it("no more than twenty problems are told", function()
    local bad = {}
    for i = 1, 50 do bad["x" .. i] = i end
    assert.equal(20, #refused("POST", jobs, bad, 422, "invalid-value", nil, "there is no such field").json.errors)
  end)

  it("what is no HTTP is answered like everything else", function()
    local cases = { ["GET /\0 HTTP/1.1\r\n\r\n"] = 400, ["nonsense\r\n\r\n"] = 400, ["GET / HTTP/3.7\r\nHost: x\r\n\r\n"] = 505,
      ["GET /" .. ("x"):rep(40000) .. " HTTP/1.1\r\nHost: x\r\n\r\n"] = 414,
      ["GET / HTTP/1.1\r\nHost: x\r\nA: " .. ("x"):rep(40000) .. "\r\n\r\n"] = 431,
      ["POST /v1/simulations HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"] = 400,
      ["POST /v1/simulations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"] = 400,
      ["POST /v1/simulations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"] = 400,
      ["POST /v1/simulations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"] = 400 }
    local before = s:counts()
    for bytes, status in pairs(cases) do
      local connection = s:connect()
      connection:send_raw(bytes)
      local response = connection:receive()
      assert.same({ status, "application/problem+json", "close" },
        { response.status, response.headers["content-type"], response.headers.connection }, bytes:sub(1, 60))
      assert.matches("^/problems/", response.json.type)
      assert.equal(status, response.json.status)
      connection:close()
    end
    assert.equal(before, s:counts())
    assert.equal(200, s:get("/healthz").status)
  end)

  it("the server has complained about none of it", function()
    assert.equal("", s:complaints())
    assert.is_nil(process.read(s.directory .. "/log"):find "handler failed")
  end)
end)
