-- Which server to talk to, and with which token. The server is the one given by --server, by --data, by ORRERY_URL, or
-- the one on the default data directory, whose server.json names it. The token is the one given by --token-file or by
-- ORRERY_TOKEN; else, for the server that server.json names and for no other, the one whose file it names.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local program = require "house.program"
local text = require "orrery.cli.text"

local server = {}

---An environment variable; an empty one is as good as none.
function server.env(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end
local env = server.env

---@return string directory where a server keeps its data when nobody says otherwise
function server.default_data()
  local state, home = env "XDG_STATE_HOME", env "HOME"
  if state and state:find("^/") then return state .. "/orrery" end
  if home and home:find("^/") then return home .. "/.local/state/orrery" end
  return "/var/lib/orrery"
end

---@param given string|nil the value of --data
function server.data(given)
  return given or env "ORRERY_DATA" or server.default_data()
end

local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local content, read_problem = file:read("a")
  file:close()
  return content, read_problem
end

local function same(a, b) return a and b and a:gsub("/+$", "") == b:gsub("/+$", "") end

local function read_token(path)
  local content, problem = read(path)
  local token = content and content:match("^%s*(%S+)%s*$")
  if not content then exit.fail(exit.DENIED, "cannot read the token: %s", problem) end
  if not token then exit.fail(exit.DENIED, "%s does not hold a token", path) end
  return token, path
end

local function find_token(arguments, running, url)
  if arguments.token_file then return read_token(arguments.token_file) end
  local token = env "ORRERY_TOKEN"
  if token then return token, "ORRERY_TOKEN" end
  if running and same(running.url, url) then return read_token(running.token_file) end
end

---The program as a shell finds it: hints are commands that can be run as they stand.
server.program = text.shell(program.called)

-- A function that makes a command line of a command's words, one that finds the same server again.
local function commander(arguments)
  local words = {}
  for _, name in ipairs { "server", "data", "token_file" } do
    if arguments[name] then
      words[#words + 1] = (" --%s %s"):format(name:gsub("_", "-"), text.shell(arguments[name]))
    end
  end
  local options = table.concat(words)
  return function(format, ...) return ("%s %s%s"):format(server.program, format:format(...), options) end
end

---@param arguments {server:string|nil, data:string|nil, token_file:string|nil}
---@return {url:string, token:string|nil, token_from:string|nil, command:fun(format:string, ...):string}
function server.find(arguments)
  local data = server.data(arguments.data)
  local content = read(data .. "/server.json")
  local running = content and json.decode(content)
  local url = arguments.server or (not arguments.data and env "ORRERY_URL") or (running and running.url)
  if not url then
    exit.fail(exit.UNAVAILABLE, "no server runs on %s: start one with `%s serve%s`, or name another with --server",
      data, server.program, arguments.data and " --data " .. text.shell(arguments.data) or "")
  end
  if not url:find("^https?://[^/]") then
    exit.fail(exit.USAGE, "%s is not a server's address, such as http://127.0.0.1:8080", url)
  end
  local token, from = find_token(arguments, running, url)
  return { url = url:gsub("/+$", ""), token = token, token_from = from, command = commander(arguments) }
end

return server
