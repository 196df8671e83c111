-- A list of things as a table, or as JSON: what `jobs`, `simulations`, `files` and `status` have in common.
local grid = require "orrery.cli.grid"
local json = require "house.json"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local style = require "orrery.cli.style"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local LARGEST_PAGE = 1000

local listing = {}

---@class listing.column : grid.column
---@field cell fun(item:table):any what to show; nil leaves the cell empty

-- Whether the table may be cut to a terminal's width: never when it goes to a file.
local function width() return terminal.is_terminal(1) and terminal.width() or nil end

---Prints a table of items.
---@param columns listing.column[]
---@param gap integer|nil after which item a line says that others are left out
---@return string[] left_out titles of the columns that did not fit
function listing.print(columns, items, gap)
  local rows = {}
  for i, item in ipairs(items) do
    session.without_nulls(item)
    rows[i] = {}
    for j, column in ipairs(columns) do
      local value = column.cell(item)
      rows[i][j] = value == nil and "" or text.clean(value)
    end
  end
  local lines, left_out = grid.render(columns, rows, { width = width(), colour = style.wanted(1) })
  if gap then table.insert(lines, gap + 2, "...") end -- the first line is the header
  out.lines(lines)
  return left_out
end

---The options that every list has.
function listing.declare(command)
  command:option("--limit", "at most this many", "100"):hidden_name "-n":argname "N":convert(function(value)
    local number = math.tointeger(tonumber(value))
    if number and number > 0 then return number end
    return nil, ("'%s' is not a number of lines"):format(value)
  end)
  command:flag("-a --all", "all of them")
end

---Fetches at most `most` items and prints them.
---@param noun string for the sentence that says there are none, or more
function listing.fetch(opened, arguments, path, query, columns, noun)
  local items, more = {}, false
  query.limit = arguments.all and LARGEST_PAGE or math.min(arguments.limit + 1, LARGEST_PAGE)
  for item in opened:items(path, query) do
    more = not arguments.all and #items == arguments.limit
    if more then break end
    items[#items + 1] = item
  end
  if arguments.json then
    out.json { items = json.list(items) }
  elseif #items == 0 then
    out.say("no " .. noun)
  else
    listing.print(columns, items)
    if more then out.say(("there are more than these %d: --all, or --limit N"):format(#items)) end
  end
end

return listing
