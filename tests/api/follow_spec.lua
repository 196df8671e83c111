-- ?follow=1: what a job writes, while it writes it.
local process = require "support.process"
local server = require "support.server"

-- A stream whose pieces are received one by one.
local follower = {}
follower.__index = follower

local function follow(s, path, options)
  local self = setmetatable({ connection = s:send("GET", path, options), headers = {}, got = "" }, follower)
  local socket = self.connection.socket
  self.status = tonumber(assert(socket:receive "*l"):match " (%d+) ")
  for line in function() return assert(socket:receive "*l") end do
    if line == "" then break end
    local name, value = line:match "^([^:]+): (.*)$"
    self.headers[name:lower()] = value
  end
  return self
end

-- The next piece → false at the stream's end; nil when it broke off.
function follower:piece()
  local socket = self.connection.socket
  local line = socket:receive "*l"
  if not line then return nil end
  local size = tonumber(line, 16)
  local bytes = size > 0 and assert(socket:receive(size))
  assert(socket:receive "*l" == "")
  if size == 0 then return false end
  self.got = self.got .. bytes
  return bytes
end

-- All that comes until so much has been received.
function follower:until_it_has(text)
  while not self.got:find(text, 1, true) do assert(self:piece(), "the stream ended without " .. text) end
  return self.got
end

-- All that comes → and whether it broke off.
function follower:rest()
  while true do
    local piece = self:piece()
    if not piece then return self.got, piece == nil end
  end
end

for _, workers in ipairs { 1, 2 } do
  describe(("following output, %d API worker(s):"):format(workers), function()
    local s, simulation

    setup(function()
      s = server.start { workers = workers, resources = server.FAKE .. 'resource "local" { scheduler = "local", poll_ms = 100 }' }
      simulation = s:simulation()
    end)
    teardown(function() s:stop() end)

    -- A job that says "begun" and then follows orders: each line of the file `orders` beside it is a command.
    local function obedient(more)
      local spec = { resource = "local", script = [[
        printf begun; mkfifo orders; exec 3<>orders; : >ready
        while read -r order <&3; do [ "$order" = end ] && break; eval "$order"; done]] }
      for name, value in pairs(more or {}) do spec[name] = value end
      return s:make("/v1/simulations/" .. simulation .. "/jobs", spec)
    end
    local function order(job, ...)
      local directory = s:job_in(job.id, "ACTIVE").directory
      process.eventually("the job", function() return process.read(directory .. "/ready") end)
      for _, command in ipairs { ... } do
        assert(process.run(("echo %s >%s/orders"):format(process.quote(command), directory)) == 0)
      end
    end

    local function path_of(job, more) return "/v1/jobs/" .. job.id .. "/stdout?follow=1" .. (more or "") end

    it("it comes as it is written, and ends with the job", function()
      local job = obedient()
      local stream = follow(s, path_of(job))
      assert.same({ 200, "chunked", "text/plain; charset=utf-8", "no-store", "nosniff" }, { stream.status,
        stream.headers["transfer-encoding"], stream.headers["content-type"], stream.headers["cache-control"],
        stream.headers["x-content-type-options"] })
      stream:until_it_has "begun"
      order(job, "printf ,one")
      stream:until_it_has "one"
      assert.equal("ACTIVE", s:read("/v1/jobs/" .. job.id).state)
      order(job, "printf ,two; printf wrong >&2; printf ,three", "end")
      local got, broken = stream:rest()
      assert.same({ "begun,one,two,three", false }, { got, broken })
      assert.equal("COMPLETED", s:job_in(job.id).state)
      assert.same({ "begun,one,two,three", "wrong" }, { s:get(path_of(job)).body,
        s:get("/v1/jobs/" .. job.id .. "/stderr?follow=1").body })
    end)

    it("also from before the job has started", function()
      local job = obedient { hold = true }
      local stream = follow(s, path_of(job))
      assert.equal(200, stream.status)
      s:post("/v1/jobs/" .. job.id .. "/release")
      stream:until_it_has "begun"
      order(job, "end")
      assert.same({ "begun", false }, { stream:rest() })
    end)

    it("a job that never starts ends its streams", function()
      local job = obedient { hold = true }
      local stream = follow(s, path_of(job))
      s:post("/v1/jobs/" .. job.id .. "/cancel")
      assert.same({ "", false }, { stream:rest() })
      assert.equal(404, s:get(path_of(job)).status)
    end)

    it("from an offset, and from and to the bytes of a range", function()
      local job = obedient()
      local last, tail, some = follow(s, path_of(job, "&offset=7")),
        follow(s, path_of(job), { headers = { Range = "bytes=3-" } }),
        follow(s, path_of(job), { headers = { Range = "bytes=3-6" } })
      assert.same({ 200, 206, 206 }, { last.status, tail.status, some.status })
      assert.same({ "bytes 3-9007199254740991/*", "bytes 3-6/*" }, { tail.headers["content-range"], some.headers["content-range"] })
      order(job, "printf 56789")
      assert.same({ "un56", false }, { some:rest() }) -- has all it wanted, while the job runs
      order(job, "end")
      assert.same({ "789", "un56789" }, { (last:rest()), (tail:rest()) })
      assert.same({ "", "89" }, { s:get(path_of(job, "&offset=99")).body, s:get(path_of(job, "&offset=8")).body })
      for _, range in ipairs { "bytes=-3", "bytes=5-4", "bytes=x-", "lines=1-2", "bytes=99999999999999999999-" } do
        local response = s:get(path_of(job), { headers = { Range = range } }) -- not understood
        assert.same({ 200, "begun56789" }, { response.status, response.body })
      end
      assert.equal(400, s:get("/v1/jobs/" .. job.id .. "/stdout?offset=3").status)
      assert.equal(400, s:get(path_of(job, "&offset=-1")).status)
      assert.same({ 200, "" }, { s:request("HEAD", path_of(job)).status, s:request("HEAD", path_of(job)).body })
    end)

    it("is for those who may see the job", function()
      local job = obedient { hold = true }
      assert.equal(404, s:get(path_of(job), { token = s:token_of "bob" }).status)
      s:post("/v1/jobs/" .. job.id .. "/cancel")
    end)

    it("in a folder of the user's choice, what lay there before is not shown", function()
      local folder = s.directory .. "/place" .. workers
      process.run("mkdir -p " .. folder)
      process.write(folder .. "/out", "old and long")
      local job = obedient { hold = true, stdout_path = folder .. "/out" }
      local stream = follow(s, path_of(job))
      s:post("/v1/jobs/" .. job.id .. "/release")
      assert.equal("begun", stream:until_it_has "begun")
      order(job, "end")
      assert.same({ "begun", false }, { stream:rest() })
    end)

    it("a slow reader holds up nobody else", function()
      local job = obedient()
      local slow, fast = follow(s, path_of(job)), follow(s, path_of(job))
      order(job, "head -c 8000000 /dev/zero | tr '\\0' x; printf end", "end")
      assert.equal(8000008, #fast:until_it_has "end")
      assert.equal("COMPLETED", s:job_in(job.id).state)
      local got, broken = slow:rest()
      assert.same({ 8000008, false }, { #got, broken })
    end)

    it("a hundred follow at once, and leave", function()
      local job, streams = obedient { hold = true }, {}
      for i = 1, 100 do streams[i] = follow(s, path_of(job)) end
      s:post("/v1/jobs/" .. job.id .. "/release")
      for _, stream in ipairs(streams) do stream:until_it_has "begun" end
      for i = 1, 50 do streams[i].connection:close() end
      order(job, "printf more", "end")
      for i = 51, 100 do assert.same({ "begunmore", false }, { streams[i]:rest() }) end
    end)

    it("a token that is revoked, or a server that ends, breaks it off", function()
      local job = obedient()
      local token = s:make("/v1/tokens", { owner = "carol", role = "operator" })
      local revoked = follow(s, path_of(job), { token = token.token })
      revoked:until_it_has "begun"
      s:delete("/v1/tokens/" .. token.id)
      local _, broken = revoked:rest()
      assert.is_true(broken)
      local stream = follow(s, path_of(job))
      stream:until_it_has "begun"
      s:stop(true)
      assert.same({ "begun", true }, { stream:rest() })
      s:restart()
      stream = follow(s, path_of(job, "&offset=2"))
      order(job, "end")
      assert.same({ "gun", false }, { stream:rest() })
    end)
  end)
end
