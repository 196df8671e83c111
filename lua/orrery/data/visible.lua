-- Which jobs exist for everybody. A sweep's jobs are written before the sweep is ready, and until then nobody sees them.
-- There may be a million; their keys are consecutive, so a query goes round them: it is asked of the keys before them, and
-- of those behind.
local db = require "house.db"

local visible = {}

---What every query of jobs j says, so that none is seen by mistake.
visible.condition = "(j.sweep IS NULL OR j.sweep NOT IN (SELECT key FROM sweeps WHERE ready = 0))"

local unready = db.statement "SELECT first_job, first_job + jobs AS next FROM sweeps WHERE ready = 0 ORDER BY first_job"

---The keys of jobs to be seen beyond `after`, as segments {low, high} that take in neither end.
---@param descending boolean|nil the last segment comes first
function visible.segments(after, descending)
  local low, high = after or 0, math.maxinteger
  if descending then low, high = 0, after end
  local list = {}
  for _, hidden in ipairs(db.rows(unready)) do
    if hidden.first_job > low then list[#list + 1] = { low, math.min(hidden.first_job, high) } end
    low = math.max(low, hidden.next - 1)
    if low >= high then break end
  end
  if low < high then list[#list + 1] = { low, high } end
  if descending then
    for i = 1, #list // 2 do list[i], list[#list + 1 - i] = list[#list + 1 - i], list[i] end
  end
  return list
end

---At most `limit` rows of a statement whose first parameters are a segment and a limit.
function visible.rows(statement, segments, limit, ...)
  local found = {}
  for _, segment in ipairs(segments) do
    local rows = db.rows(statement, segment[1], segment[2], limit - #found, ...)
    if #found == 0 then found = rows else table.move(rows, 1, #rows, #found + 1, found) end
    if #found >= limit then break end
  end
  return found
end

return visible
