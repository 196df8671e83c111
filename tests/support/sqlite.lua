-- A database of one's own with the schema of Orrery, to look at the house's statements by themselves: `sqlite.statements()`
-- before a module of orrery.data makes them plain texts.
local process = require "support.process"
require "support.house"

local sqlite = {}
sqlite.__index = sqlite

function sqlite.statements() package.loaded["house.db"] = { statement = function(sql) return sql end } end

function sqlite.new()
  local self = setmetatable({ path = os.tmpname() }, sqlite)
  self:run ".read migrations/0001_foundation.sql\n"
  return self
end

function sqlite:remove() os.remove(self.path) end

---Runs commands of the sqlite3 program → what it printed.
function sqlite:run(commands)
  local path = os.tmpname()
  process.write(path, commands)
  local code, output = process.run(("sqlite3 %s < %s 2>&1"):format(self.path, path))
  os.remove(path)
  assert(code == 0, output)
  return output
end

---Runs a statement with its parameters, and then `more` → what it printed.
function sqlite:with(sql, values, more)
  local commands = { ".parameter init" }
  for i = 1, #values do
    local value = type(values[i]) == "string" and "\"'" .. values[i] .. "'\"" or values[i]
    commands[#commands + 1] = (".parameter set ?%d %s"):format(i, value)
  end
  return self:run(table.concat(commands, "\n") .. "\n" .. ".stats on\n" .. sql .. ";\n.stats off\n" .. (more or ""))
end

return sqlite
