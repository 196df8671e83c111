-- What Orrery is compared with, from peers/: the bare programs, which print their numbers, and two servers.
local http = require "support.http"
local process = require "support.process"
local socket = require "socket"
local top = require("support.server").top

local peers = {}

local quote = process.quote
local folder = assert(os.getenv "ORRERY_BENCH") .. "/"
local PYTHON = "/usr/bin/python3" -- the one that Debian's packages are for

local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.tointeger(tonumber(port))
end

local server = {}
server.__index = server

-- Starts a server in a directory of its own and waits until it listens.
local function serve(command, directory, port)
  local it = setmetatable({ url = "http://127.0.0.1:" .. port, port = port, directory = directory }, server)
  it.process = process.start(command, directory)
  process.eventually(command, function()
    if it.process:ended() then error("it ended: " .. process.read(directory .. "/log"), 0) end
    local connection = socket.connect("127.0.0.1", port)
    if connection then connection:close() end
    return connection
  end)
  return it
end

---Creates something → what it answers.
function server:post(path, body)
  local connection = http.connect("127.0.0.1", self.port)
  connection:send("POST", path, { ["Content-Type"] = "application/json" }, body)
  local response = assert(connection:receive())
  connection:close()
  assert(response.status == 201, response.body)
  return response.json
end

function server:stop()
  self.process:signal "TERM"
  self.process:wait()
  self.process:close()
  process.run("rm -rf " .. quote(self.directory))
end

function peers.bare_http()
  local port = free_port()
  return serve(quote(folder .. "bare_http") .. " " .. port, process.temporary(), port)
end

---The web framework, with `simulation`, the id of one that is ready for jobs.
function peers.pyramid()
  local port, directory = free_port(), process.temporary()
  local database = "env PYTHONDONTWRITEBYTECODE=1 JOBS_DB=" .. quote(directory .. "/jobs.db")
  local code, output = process.run(("%s %s tests/bench/peers/pyramid_jobs.py"):format(database, PYTHON))
  assert(code == 0, output)
  local it = serve(("%s %s -m gunicorn -w 2 --threads 4 -b 127.0.0.1:%d --chdir %s pyramid_jobs:application"):format(
    database, PYTHON, port, quote(top .. "/tests/bench/peers")), directory, port)
  it.simulation = it:post("/simulations", { name = "bench" }).id
  return it
end

-- Runs a bare program to its end → the numbers that it prints.
local function numbers_of(command)
  local code, output = process.run(quote(folder .. command[1]) .. " " .. table.concat(command, " ", 2))
  if code ~= 0 then error(("%s ended with %d: %s"):format(command[1], code, output)) end
  local numbers = {}
  for word in output:gmatch "%d+" do numbers[#numbers + 1] = tonumber(word) end
  return table.unpack(numbers)
end

---@return number inserts a second
---@return number reads a second
function peers.bare_sqlite(jobs, batch)
  local directory = process.temporary()
  local inserts, reads = numbers_of { "bare_sqlite", directory .. "/jobs.db", jobs, batch }
  process.run("rm -rf " .. quote(directory))
  return inserts, reads
end

---@param what string see the program
---@return number of what it measures
function peers.bare_bus(what, url, ...) return numbers_of { "bare_bus", what, quote(url), ... } end

---Answers calls until it is closed.
function peers.echo(url, queue)
  local directory = process.temporary()
  local it = process.start(("%sbare_bus echo %s %s"):format(folder, quote(url), queue), directory)
  process.eventually("the echo", function() return (process.read(directory .. "/out") or ""):find "serving" end)
  return it
end

---@return number programs a second
function peers.bare_spawn(jobs, width) return numbers_of { "bare_spawn", jobs, width } end

return peers
