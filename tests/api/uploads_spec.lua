-- Files that are sent to a job: its inputs before it begins, then what is in its directory; whole or not at all, and nowhere
-- else.
local process = require "support.process"
local server = require "support.server"

local LOCAL = 'resource "local" { scheduler = "local", poll_ms = 100, options = { linger = 1 } }\n'

local function shell(command)
  local code, output = process.run(command)
  assert(code == 0, output)
  return output
end

for _, workers in ipairs { 1, 2 } do
  describe(("uploads, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers, resources = LOCAL }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    local function job(more)
      local spec = { executable = "/bin/sh", arguments = { "-c", "cat in.txt" } }
      for name, value in pairs(more or {}) do spec[name] = value end
      return s:make("/v1/simulations/" .. simulation .. "/jobs", spec)
    end
    local function path_of(id, name) return ("/v1/jobs/%s/files/%s"):format(id, name) end
    local function put(id, name, body, options)
      local all = { body = body or "" }
      for key, value in pairs(options or {}) do all[key] = value end
      return s:request("PUT", path_of(id, name), all)
    end
    local function refused(status, type, words, response)
      assert.same({ status, "/problems/" .. type }, { response.status, response.json.type })
      assert.matches(words, response.json.detail)
    end
    -- Ends every upload that is under way, too.
    local function released(id)
      s:make("/v1/jobs/" .. id .. "/release", "", { status = 202 })
      return s:job_in(id)
    end

    it("inputs are there when the job begins, with all that was sent", function()
      local id = job({ hold = true, arguments = { "-c", "cat in.txt deep/er/x; wc -c <big; echo >in.txt" } }).id
      local response = put(id, "in.txt", "first\n")
      assert.same({ 201, "in.txt", "file", 6 }, { response.status, response.json.path, response.json.type, response.json.size })
      assert.matches("^%d+%-%d+%-%d+T.*Z$", response.json.modified_at)
      response = put(id, "in.txt", "hello\n")
      assert.equal(200, response.status)
      assert.equal(201, put(id, "deep//er/x", "deep\n").status)
      assert.equal(201, put(id, "big", ("x"):rep(3000000)).status)
      assert.equal("deep\n", s:get(path_of(id, "deep/er/x")).body)
      assert.same({ "big", "deep", "in.txt" }, (function()
        local names = {}
        for i, item in ipairs(s:read("/v1/jobs/" .. id .. "/files").items) do names[i] = item.path end
        return names
      end)())
      local ended = released(id)
      assert.equal("COMPLETED", ended.state)
      assert.matches("^hello\ndeep\n%s*3000000\n$", s:get("/v1/jobs/" .. id .. "/stdout").body)
      assert.equal("\n", s:get(path_of(id, "in.txt")).body) -- the attempt's copy, which it has changed
      s:make("/v1/jobs/" .. id .. "/retry", "", { status = 202 })
      ended = s:job_in(id)
      assert.equal(2, ended.attempt) -- it begins with what was sent
      assert.matches("^hello\ndeep\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
      assert.equal("600 700\n", shell(("stat -c %%a %s/deep/er/x %s/deep/er | paste -sd ' '"):format(ended.directory,
        ended.directory)))
    end)

    it("a program with inputs is called as it is without", function()
      local id = job({ hold = true, executable = "printenv", arguments = { "A" }, environment = { A = "a b'$c" } }).id
      assert.equal(201, put(id, "quote'd%20$(name).txt", "x").status)
      released(id)
      assert.equal("a b'$c\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
      assert.equal("x", s:get(path_of(id, "quote'd%20$(name).txt")).body)
    end)

    it("inputs can be deleted", function()
      local id = job({ hold = true }).id
      put(id, "in.txt", "x")
      put(id, "folder/in.txt", "x")
      assert.equal(204, s:delete(path_of(id, "in.txt")).status)
      refused(404, "not-found", "there is no in.txt", s:delete(path_of(id, "in.txt")))
      refused(409, "exists", "folder is a folder", s:delete(path_of(id, "folder")))
      local ended = released(id)
      assert.same({ "FAILED", 1 }, { ended.state, ended.exit_code })
    end)

    it("a job that runs gets files into its directory", function()
      local id = job({ arguments = { "-c", "echo go >started; while ! [ -e stop ]; do sleep 0.05; done; cat in.txt" } }).id
      s:job_in(id, "ACTIVE")
      process.eventually("the start", function() return s:get(path_of(id, "started")).status == 200 end)
      assert.equal(201, put(id, "in.txt", "late\n").status)
      assert.equal(200, put(id, "started", "x").status)
      assert.equal(204, s:delete(path_of(id, "started")).status)
      assert.equal(201, put(id, "stop", "").status)
      local ended = s:job_in(id)
      assert.equal("late\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
      refused(409, "illegal-transition", "is COMPLETED", put(id, "in.txt", "x"))
      refused(409, "illegal-transition", "is COMPLETED", s:delete(path_of(id, "in.txt")))
      assert.equal("late\n", process.read(ended.directory .. "/in.txt"))
    end)

    it("nothing is written outside of the job's directory, or into the server's", function()
      local id = job({ arguments = { "-c", [[ln -s / root; ln -s .. up; ln -s /nowhere/x dangling; mkdir real; ln -s real alias
        mkfifo pipe; echo x >file; echo go >started; while ! [ -e stop ]; do sleep 0.05; done]] } }).id
      process.eventually("the start", function() return s:get(path_of(id, "started")).status == 200 end)
      local directory = s:read("/v1/jobs/" .. id).directory
      for name, words in pairs { ["../x"] = "%.%.", ["a/../../x"] = "%.%.", ["%2e%2e/x"] = "%.%.", ["a/./x"] = "%. or",
        [""] = "names no file", ["a/"] = "names no file", [".orrery/claim"] = "belongs to the server",
        [".orrery"] = "belongs to the server", ["root/tmp/x"] = "leads out", ["up/x"] = "leads out", ["dangling/x"] = "leads out",
        [("x"):rep(300)] = "longer than" } do
        refused(422, "invalid-value", words, put(id, name, "x"))
        refused(422, "invalid-value", name == ("x"):rep(300) and "" or "", put(id, name, "x"))
      end
      refused(409, "exists", "real is a folder", put(id, "real", "x"))
      refused(409, "exists", "pipe is a special file", put(id, "pipe", "x"))
      refused(409, "exists", "one is a file", put(id, "file/x", "x"))
      assert.equal(201, put(id, "alias/x", "inside").status) -- a link that stays inside is a way like others
      assert.equal("inside", process.read(directory .. "/real/x"))
      assert.equal(200, put(id, "dangling", "x").status) -- it is replaced, and not followed
      assert.equal("x", process.read(directory .. "/dangling"))
      assert.is_nil(process.read(directory .. "/../x"))
      put(id, "stop", "")
      s:job_in(id)
    end)

    it("half a file is no file", function()
      local id = job({ hold = true }).id
      put(id, "in.txt", "whole\n")
      local connection = s:connect()
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\nhalf")
        :format(path_of(id, "in.txt"), s.token))
      process.run "sleep 0.2"
      assert.equal("whole\n", s:get(path_of(id, "in.txt")).body)
      connection:close()
      connection = s:connect()
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n"
        .. "3\r\nhal\r\nnonsense\r\n"):format(path_of(id, "in.txt"), s.token))
      connection.method = "PUT"
      refused(400, "bad-request", "cannot be read", connection:receive())
      assert.equal("COMPLETED", released(id).state)
      assert.equal("whole\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
      assert.equal("", shell(("find %s -name '.arriving*'"):format(s.data)))
    end)

    it("parts of files, and files in some coding, are not taken for files", function()
      local id = job({ submit = false }).id
      refused(400, "bad-request", "Content%-Range", put(id, "x", "abc", { headers = { ["Content-Range"] = "bytes 3-5/6" } }))
      refused(415, "unsupported-media-type", "Content%-Encoding", put(id, "x", "abc", { headers = { ["Content-Encoding"] = "gzip" } }))
      assert.equal(404, s:get(path_of(id, "x")).status)
      assert.equal(201, put(id, "x", "abc", { headers = { ["Content-Type"] = "image/png" } }).status)
    end)

    it("chunked bodies, and clients that wait to be asked", function()
      local id = job({ hold = true }).id
      local connection = s:connect()
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\n"
        .. "Transfer-Encoding: chunked\r\n\r\n"):format(path_of(id, "in.txt"), s.token))
      assert.equal("HTTP/1.1 100 Continue", connection.socket:receive "*l")
      assert.equal("", connection.socket:receive "*l")
      connection:send_raw "3\r\nabc\r\n2\r\nd\n\r\n0\r\n\r\n"
      connection.method = "PUT"
      assert.equal(201, connection:receive().status)
      assert.equal("abcd\n", s:get(path_of(id, "in.txt")).body)
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\n"
        .. "Content-Length: 5\r\n\r\n"):format(path_of(id, "../x"), s.token))
      refused(422, "invalid-value", "%.%.", connection:receive())
      connection:close()
      released(id)
    end)

    it("a file that comes too late for its job is not said to have come in time", function()
      local id = job({ hold = true, arguments = { "-c", "ls" } }).id
      local connection = s:connect()
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\n\r\nhal")
        :format(path_of(id, "in.txt"), s.token))
      process.eventually("its beginning", function()
        return process.run(("test -d %s/jobs/%s/%s/0"):format(s.data, simulation, id)) == 0
      end)
      released(id)
      connection:send_raw "f\n"
      connection.method = "PUT"
      refused(409, "illegal-transition", "has begun, or ended, while the file came", connection:receive())
    end)

    it("of a job that was deleted nothing stays, though it never ran", function()
      local id = job({ submit = false }).id
      put(id, "in.txt", "x")
      local place = ("%s/jobs/%s/%s"):format(s.data, simulation, id)
      assert.equal("x", process.read(place .. "/0/in.txt"))
      assert.equal(204, s:delete("/v1/jobs/" .. id).status)
      process.eventually("the removal", function() return process.run("test -e " .. place) ~= 0 end)
      refused(410, "gone", "deleted", put(id, "in.txt", "x"))
      id = job({ submit = false }).id -- nor of what comes while it is being deleted
      local connection = s:connect()
      connection:send_raw(("PUT %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\n\r\nhal")
        :format(path_of(id, "in.txt"), s.token))
      place = ("%s/jobs/%s/%s"):format(s.data, simulation, id)
      process.eventually("its beginning", function() return process.run("test -d " .. place) == 0 end)
      assert.equal(204, s:delete("/v1/jobs/" .. id).status)
      connection:send_raw "f\n"
      connection.method = "PUT"
      refused(410, "gone", "deleted", connection:receive())
      assert.is_true(process.run("test -e " .. place) ~= 0)
    end)
  end)
end

describe("uploads", function()
  it("are refused where it is not settled which resource runs the job", function()
    local s = server.start { resources = LOCAL .. server.FAKE }
    local simulation = s:simulation()
    local function put(more)
      local spec = { executable = "/bin/true", submit = false }
      for name, value in pairs(more) do spec[name] = value end
      local id = s:make("/v1/simulations/" .. simulation .. "/jobs", spec).id
      return s:request("PUT", "/v1/jobs/" .. id .. "/files/x", { body = "x" })
    end
    local response = put {}
    assert.same({ 422, "/problems/invalid-value" }, { response.status, response.json.type })
    assert.matches("name one in its specification", response.json.detail)
    assert.equal(201, put { resource = "local" }.status)
    response = put { resource = "fake" }
    assert.equal(422, response.status)
    assert.matches("scheduler fake, which gives jobs no files", response.json.detail)
    s:stop()
  end)

  it("over the limit are refused, and no less than the limit is taken", function()
    local s = server.start { resources = LOCAL, config = "http = { body_bytes = 2000, upload_bytes = 5000 }" }
    local simulation = s:simulation()
    local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/true", submit = false }).id
    local function put(size) return s:request("PUT", "/v1/jobs/" .. id .. "/files/x", { body = ("x"):rep(size) }) end
    assert.equal(201, put(5000).status)
    local response = put(5001)
    assert.same({ 413, "/problems/body-too-large" }, { response.status, response.json.type })
    local connection = s:connect()
    connection:send_raw(("PUT /v1/jobs/%s/files/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n"
      .. "\r\n1389\r\n%s\r\n0\r\n\r\n"):format(id, s.token, ("y"):rep(5001)))
    connection.method = "PUT"
    response = connection:receive()
    assert.same({ 413, "/problems/body-too-large" }, { response.status, response.json.type })
    assert.equal(("x"):rep(5000), s:get("/v1/jobs/" .. id .. "/files/x").body)
    s:stop()
  end)

  it("need those rights that running jobs needs", function()
    local s = server.start { resources = LOCAL, single_user = true }
    local alice = s:token_of "alice"
    local simulation = s:simulation("test", { token = alice })
    local spec = { executable = "/bin/true", submit = false }
    local id = s:make("/v1/simulations/" .. simulation .. "/jobs", spec, { token = alice }).id
    local function put(token) return s:request("PUT", "/v1/jobs/" .. id .. "/files/x", { body = "x", token = token }).status end
    assert.equal(404, put(s:token_of "bob"))
    assert.equal(201, put(alice))
    s:stop(true)
    s:restart { single_user = false }
    assert.equal(403, put(alice))
    assert.equal(403, put(s:token_of("oscar", "operator")))
    assert.equal(200, put())
    s:stop()
  end)

  it("go into the directory that the job's user named", function()
    local s = server.start { resources = LOCAL }
    local simulation, named = s:simulation(), s.directory .. "/named"
    shell("mkdir " .. named)
    local function make(directory)
      local spec = { executable = "/bin/cat", arguments = { "in.txt" }, directory = directory, hold = true }
      return s:make("/v1/simulations/" .. simulation .. "/jobs", spec).id
    end
    local id = make(named)
    assert.equal(201, s:request("PUT", "/v1/jobs/" .. id .. "/files/in.txt", { body = "named" }).status)
    assert.equal("named", process.read(named .. "/in.txt"))
    s:make("/v1/jobs/" .. id .. "/release", "", { status = 202 })
    s:job_in(id)
    assert.equal("named", s:get("/v1/jobs/" .. id .. "/stdout").body)
    local response = s:request("PUT", "/v1/jobs/" .. make(s.data) .. "/files/in.txt", { body = "x" })
    assert.equal(422, response.status)
    assert.matches("data directory", response.json.detail)
    response = s:request("PUT", "/v1/jobs/" .. make(named .. "/absent") .. "/files/in.txt", { body = "x" })
    assert.equal(404, response.status)
    s:stop()
  end)

  it("leave nothing when the server is killed in the middle", function()
    local s = server.start { resources = LOCAL }
    local simulation = s:simulation()
    local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/true", submit = false }).id
    local connection = s:connect()
    connection:send_raw(("PUT /v1/jobs/%s/files/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 4000000\r\n\r\n%s")
      :format(id, s.token, ("x"):rep(2000000)))
    process.eventually("the writing", function() return process.run("test -d " .. s.data .. "/jobs/" .. simulation) == 0 end)
    process.run "sleep 0.2"
    s:kill()
    connection:close()
    s:restart()
    assert.equal("", shell(("find %s/jobs -type f"):format(s.data)))
    assert.equal(404, s:get("/v1/jobs/" .. id .. "/files/x").status)
    assert.equal(201, s:request("PUT", "/v1/jobs/" .. id .. "/files/x", { body = "x" }).status)
    s:stop()
  end)

  -- A gigabyte, of which a worker holds what is on the way and no more.
  it("of any size take a bounded memory", function()
    local s = server.start { resources = LOCAL }
    local simulation = s:simulation()
    local id = s:make("/v1/simulations/" .. simulation .. "/jobs", { executable = "/bin/true", submit = false }).id
    local function memory() return tonumber(process.read(("/proc/%d/status"):format(s.pid)):match "VmHWM:%s*(%d+)") // 1024 end
    local before, most = memory(), server.sanitized and 400 or 48 -- MiB
    local size = os.getenv "ORRERY_TEST_ALL" and 1 << 30 or 1 << 28
    shell(("head -c %d /dev/zero | curl -sf -T - -H 'Authorization: Bearer %s' %s/v1/jobs/%s/files/much"):format(size, s.token,
      s.url, id))
    assert.equal(size, s:read("/v1/jobs/" .. id .. "/files").items[1].size)
    assert.is_true(memory() - before < most, ("%d MiB, and before %d"):format(memory(), before))
    s:stop()
  end)
end)
