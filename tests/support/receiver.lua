-- A receiver of webhooks, as a process of its own (receiver.py), and what it has received.
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local receiver = {}
receiver.__index = receiver

receiver.SECRET = "whsec_" .. ("AAECAwQFBgcI"):rep(3)

---@param options {certificate:string|nil}|nil a PEM file, to be spoken to by TLS
function receiver.start(options)
  local self = setmetatable({ directory = process.temporary(), secret = receiver.SECRET }, receiver)
  local certificate = options and options.certificate
  process.write(self.directory .. "/secret", self.secret)
  self:tell(200)
  self.process = process.start(("python3 %s/tests/support/receiver.py %s %s"):format(server.top, self.directory,
    certificate or ""), self.directory)
  local port = process.eventually("a receiver's port", function() return process.read(self.directory .. "/port") end)
  self.url = ("%s://127.0.0.1:%s"):format(certificate and "https" or "http", port)
  return self
end

---What /as-told answers from now on.
function receiver:tell(status)
  process.write(self.directory .. "/answer.new", tostring(status))
  os.rename(self.directory .. "/answer.new", self.directory .. "/answer")
end

---What comes to /held/NAME is answered from now on.
function receiver:free(name) process.write(self.directory .. "/free." .. name, "") end

---All requests so far, or those to a path, in their order: path, id, timestamp, signature, type, genuine, at, body.
function receiver:requests(path)
  local list = {}
  for line in (process.read(self.directory .. "/out") or ""):gmatch "([^\n]+)\n" do
    local request = http.decode(line)
    if not path or request.path == path then list[#list + 1] = request end
  end
  return list
end

---Waits for so many requests (to a path) → them
function receiver:await(count, path, seconds)
  return process.eventually(("%d requests to %s"):format(count, path or "a receiver"), function()
    local list = self:requests(path)
    return #list >= count and list
  end, seconds)
end

function receiver:stop()
  self.process:signal "KILL"
  self.process:wait()
  self.process:close()
  process.run("rm -rf " .. process.quote(self.directory))
end

return receiver
