-- Plug-ins to try the conformance kit on, and its verdicts.
local command = require "support.command"
local process = require "support.process"
local server = require "support.server"

local kit = {}

local quote = process.quote

---The option by which a check takes no longer than it should in a run of the tests: all but `make test-all` are to be quick.
kit.extent = os.getenv "ORRERY_TEST_ALL" and "" or "--quick"

---Writes a copy of the plug-in that has everything (tests/plugins/whole.lua), and what it rests on, into a folder → its path.
---@param fault string|nil Lua that spoils it, where `whole` is the table of verbs
function kit.write(folder, name, fault)
  process.write(folder .. "/shell.lua", process.read(server.top .. "/examples/plugins/shell.lua"))
  local text, count = process.read(server.plugins .. "/whole.lua"):gsub("return whole\n$", function()
    return (fault or "") .. "\nreturn whole\n"
  end)
  assert(count == 1)
  local path = ("%s/%s.lua"):format(folder, name)
  process.write(path, text)
  return path
end

---The shell words that run the kit on a plug-in, by its name or path. `arguments` are shell words.
function kit.line(path, arguments, options)
  return command.line(("plugin check %s %s"):format(quote(path), arguments or ""), options)
end

---Runs the kit → what command.run returns.
function kit.check(path, arguments, options)
  return command.run(("plugin check %s %s"):format(quote(path), arguments or ""), options)
end

---What is said of each case: name → "pass", "FAIL" or "skip".
function kit.verdicts(out)
  local verdicts = {}
  for verdict, name in out:gmatch "\n(%a%a%a%a)  ([^\n]-) %(" do verdicts[name] = verdict end
  return verdicts
end

return kit
