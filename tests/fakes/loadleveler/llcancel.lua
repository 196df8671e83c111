-- llcancel ID… (ARC, Cylc, UNICORE): says that it was sent, and ends with 0, though there may be nothing to cancel (an old note
-- of Cylc's; the manual page of the call says that zero means no more than that). A step that runs ends a moment later.
local WAITS = { I = true, D = true, NQ = true, H = true, S = true, HS = true }
local RUNS = { ST = true, R = true, E = true }

return function(queue, ids)
  if #ids == 0 then queue.refuse "No job step is named" end
  for _, id in ipairs(ids) do
    if id:find "^%-" then queue.refuse("Invalid option %s", id) end
    local step = not queue.deaf and queue:step(id)
    if step and WAITS[step.state] then queue:finish(step, "CA")
    elseif step and RUNS[step.state] then
      step.state = "RP"
      queue:signal(step, "KILL")
    end
  end
  return "llcancel: Cancel command has been sent to the central manager.\n"
end
