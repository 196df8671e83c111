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

---@class comparison
---@field ours number
---@field theirs number
---@field ratio number the median of the rounds' own ratios, ours / theirs

---Measures ours and others in turns; all are functions that return a number.
---@return comparison ... one for each of the others
function rounds.compare(measure_ours, ...)
  local others, ours, theirs, ratios = { ... }, {}, {}, {}
  for n = 1, #others do theirs[n], ratios[n] = {}, {} end
  for i = 1, scale.rounds do
    if i % 2 == 1 then ours[i] = measure_ours() end
    for n, measure in ipairs(others) do theirs[n][i] = measure() end
    if i % 2 == 0 then ours[i] = measure_ours() end
    for n in ipairs(others) do ratios[n][i] = ours[i] / theirs[n][i] end
  end
  local results = {}
  for n in ipairs(others) do
    results[n] = { ours = rounds.median(ours), theirs = rounds.median(theirs[n]), ratio = rounds.median(ratios[n]) }
  end
  return table.unpack(results)
end

return rounds
