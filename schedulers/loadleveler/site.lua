-- How LoadLeveler is, as a whole: its classes (llclass) and its machines (llstatus).
local site = {}

-- Whole numbers that are no limit: LoadLeveler says -1, or "undefined".
local function count_of(text)
  local count = math.tointeger(tonumber((text or ""):match "^%-?%d+"))
  return count and count >= 0 and count or nil
end

---The classes: of each its name, the longest time of a job, and how many slots there are and are free.
---@return table[]|nil queues (schedulers/README.md)
---@return table|nil failure
function site.classes(self)
  local result, failure = self.run { "llclass", "-l" }
  if not result then return nil, { class = "unavailable", message = failure.message } end
  local queues, at = {}, nil
  for line in result.stdout:gmatch "[^\r\n]+" do
    local class = line:match "^=+ Class (%S+) =+$"
    local key, value = line:match "^ *([%a_]+): *(.*)$"
    if class then
      at = { name = class }
      queues[#queues + 1] = at
    elseif at and key == "Wall_clock_limit" then at.max_duration = count_of(value:match "%((%-?%d+) seconds")
    elseif at and key == "Maxjobs" then at.max_jobs = count_of(value)
    elseif at and key == "Maximum_slots" then at.cores_total = count_of(value)
    elseif at and key == "Free_slots" then at.cores_free = count_of(value) end
  end
  return queues
end

---The machines as far as they tell of their processors: adds how many there are, and are free. One that is down is marked.
function site.add_machines(self, status)
  local result = self.run { "llstatus", "-R" }
  local sums = { nodes_total = 0, nodes_free = 0, cores_total = 0, cores_free = 0 }
  for line in (result and result.stdout or ""):gmatch "[^\r\n]+" do
    local host, free, total = line:match "^(%S+) .-ConsumableCpus%((%d+),(%d+)%)"
    if host then
      local is_up = host:sub(-1) ~= "#"
      free, total = is_up and math.tointeger(free) or 0, math.tointeger(total)
      sums.nodes_total, sums.cores_total = sums.nodes_total + 1, sums.cores_total + total
      sums.cores_free = sums.cores_free + free
      if is_up and free == total then sums.nodes_free = sums.nodes_free + 1 end
    end
  end
  if sums.nodes_total == 0 then return end
  for name, sum in pairs(sums) do status[name] = sum end
end

return site
