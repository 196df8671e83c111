-- Tables for people: a header, aligned columns, and no line longer than the terminal is wide.
local style = require "orrery.cli.style"
local text = require "orrery.cli.text"

local grid = {}

local GAP = "  "

---@class grid.column
---@field title string
---@field align "left"|"right"|nil
---@field keep boolean|nil never cut: identifiers are for pasting
---@field state boolean|nil holds a state, and gets its colour

-- How wide every column must be.
local function widths_of(columns, rows)
  local widths = {}
  for i, column in ipairs(columns) do
    widths[i] = text.columns(column.title)
    for _, row in ipairs(rows) do widths[i] = math.max(widths[i], text.columns(row[i])) end
  end
  return widths
end

-- How many columns fit, and the width the last of them then has.
local function fit(columns, widths, most)
  local used, count = 0, 0
  for i, width in ipairs(widths) do
    local gap = i > 1 and #GAP or 0
    if used + gap + width > most then
      local left = most - used - gap
      -- A last column of words is worth showing in part.
      if i > 1 and i == #widths and not columns[i].keep and columns[i].align ~= "right" and left >= 8 then
        widths[i] = left
        return i
      end
      return math.max(count, 1)
    end
    used, count = used + gap + width, i
  end
  return count
end

local function line_of(columns, widths, count, cells, colour)
  local parts = {}
  for i = 1, count do
    local cell = text.cut(cells[i], widths[i])
    local padded = text.pad(cell, widths[i], columns[i].align)
    parts[i] = columns[i].state and style.state(cells[i], padded, colour) or padded
  end
  return (table.concat(parts, GAP):gsub(" +$", ""))
end

---@param columns grid.column[]
---@param rows string[][] cells, cleaned
---@param options {width:integer|nil, colour:boolean|nil}
---@return string[] lines
---@return string[] left_out titles of the columns that did not fit
function grid.render(columns, rows, options)
  local widths = widths_of(columns, rows)
  local count = options.width and fit(columns, widths, options.width) or #columns
  local titles, lines, left_out = {}, {}, {}
  for i, column in ipairs(columns) do titles[i] = column.title end
  lines[1] = line_of(columns, widths, count, titles)
  for i, row in ipairs(rows) do lines[i + 1] = line_of(columns, widths, count, row, options.colour) end
  for i = count + 1, #columns do left_out[#left_out + 1] = columns[i].title end
  return lines, left_out
end

return grid
