-- A real server for black-box tests: started from ORRERY_BUILD with a configuration and a data directory of its own, and
-- spoken to over its port alone. At its end it must exit with 0 and have no error in its log that was not announced.
local http = require "support.http"
local process = require "support.process"

local server = {}
server.__index = server

local build = assert(os.getenv "ORRERY_BUILD", "ORRERY_BUILD must name the build directory")
server.build = build
server.program = build .. "/orrery"
server.top = select(2, process.run "pwd"):match "[^\n]+"
server.sanitized = (process.read(build .. "/CMakeCache.txt") or ""):find "ORRERY_SANITIZE:BOOL=ON" ~= nil
server.plugins = server.top .. "/tests/plugins"

server.FAKE = 'resource "fake" { scheduler = "fake", poll_ms = 100 }\n'

local function configuration(self, options)
  return table.concat({
    ('listen = "%s"'):format(options.listen or "127.0.0.1:0"),
    ("data = %q"):format(self.data),
    ("workers = %d"):format(options.workers or 1),
    ("schedulers = %q"):format(options.schedulers or server.plugins),
    ("single_user = %s"):format(options.single_user ~= false),
    'log = { level = "info" }',
    options.config or "",
    options.resources or server.FAKE,
  }, "\n") .. "\n"
end

---Prepares a server without starting it. Options: workers, resources and config (text of the configuration), listen,
---single_user, data, wrapper (words before the program), directory, account (whose the directory is to be).
function server.new(options)
  options = options or {}
  local self = setmetatable({ options = options, announced = {} }, server)
  self.directory = options.directory or process.temporary()
  self.data = options.data or self.directory .. "/data"
  process.write(self.directory .. "/orrery.lua", configuration(self, options))
  if options.account then process.run(("chown %s %s"):format(options.account, process.quote(self.directory))) end
  return self
end

---Starts the program, without waiting until it serves.
function server:launch()
  self.command = ("%s %s serve --config %s/orrery.lua"):format(self.options.wrapper or "", server.program, self.directory)
  process.write(self.directory .. "/log", "")
  self.process = process.start(self.command, self.directory)
  return self
end

---Waits until it serves.
function server:ready()
  local text = process.eventually("server.json", function()
    local code = self.process:ended()
    if code then error(("the server ended with %d: %s"):format(code, self:log()), 0) end
    return process.read(self.data .. "/server.json")
  end, 60)
  local told = http.decode(text)
  self.url, self.pid = told.url, told.pid
  self.host, self.port = told.url:match "^http://(.*):(%d+)$"
  self.token = self.token or process.read(told.token_file):gsub("\n", "")
  return self
end

function server.start(options) return server.new(options):launch():ready() end

---Starts it again on the same data, with other options if given.
function server:restart(options)
  for name, value in pairs(options or {}) do self.options[name] = value end
  process.write(self.directory .. "/orrery.lua", configuration(self, self.options))
  self:disconnect()
  return self:launch():ready()
end

function server:log() return process.read(self.directory .. "/log") or "" end

---A line of the log whose fields match all the given patterns | nil
function server:logged(patterns)
  for text in self:log():gmatch "{[^\n]+}" do
    local line, matches = http.decode(text), true
    for name, pattern in pairs(patterns) do matches = matches and tostring(line[name]):find(pattern) end
    if matches then return line end
  end
end

---Announces a pattern of lines in the log that may be errors.
function server:announce(pattern) table.insert(self.announced, pattern) end

local function is_complaint(line)
  return line:find('"level":"error"', 1, true) or line:find "Sanitizer" or line:find "runtime error"
end

function server:complaints()
  local found = {}
  for line in self:log():gmatch "[^\n]+" do
    local announced = not is_complaint(line)
    for _, pattern in ipairs(self.announced) do announced = announced or line:find(pattern) ~= nil end
    if not announced then found[#found + 1] = line end
  end
  return table.concat(found, "\n")
end

-- Ends ----------------------------------------------------------------------------------------------------------

function server:disconnect()
  if self.connection then self.connection:close() end
  self.connection = nil
end

---As if the machine had lost its power, as far as this process is concerned.
function server:kill()
  self:disconnect()
  self.process:signal "KILL"
  self.process:wait()
  self.process:close()
  os.remove(self.data .. "/server.json") -- it could not take it away itself
end

---Asks it to end, and checks that it did so well; removes what it wrote.
function server:stop(keep)
  self:disconnect()
  if not self.process.signalled then self.process:signal "TERM" end
  local code = self.process:wait(60)
  self.process:close()
  local complaints = self:complaints()
  assert(code == 0, ("the server ended with %d: %s"):format(code, self:log():sub(-4000)))
  assert(complaints == "", "errors in the server's log:\n" .. complaints)
  if not keep then self:remove() end
end

function server:remove() process.run("rm -rf " .. process.quote(self.directory)) end

-- Requests ------------------------------------------------------------------------------------------------------

function server:connect() return http.connect(self.host, self.port) end

local function headers_of(self, options)
  local headers = {}
  if options.token ~= false then headers.Authorization = "Bearer " .. (options.token or self.token) end
  if type(options.body) == "table" then headers["Content-Type"] = "application/json" end
  if options.key then headers["Idempotency-Key"] = options.key end
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  return headers
end

---Sends a request on a connection of its own, or the one given, without waiting for the answer → the connection.
---Options: token (false: none), headers, body (text, or a table for JSON), key (Idempotency-Key), connection.
function server:send(method, target, options)
  options = options or {}
  local connection = options.connection or self:connect()
  connection:send(method, target, headers_of(self, options), options.body)
  return connection
end

---Sends a request and waits for its answer. The connection is kept; one that the server has closed is made anew.
function server:request(method, target, options)
  for attempt = 1, 2 do
    local kept = self.connection and self.connection.socket
    if not kept then self.connection = self:connect() end
    options = options or {}
    self.connection:send(method, target, headers_of(self, options), options.body)
    local response, why = self.connection:receive()
    if response then return response end
    self:disconnect()
    if not kept or attempt == 2 then error(("%s %s: %s"):format(method, target, why), 2) end
  end
end

function server:get(target, options) return self:request("GET", target, options) end

function server:post(target, body, options)
  local all = { body = body or "" }
  for name, value in pairs(options or {}) do all[name] = value end
  return self:request("POST", target, all)
end

function server:patch(target, body) return self:request("PATCH", target, { body = body }) end
function server:delete(target, options) return self:request("DELETE", target, options) end

-- What most tests need -------------------------------------------------------------------------------------------

local function expect(status, response)
  if response.status ~= status then
    error(("expected %d, got %d: %s"):format(status, response.status, response.body), 3)
  end
  return response.json
end

---GET that must be 200 → the decoded body.
function server:read(target, options) return expect(200, self:get(target, options)) end

---POST that must be 201 (or another status) → the decoded body.
function server:make(target, body, options)
  return expect(options and options.status or 201, self:post(target, body, options))
end

function server:simulation(name, options) return self:make("/v1/simulations", { name = name or "test" }, options).id end

---A job of the fake scheduler: `custom` are the keys of tests/plugins/fake.lua.
function server:job(simulation, custom, more, options)
  return self:make("/v1/simulations/" .. simulation .. "/jobs", server.spec(custom, more), options)
end

function server.spec(custom, more)
  local attributes = {}
  for name, value in pairs(custom or {}) do attributes["fake." .. name] = value end
  local spec = { executable = "/bin/true", attributes = next(attributes) and { custom_attributes = attributes } or nil }
  for name, value in pairs(more or {}) do spec[name] = value end
  return spec
end

---Waits until a job is in one of the given states (default: ended) → the job.
function server:job_in(id, ...)
  local wanted = {}
  for _, state in ipairs { ... } do wanted[state] = true end
  if not ... then wanted = { COMPLETED = true, FAILED = true, CANCELED = true } end
  return process.eventually("job in " .. table.concat({ ... }, "|"), function()
    local job = self:read("/v1/jobs/" .. id)
    return wanted[job.state] and job
  end)
end

---Waits until a job of a deleted simulation is gone as well → the answer.
function server:eventually_gone(id)
  return process.eventually("the deletion of a job", function()
    local response = self:get("/v1/jobs/" .. id)
    return response.status ~= 200 and response
  end)
end

---Waits until all jobs of a simulation have ended → the simulation.
function server:finished(id)
  return process.eventually("the end of a simulation", function()
    local simulation = self:read("/v1/simulations/" .. id .. "?wait=10")
    return simulation.state ~= "ACTIVE" and simulation
  end, 120)
end

---The whole of a list, page by page → items.
function server:all(target, options)
  local items, cursor = {}, nil
  repeat
    local separator = target:find("?", 1, true) and "&" or "?"
    local page = self:read(target .. (cursor and separator .. "cursor=" .. cursor or ""), options)
    for _, item in ipairs(page.items) do items[#items + 1] = item end
    cursor = page.next ~= http.null and page.next or nil
  until not cursor
  return items
end

---A token for another owner.
function server:token_of(owner, role)
  return self:make("/v1/tokens", { owner = owner, role = role or "user" }).token
end

---How many of everything are stored: to see that a refused request has left nothing.
function server:counts()
  local database = process.quote(self.data .. "/orrery.db")
  local code, output = process.run(("sqlite3 -readonly %s %s"):format(database, process.quote(
    "SELECT (SELECT count(*) FROM simulations), (SELECT count(*) FROM jobs), (SELECT count(*) FROM sweeps),"
    .. " (SELECT count(*) FROM events), (SELECT count(*) FROM tokens), (SELECT count(*) FROM idempotency),"
    .. " (SELECT count(*) FROM deleted), (SELECT coalesce(sum(jobs), 0) FROM counts)")))
  assert(code == 0, output)
  return output
end

---Asks the database itself → what sqlite3 prints.
function server:sql(query)
  local code, output = process.run(("sqlite3 -readonly %s %s"):format(process.quote(self.data .. "/orrery.db"),
    process.quote(query)))
  assert(code == 0, output)
  return (output:gsub("\n$", ""))
end

return server
