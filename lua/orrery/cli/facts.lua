-- A thing of the server's as lines of a name and a value, and a short list of things as a table: what `job`, `resource` and
-- `plugin` have in common.
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local style = require "orrery.cli.style"
local text = require "orrery.cli.text"

local facts = {}

---@param rows {[1]:string, [2]:fun(thing:table):any}[] nil and "" leave a line out
function facts.print(rows, thing)
  for _, row in ipairs(rows) do
    local shown = row[2](thing)
    if shown and shown ~= "" then
      shown = text.clean(shown)
      if row[1] == "state" then shown = style.state(thing.state, shown, style.wanted(1)) end
      out.line(("%-11s %s"):format(row[1], shown))
    end
  end
end

---Shows what is at a path. @return table|nil the thing, unless it was printed as JSON
function facts.show(arguments, path, rows)
  local thing, body = session.open(arguments):get(path)
  if arguments.json then return out.json(body) end
  facts.print(rows, session.without_nulls(thing))
  return thing
end

---Lists what is at a path.
function facts.list(arguments, path, columns)
  local answer, body = session.open(arguments):get(path)
  if arguments.json then out.json(body) else listing.print(columns, answer.items) end
end

return facts
