-- Measuring in turns. A machine is faster in one minute than in the next, so only what is measured side by side is
-- compared: every round measures both, each round begins with the other one, and the medians count.
local scale = require "bench.lib.scale"

local rounds = {}

function rounds.median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = #sorted // 2
  if #sorted % 2 == 1 then return sorted[middle + 1] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

---Repeats one measurement.
function rounds.repeated(count, measure)
  local values = {}
  for i = 1, count do values[i] = measure() end
  return rounds.median(values)
end

---@class comparison
---@field ours number
---@field theirs number
---@field ratio number the median of the rounds' own ratios, ours / theirs

---Measures two things in turns; both functions return a number.
---@return comparison
function rounds.compare(measure_ours, measure_theirs)
  local ours, theirs, ratios = {}, {}, {}
  for i = 1, scale.rounds do
    if i % 2 == 1 then
      ours[i] = measure_ours()
      theirs[i] = measure_theirs()
    else
      theirs[i] = measure_theirs()
      ours[i] = measure_ours()
    end
    ratios[i] = ours[i] / theirs[i]
  end
  return { ours = rounds.median(ours), theirs = rounds.median(theirs), ratio = rounds.median(ratios) }
end

return rounds
