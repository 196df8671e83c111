-- Talking to the server: one session a command. `send` gives back whatever happens; `get`, `post` and the rest end
-- the command when the answer is not what was asked for. Commands that must outlive a server's restart use `patiently`.
local client = require "house.client"
local exit = require "orrery.cli.exit"
local json = require "house.json"
local out = require "orrery.cli.out"
local program = require "house.program"
local refusal = require "orrery.cli.refusal"
local server = require "orrery.cli.server"
local terminal = require "house.terminal"

local ANSWER_MS = 300000 -- beyond what was asked to wait for; a large sweep takes its time
local PATIENCE_MS = 10 * 60000 -- how long a server may be away
local FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 250, 5000

---@class session
local session = {}
session.__index = session

function session.open(arguments)
  return setmetatable({ arguments = arguments, where = server.find(arguments) }, session)
end

local function escape(value)
  return (tostring(value):gsub("[^%w%-._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

---A path of segments that may hold anything: path("/v1/jobs", id, "files", name). But for "", "." and "..", which would
---make it another path: they end the command.
function session.path(first, ...)
  local parts = { first }
  for _, segment in ipairs { ... } do
    if segment == "" or segment == "." or segment == ".." then
      exit.fail(exit.USAGE, "%q can be no part of what is asked for: give an id, or names below a job's directory", segment)
    end
    parts[#parts + 1] = escape(segment)
  end
  return table.concat(parts, "/")
end

-- The query and one more member.
local function with(query, name, value)
  local result = { [name] = value }
  for key, other in pairs(query or {}) do result[key] = other end
  return result
end

-- Keys in order, so that a request looks the same every time.
local function query_of(query)
  local parts = {}
  for name, value in pairs(query) do parts[#parts + 1] = escape(name) .. "=" .. escape(value) end
  table.sort(parts)
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

local function headers_of(self, request)
  local headers = { Accept = request.accept or "application/json", ["User-Agent"] = "orrery/" .. program.version }
  if self.where.token then headers.Authorization = "Bearer " .. self.where.token end
  if request.body then headers["Content-Type"] = "application/json" end
  headers["Idempotency-Key"] = request.key
  headers["If-None-Match"] = request.etag
  headers.Range = request.range
  headers["Last-Event-ID"] = request.last_event_id
  return headers
end

---One exchange. `body` is a value to be sent as JSON, `wait` how many seconds the server may keep the answer back.
---@param request {method:string|nil, path:string, query:table|nil, body:any, key:string|nil, accept:string|nil,
---  etag:string|nil, range:string|nil, last_event_id:string|nil, wait:number|nil, tick:function|nil, sink:function|nil,
---  source:function|nil, body_size:integer|nil} see house.client
---@return integer|nil status, table|string headers, string body or nil, code, sentence; status 0: a signal was caught
function session:send(request)
  local status, headers, body = client.request {
    method = request.method or "GET",
    url = self.where.url .. request.path .. query_of(with(request.query, "wait", request.wait)),
    headers = headers_of(self, request),
    body = request.body and json.encode(request.body),
    timeout_ms = not (request.sink or request.source) and math.ceil((request.wait or 0) * 1000) + ANSWER_MS or nil,
    sink = request.sink,
    source = request.source,
    body_size = request.body_size,
    tick = request.tick,
    wake = self.wake,
  }
  self.answered = self.answered or (status or 0) > 0
  return status, headers, body
end

---The final states, of jobs and of simulations.
session.ended = { COMPLETED = true, FAILED = true, CANCELED = true }

---From now on signals are caught: requests and pauses end early, and `caught` tells which signal it was.
function session:catch_signals() self.wake = terminal.catch() end

session.caught = terminal.caught

---After a signal: says that what was watched goes on, and how to come back to it.
---@param what string "job"
---@param verb string the command to come back with, "logs -f"
---@return integer exit code
function session:leave(what, verb, id)
  local command = self.where.command
  out.say(("The %s goes on.\n  come back: %s\n  cancel it: %s"):format(what, command("%s %s", verb, id),
    command("cancel %s", id)))
  return exit.by_signal(terminal.caught())
end

---Looks again where the server is: after a restart it may be on another port, with another token.
function session:find_again()
  local found, where = pcall(server.find, self.arguments)
  if found then self.where = where end
end

---Ends the command as the answer of `send` demands, unless all is well or the status is one of `expected`.
function session:check(expected, status, headers, body)
  if status == nil then refusal.no_answer(self.where, body) end
  if status == 0 then exit.fail(exit.by_signal(terminal.caught()), "interrupted") end
  if status < 200 or (status > 299 and not (expected and expected[status])) then
    refusal.fail(self.where, status, body)
  end
  return status, headers, body
end

---@return any value decoded, and its text
function session:get(path, query)
  local _, _, body = self:check(nil, self:send { path = path, query = query })
  return json.decode(body), body
end

local function send_once(self, method, path, body, expected)
  local status, _, answer = self:check(expected, self:patiently {
    method = method, path = path, body = body, key = method == "POST" and program.random() or nil,
  })
  return status, self.decode(answer), answer
end

---Sends what must not happen twice: with a key, so that it can be repeated when the server went away half-way.
---@param expected table<integer, boolean>|nil statuses that are no failure
---@return integer status, any value, string body
function session:post(path, body, expected) return send_once(self, "POST", path, body, expected) end
function session:patch(path, body, expected) return send_once(self, "PATCH", path, body, expected) end
function session:delete(path, expected) return send_once(self, "DELETE", path, nil, expected) end

-- What a restart looks like from outside.
local function away(status) return status == nil or status == 502 or status == 503 or status == 504 end

---`send`, repeated while a server that has answered before is away.
---@param request table as for `send`
---@param trouble function|nil told the sentence while waiting, and nothing when it is over
function session:patiently(request, trouble)
  local pause, left = FIRST_PAUSE_MS, trouble and PATIENCE_MS or LONGEST_PAUSE_MS
  trouble = trouble or function() end
  while true do
    local status, headers, body = self:send(request)
    if not away(status) or not self.answered or left <= 0 or terminal.caught() then
      trouble()
      return status, headers, body
    end
    trouble(status and refusal.text(body, status) or body)
    terminal.sleep(pause)
    pause, left = math.min(pause * 2, LONGEST_PAUSE_MS), left - pause
    self:find_again()
  end
end

---The items of a list, page by page.
---@param query table<string, any>|nil
---@return fun():table|nil iterator
function session:items(path, query)
  local page, at, cursor = {}, 0, nil
  return function()
    at = at + 1
    if at > #page and cursor ~= json.null then
      local answer = self:get(path, with(query, "cursor", cursor))
      page, at, cursor = answer.items, 1, answer.next or json.null
    end
    return page[at]
  end
end

---The value with its nulls left out: absent is nil, everywhere. Changes the value itself.
function session.without_nulls(value)
  if type(value) ~= "table" then return value end
  for name, member in pairs(value) do
    if member == json.null then value[name] = nil else session.without_nulls(member) end
  end
  return value
end

---What a JSON text says, without nulls.
function session.decode(body) return session.without_nulls((json.decode(body))) end

return session
