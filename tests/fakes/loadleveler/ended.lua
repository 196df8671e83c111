-- The starter's word that a step has ended: "ended NUMBER CODE". One that was cancelled or was over its limit while it ran was
-- removed (the manual page of states; that it is not CA is not confirmed).
return function(queue, arguments)
  local number, code = tonumber(arguments[1]), tonumber(arguments[2])
  for _, step in ipairs(queue.data.steps) do
    if step.number == number then
      local limit <close> = io.open(queue:spool(step, ".limit"))
      queue:finish(step, (limit or step.state == "RP") and "RM" or "C", code)
    end
  end
  return ""
end
