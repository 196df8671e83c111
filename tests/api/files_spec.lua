-- The files of a job: output, ranges, listings, and no way out of the job's directory.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local BIG = 3 * 1024 * 1024 + 17

for _, workers in ipairs { 1, 2 } do
  describe(("files, %d API worker(s):"):format(workers), function()
    local s, simulation, job, folder, path

    setup(function()
      s = server.start { workers = workers }
      simulation = s:simulation()
      job = s:job_in(s:job(simulation).id)
      folder, path = job.directory, "/v1/jobs/" .. job.id
      local code, output = process.run(([[
        mkdir -p %s/sub/deep && cd %s || exit 1
        printf '0123456789' >stdout; : >stderr; echo '{"a":1}' >results.json
        echo csv >t.CSV; echo a >"sub/a b.txt"; echo c >sub/deep/c; echo u >"sub/ü+%%.dat"
        head -c %d /dev/urandom >big; mkfifo pipe; mkdir empty
        ln -s sub/deep/c inside; ln -s /etc/passwd outside; ln -s .. up; ln -s nowhere dangling; ln -s loop loop
        echo secret >../secret]]):format(folder, folder, BIG))
      assert(code == 0, output)
    end)
    teardown(function() s:stop() end)

    local function problem_of(response) return { response.status, response.json.type } end

    it("before a job has started there is none", function()
      local fresh = "/v1/jobs/" .. s:job(simulation, nil, { submit = false }).id
      for _, what in ipairs { "/stdout", "/stderr", "/files", "/files/x" } do
        local response = s:get(fresh .. what)
        assert.same({ 404, "/problems/not-found" }, problem_of(response))
        assert.matches("the job has not started", response.json.detail)
      end
    end)

    it("stdout and stderr", function()
      local response = s:get(path .. "/stdout")
      assert.same({ 200, "0123456789", "text/plain; charset=utf-8", "10", "bytes", "nosniff" }, { response.status, response.body,
        response.headers["content-type"], response.headers["content-length"], response.headers["accept-ranges"],
        response.headers["x-content-type-options"] })
      response = s:get(path .. "/stderr")
      assert.same({ 200, "", "0" }, { response.status, response.body, response.headers["content-length"] })
      local silent = s:job_in(s:job(simulation).id)
      response = s:get("/v1/jobs/" .. silent.id .. "/stdout")
      assert.same({ 404, "/problems/not-found" }, problem_of(response))
    end)

    it("ranges", function()
      local function range(value) return s:get(path .. "/stdout", { headers = { Range = value } }) end
      for value, expected in pairs { ["bytes=0-3"] = { "0123", "0-3" }, ["bytes=4-"] = { "456789", "4-9" },
        ["bytes=-3"] = { "789", "7-9" }, ["bytes=9-9"] = { "9", "9-9" }, ["bytes=0-99"] = { "0123456789", "0-9" },
        ["bytes=-99"] = { "0123456789", "0-9" } } do
        local response = range(value)
        assert.same({ 206, expected[1], "bytes " .. expected[2] .. "/10" },
          { response.status, response.body, response.headers["content-range"] }, value)
      end
      for _, value in ipairs { "bytes=10-", "bytes=99-100", "bytes=-0", "bytes=5-4", "bytes=99999999999999999999-" } do
        local response = range(value)
        assert.same({ 416, "/problems/range-not-satisfiable", "bytes */10" },
          { response.status, response.json.type, response.headers["content-range"] }, value)
      end
      for _, value in ipairs { "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "0-3" } do -- not understood
        assert.same({ 200, "0123456789" }, { range(value).status, range(value).body }, value)
      end
      assert.equal(416, s:get(path .. "/stderr", { headers = { Range = "bytes=0-" } }).status)
    end)

    it("a file that grows is read on from where it was", function()
      process.run(("printf abc >%s/growing"):format(folder))
      assert.equal("abc", s:get(path .. "/files/growing").body)
      process.run(("printf def >>%s/growing"):format(folder))
      assert.equal("def", s:get(path .. "/files/growing", { headers = { Range = "bytes=3-" } }).body)
      assert.equal(416, s:get(path .. "/files/growing", { headers = { Range = "bytes=6-" } }).status)
    end)

    it("large files come whole", function()
      local response = s:get(path .. "/files/big")
      assert.equal(BIG, #response.body)
      assert.is_true(response.body == process.read(folder .. "/big"))
      response = s:get(path .. "/files/big", { headers = { Range = ("bytes=%d-"):format(BIG - 5) } })
      assert.equal(process.read(folder .. "/big"):sub(-5), response.body)
      response = s:request("HEAD", path .. "/files/big")
      assert.same({ 200, tostring(BIG), "" }, { response.status, response.headers["content-length"], response.body })
    end)

    it("a client that leaves in the middle harms nobody", function()
      for _ = 1, 5 do
        local connection = s:send("GET", path .. "/files/big")
        connection.socket:receive(1000)
        connection:close()
      end
      assert.equal(BIG, #s:get(path .. "/files/big").body)
    end)

    it("entity tags", function()
      local tag = s:get(path .. "/files/t.CSV").headers.etag
      assert.equal(304, s:get(path .. "/files/t.CSV", { headers = { ["If-None-Match"] = tag } }).status)
      process.run(("echo more >>%s/t.CSV"):format(folder))
      assert.equal(200, s:get(path .. "/files/t.CSV", { headers = { ["If-None-Match"] = tag } }).status)
    end)

    it("types by name", function()
      for name, kind in pairs { ["results.json"] = "application/json", ["t.CSV"] = "text/csv; charset=utf-8",
        ["sub/a%20b.txt"] = "text/plain; charset=utf-8", big = "application/octet-stream" } do
        assert.equal(kind, s:get(path .. "/files/" .. name).headers["content-type"])
      end
    end)

    it("listings", function()
      local found = {}
      for _, item in ipairs(s:read(path .. "/files").items) do
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT", item.modified_at)
        found[#found + 1] = item.path .. ":" .. item.type
      end
      table.sort(found)
      assert.equal("big:file dangling:link empty:directory growing:file inside:link loop:link outside:link pipe:other "
        .. "results.json:file stderr:file stdout:file sub:directory t.CSV:file up:link", table.concat(found, " "))
      local deep = {}
      for _, item in ipairs(s:read(path .. "/files?recursive=1").items) do deep[item.path] = item end
      assert.is_truthy(deep["sub/deep/c"] and deep["sub/a b.txt"] and deep["sub/ü+%.dat"])
      assert.equal(BIG, deep.big.size)
      assert.is_nil(deep["up/1"])
      assert.equal("sub/deep/c", s:read(path .. "/files/sub/deep").items[1].path)
      assert.equal("sub/deep/c", s:read(path .. "/files/sub/deep/").items[1].path)
      assert.is_truthy(s:get(path .. "/files/empty").body:find('"items":[]', 1, true))
      assert.equal(400, s:get(path .. "/files?recursive=2").status)
    end)

    it("names as they are, once decoded", function()
      assert.equal("u\n", s:get(path .. "/files/sub/%C3%BC+%25.dat").body)
      assert.equal("a\n", s:get(path .. "/files/sub%2Fa%20b.txt").body)
      assert.equal("c\n", s:get(path .. "/files/inside").body)
    end)

    it("there is no way out", function()
      local ways = { "..", "../secret", "%2e%2e/secret", "..%2fsecret", "sub/../../secret", "sub/%2e%2e/%2e%2e/secret",
        "up/secret", "outside", "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "../../../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "sub/deep/../../../secret", "loop", "up", ("n"):rep(300), ("a/"):rep(3000) }
      for _, way in ipairs(ways) do
        local response = s:get(path .. "/files/" .. way)
        assert.is_true(response.status == 404 or response.status == 422 or response.status == 400, way .. ": " .. response.status)
        assert.is_nil(response.body:find "secret\n", way)
        assert.is_nil(response.body:find "root:", way)
        assert.matches("^/problems/", response.json.type)
      end
      assert.same({ 400 }, { s:get(path .. "/files/a%00b").status })
      assert.equal("0123456789", s:get(path .. "/files/sub/../stdout").body)
    end)

    it("what is no file is not read", function()
      for _, name in ipairs { "pipe", "dangling", "nowhere", "stdout/x" } do
        assert.same({ 404, "/problems/not-found" }, problem_of(s:get(path .. "/files/" .. name)), name)
      end
    end)

    it("output and files where the user wants them", function()
      local place = s.directory .. "/place" .. workers
      assert(process.run("mkdir -p " .. place) == 0)
      process.write(place .. "/out.txt", "elsewhere")
      process.write(place .. "/err.txt", "wrong")
      local own = s:job_in(s:job(simulation, nil, { directory = place, stdout_path = "out.txt", stderr_path = place .. "/err.txt" }).id)
      assert.equal("elsewhere", s:get("/v1/jobs/" .. own.id .. "/stdout").body)
      assert.equal("wrong", s:get("/v1/jobs/" .. own.id .. "/stderr").body)
      assert.equal(2, #s:read("/v1/jobs/" .. own.id .. "/files").items)
      assert.equal("elsewhere", s:get("/v1/jobs/" .. own.id .. "/files/out.txt").body)
    end)

    it("the output of a sweep's job, named by its parameters", function()
      local sweep = s:make("/v1/simulations/" .. simulation .. "/sweeps", { parameters = { n = { 1, 2 } },
        template = { executable = "/bin/true", stdout_path = "out-${n}" } })
      s:finished(simulation)
      local second = s:all("/v1/jobs?sweep=" .. sweep.id)[2]
      process.run("mkdir -p " .. second.directory)
      process.write(second.directory .. "/out-2", "two")
      assert.equal("two", s:get("/v1/jobs/" .. second.id .. "/stdout").body)
    end)
  end)
end

-- Files are read as the server's own user: a job must not lend its owner that user's eyes.
describe("files the server may read,", function()
  local s, alice, bob, simulation, place, kept, moved, listed, written, bare

  local function problem_of(path, token)
    local response = s:get(path, { token = token })
    return { response.status, response.json and response.json.type }
  end

  setup(function()
    s = server.start()
    alice, bob = s:token_of "alice", s:token_of("bob", "operator")
    simulation = s:simulation("lent", { token = alice })
    place = s.directory .. "/place"
    local function job(more) return s:job_in(s:job(simulation, nil, more, { token = alice }).id) end
    kept, moved = job(), job()
    assert(process.run(("mkdir -p %s %s %s/sub %s"):format(place, kept.directory, place, moved.directory)) == 0)
    process.write(kept.directory .. "/stdout", "kept")
    process.write(place .. "/sub/out.txt", "elsewhere")
    listed = job { directory = place }
    bare = job { directory = place, stdout_path = "sub/out.txt" }
    written = job { stdout_path = place .. "/sub/out.txt" }
  end)
  teardown(function() s:stop() end)

  it("anywhere but in its data directory, while everybody may run jobs as that user", function()
    local root = s:job_in(s:job(simulation, nil, { directory = "/" }, { token = alice }).id)
    assert.equal(200, s:get("/v1/jobs/" .. root.id .. "/files/etc/passwd", { token = alice }).status)
    for _, name in ipairs { "/admin.token", "/orrery.db", "/orrery.db-wal", "/server.json", "" } do
      local path = s.data .. name
      assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. root.id .. "/files" .. path, alice), path)
      assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. root.id .. "/files" .. path), path)
    end
    local inside = s:job_in(s:job(simulation, nil, { directory = s.data, stdout_path = "admin.token",
      stderr_path = s.data .. "/orrery.db" }, { token = alice }).id)
    for _, what in ipairs { "/stdout", "/stderr", "/files", "/files/admin.token", "/files/jobs" } do
      assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. inside.id .. what, alice), what)
    end
    local link = s:job_in(s:job(simulation, nil, { directory = place }, { token = alice }).id)
    process.run(("ln -sfn %s %s/link; ln -sfn %s/link %s/../linked"):format(s.data, place, place, place))
    assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. link.id .. "/files/link/admin.token", alice))
    link = s:job_in(s:job(simulation, nil, { directory = s.directory .. "/linked" }, { token = alice }).id)
    assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. link.id .. "/files/admin.token", alice))
    local above = s:job_in(s:job(simulation, nil, { directory = s.directory }, { token = alice }).id)
    local body = s:get("/v1/jobs/" .. above.id .. "/files?recursive=1", { token = alice }).body
    assert.is_truthy(body:find("place/sub/out.txt", 1, true))
    assert.is_nil(body:find("admin.token", 1, true))
  end)

  it("a link in the place of a job's own directory leads nowhere", function()
    process.run(("rmdir %s && ln -s %s %s"):format(moved.directory, kept.directory, moved.directory))
    for _, what in ipairs { "/stdout", "/files", "/files/stdout" } do
      assert.same({ 422, "/problems/invalid-value" }, problem_of("/v1/jobs/" .. moved.id .. what, alice), what)
    end
  end)

  it("afterwards, a job's own directory alone; the others are for administrators", function()
    s:stop(true)
    s:restart { single_user = false }
    assert.equal("kept", s:get("/v1/jobs/" .. kept.id .. "/stdout", { token = alice }).body)
    assert.equal(200, s:get("/v1/jobs/" .. kept.id .. "/files", { token = alice }).status)
    for _, path in ipairs { listed.id .. "/files", listed.id .. "/files/sub/out.txt", bare.id .. "/stdout",
      written.id .. "/stdout" } do
      for _, token in ipairs { alice, bob } do
        local response = s:get("/v1/jobs/" .. path, { token = token })
        assert.same({ 403, "/problems/forbidden" }, { response.status, response.json.type }, path)
        assert.matches("The files in /.*place.* would be read as the server's own user", response.json.detail)
        assert.matches("single_user", response.json.detail)
      end
      assert.equal(200, s:get("/v1/jobs/" .. path).status, path)
    end
    assert.equal(404, s:get("/v1/jobs/" .. listed.id .. "/stdout", { token = alice }).status) -- its own, and never written
    assert.same({ 404, "/problems/not-found" }, problem_of("/v1/jobs/" .. written.id .. "/stderr", alice))
  end)
end)

describe("a job that its resource has given back", function()
  it("keeps the files of its attempts", function()
    local s = server.start()
    local job = s:job_in(s:job(s:simulation()).id)
    local id = job.id
    assert(process.run("mkdir -p " .. job.directory) == 0)
    process.write(job.directory .. "/stdout", "once\n")
    s:make("/v1/resources/fake/drain", "", { status = 200 })
    s:post("/v1/jobs/" .. id .. "/retry")
    process.eventually("a job of no resource", function() return s:read("/v1/jobs/" .. id).resource == http.null end)
    assert.equal("once\n", s:get("/v1/jobs/" .. id .. "/stdout").body)
    assert.equal(200, s:get("/v1/jobs/" .. id .. "/files").status)
    s:stop()
  end)
end)
