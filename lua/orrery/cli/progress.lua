-- What the progress of a simulation looks like: one line with a bar for a terminal, one sentence for a log. Pure: the
-- same counts, times and width give the same line.
local quantity = require "orrery.cli.quantity"
local style = require "orrery.cli.style"
local text = require "orrery.cli.text"

local progress = {}

local SHORTEST_BAR, LONGEST_BAR, LONGEST_NAME = 8, 30, 24

-- The states a person tells apart, in the order in which they are shown; `state` lends its colour.
local groups = {
  { word = "active", state = "ACTIVE", "ACTIVE", "STAGE_OUT" },
  { word = "waiting", state = "PENDING", "NEW", "PENDING", "STAGE_IN", "SUBMITTING", "QUEUED" },
  { word = "held", state = "HELD", "HELD" },
  { word = "suspended", state = "SUSPENDED", "SUSPENDED" },
  { word = "completed", state = "COMPLETED", ended = true, "COMPLETED" },
  { word = "failed", state = "FAILED", ended = true, "FAILED" },
  { word = "canceled", state = "CANCELED", ended = true, "CANCELED" },
}

local function number(counts, group)
  local sum = 0
  for _, state in ipairs(group) do sum = sum + (counts[state] or 0) end
  return sum
end

---How many jobs have ended, and how many there are.
function progress.ended(counts)
  return (counts.COMPLETED or 0) + (counts.FAILED or 0) + (counts.CANCELED or 0), counts.total or 0
end

-- "8 active, 2 failed", for the groups that `wanted` accepts; plain and in colour.
local function words(counts, wanted, colour)
  local plain, coloured = {}, {}
  for _, group in ipairs(groups) do
    local jobs = number(counts, group)
    if jobs > 0 and wanted(group) then
      plain[#plain + 1] = ("%d %s"):format(jobs, group.word)
      coloured[#coloured + 1] = style.state(group.state, plain[#plain], colour)
    end
  end
  return table.concat(plain, ", "), table.concat(coloured, ", ")
end

local function bar(done, width, is_utf8)
  local filled = math.floor(done * width + 1e-9)
  if is_utf8 then return ("━"):rep(filled) .. ("╌"):rep(width - filled) end
  return "[" .. ("#"):rep(filled) .. ("-"):rep(width - filled) .. "]"
end

---@class progress.moment
---@field name string
---@field counts table<string, integer>
---@field elapsed number seconds
---@field left number|nil seconds, when it can be told
---@field trouble string|nil why nothing is heard of the simulation

---One line of less than `width` columns. The first to go where it is narrow: the time left, the name, the states.
---@param moment progress.moment
---@param look {width:integer, utf8:boolean, colour:boolean}
---@return string line
---@return integer columns that it takes
function progress.line(moment, look)
  local ended, total = progress.ended(moment.counts)
  local parts = {
    { text.cut(text.clean(moment.name), LONGEST_NAME), rank = 3 },
    { bar = true },
    { ("%d/%d"):format(ended, total), rank = 1 },
    { rank = 4 },
    { quantity.duration(moment.elapsed), rank = 2 },
    { moment.left and quantity.duration(moment.left) .. " left" or "", rank = 5 },
  }
  local middle = parts[4]
  if moment.trouble then
    middle[1] = text.clean(moment.trouble)
  else
    middle[1], middle.coloured = words(moment.counts, function(group) return group.word ~= "completed" end, look.colour)
  end

  local room, frame = look.width - 1, look.utf8 and 0 or 2
  local used, kept = SHORTEST_BAR + frame, {}
  for rank = 1, 5 do
    for _, part in ipairs(parts) do
      local columns = part.rank == rank and part[1] ~= "" and text.columns(part[1]) + 2
      if columns and used + columns <= room then used, kept[part] = used + columns, true end
    end
  end
  local longest = math.min(SHORTEST_BAR + room - used, LONGEST_BAR)
  local shown = {}
  for _, part in ipairs(parts) do
    if part.bar and longest > 0 then shown[#shown + 1] = bar(total > 0 and ended / total or 0, longest, look.utf8) end
    if kept[part] then shown[#shown + 1] = part.coloured or part[1] end
  end
  return table.concat(shown, "  "), used - SHORTEST_BAR + longest
end

---One sentence, without times: it is printed when it changes.
---@param moment progress.moment
function progress.sentence(moment)
  local ended, total = progress.ended(moment.counts)
  if moment.trouble then return ("%s: %s"):format(text.clean(moment.name), text.clean(moment.trouble)) end
  local how = words(moment.counts, function(group) return group.ended end)
  local rest = words(moment.counts, function(group) return not group.ended end)
  return ("%s: %d of %s ended%s%s"):format(text.clean(moment.name), ended, text.count(total, "job"),
    how ~= "" and " (" .. how .. ")" or "", rest ~= "" and ", " .. rest or "")
end

---"38 completed, 2 failed"
function progress.outcome(counts)
  return (words(counts, function() return true end))
end

return progress
