-- Taking events out of the log whose time is over, in the order of their numbers. What happened to a job that has not ended
-- stays, and so does what a reader has yet to read. Up to which number this was done is kept: the log is whole from the next on.
local db = require "house.db"

local keeping = {}

local chunk = db.statement [[
  SELECT count(*) AS events, max(number) AS last, min(number) FILTER (WHERE at >= ?3) AS young
  FROM (SELECT number, at FROM events WHERE number >= ?1 AND number < ?2 ORDER BY number LIMIT ?4)]]
local may_go = [[number <= coalesce((SELECT min(number) FROM readers), 9223372036854775807)
  AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.key >= events.job
    AND j.key < events.job + CASE WHEN type = 'jobs.created' AND json_valid(data) THEN json_extract(data, '$.count') ELSE 1 END
    AND j.state NOT IN ('COMPLETED', 'FAILED', 'CANCELED'))]]
local remove = db.statement("DELETE FROM events WHERE number BETWEEN ? AND ? AND " .. may_go)
local whole_from = db.statement "UPDATE installation SET events_from = ?1 WHERE events_from < ?1"

---What there is from a number on, before another: {events, last, young}: how many, the last of them, and the first that is not
---older than `before`.
function keeping.chunk(from, below, before, limit) return db.row(chunk, from, below, before, limit) end

---Removes what may go of the events from one number to another.
function keeping.remove(change, from, to) change:add(remove, nil, from, to) end

---From here on the log is whole.
function keeping.whole_from(change, number) change:add(whole_from, nil, number) end

return keeping
