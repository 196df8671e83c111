-- The command line under test: runs the program to its end, with an environment that knows nothing of the person who
-- runs the tests, and tells its exit code, standard output and standard error apart.
local process = require "support.process"
local server = require "support.server"
local quote = process.quote

local command = {}

---The shell words that run the program. Options: server (its data directory is made known by ORRERY_DATA), env
---(variables to set), before (words before the program, such as `timeout 3`), program (another than that under test, as
---a shell takes it).
---@param arguments string shell words
---@param options table|nil
function command.line(arguments, options)
  options = options or {}
  local words = { "env -u ORRERY_URL -u ORRERY_TOKEN -u ORRERY_CONFIG -u XDG_STATE_HOME -u NO_COLOR HOME=/nonexistent",
    "LC_ALL=C.UTF-8", "ORRERY_DATA=" .. quote(options.server and options.server.data or "/nonexistent") }
  for name, value in pairs(options.env or {}) do words[#words + 1] = name .. "=" .. quote(value) end
  words[#words + 1] = options.before
  return ("%s %s %s"):format(table.concat(words, " "), options.program or server.program, arguments)
end

---Runs it. `stdin` is a text.
---@return {code:integer, out:string, err:string}
function command.run(arguments, options)
  local folder = process.temporary()
  process.write(folder .. "/in", options and options.stdin or "")
  local line = command.line(arguments, options)
  local code, other = process.run(("{ %s; } <%s/in >%s/out 2>%s/err"):format(line, folder, folder, folder))
  local result = { code = code, out = process.read(folder .. "/out"), err = process.read(folder .. "/err") .. other }
  process.run("rm -rf " .. folder)
  return result
end

return command
