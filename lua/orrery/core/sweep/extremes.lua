-- Which jobs of a sweep stand for all of them, so that a template is checked with a few instead of a million.
local extremes = {}

extremes.MOST = 500 -- jobs that are tried for a sweep

-- The numbers of an axis' values that stand for all of them, the first value's first: what a field refuses, it refuses for
-- the longest text, for one that is no single line, or for the smallest or the largest number, or for a fraction.
local function of_axis(axis)
  if not axis.list then -- a range's ends are its extremes; if there are fractions, its second value is one
    return axis.count > 2 and { 0, 1, axis.count - 1 } or axis.count == 2 and { 0, 1 } or { 0 }
  end
  local found, rank = {}, {}
  local function better(key, i, value)
    if not found[key] or value > rank[key] then found[key], rank[key] = i, value end
  end
  for i, v in ipairs(axis.list) do
    if type(v) == "string" then
      better("long", i - 1, #v)
      better("short", i - 1, -#v)
      if v:find("%c") then found.control = i - 1 end
      if v:sub(1, 1) ~= "/" then found.relative = i - 1 end
    elseif type(v) == "number" then
      better("least", i - 1, -v)
      better("most", i - 1, v)
      if math.type(v) == "float" then found.real = i - 1 end
    else
      found[tostring(v)] = i - 1
    end
  end
  local numbers, taken = { 0 }, { [0] = true }
  for _, i in pairs(found) do
    if not taken[i] then numbers[#numbers + 1], taken[i] = i, true end
  end
  table.sort(numbers)
  return numbers
end

-- Chooses from the candidates of the axes from `from` on, such that `changes` are not the first → what `try` found wrong.
local function choose(candidates, from, changes, chosen, try)
  if changes == 0 then return try(chosen) end
  for a = from, #candidates - changes + 1 do
    for c = 2, #candidates[a] do
      chosen[a] = candidates[a][c]
      local problems = choose(candidates, a + 1, changes - 1, chosen, try)
      if problems then return problems end
    end
    chosen[a] = candidates[a][1]
  end
end

local function try_combined(candidates, try)
  local chosen, left = {}, extremes.MOST
  for a in ipairs(candidates) do chosen[a] = 0 end
  local function try_one(numbers)
    left = left - 1
    if left >= 0 then return try(numbers) end
  end
  for changes = 0, #candidates do
    local problems = choose(candidates, 1, changes, chosen, try_one)
    if problems or left <= 0 then return problems end
  end
end

local function try_zipped(candidates, try)
  for _, numbers in ipairs(candidates) do
    for _, i in ipairs(numbers) do
      local chosen = {}
      for a = 1, #candidates do chosen[a] = i end
      local problems = try(chosen)
      if problems then return problems end
    end
  end
end

---Tries extremes of all axes until something is wrong: zipped ones as they stand together; others combined (a sample may
---come near any combination), first those with the fewest changes from the first values, extremes.MOST at most.
---@param axes axes.axis[]
---@param zipped boolean
---@param try fun(numbers:integer[]):table|nil given the number of a value for each axis; says what is wrong
---@return table|nil problems
function extremes.try(axes, zipped, try)
  local candidates = {}
  for a, axis in ipairs(axes) do candidates[a] = of_axis(axis) end
  return (zipped and #axes > 0 and try_zipped or try_combined)(candidates, try)
end

return extremes
