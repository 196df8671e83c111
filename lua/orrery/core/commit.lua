-- Committing in a task that begins again later, whatever stops it: what cannot be stored now is an error for whoever runs it.

---@param change table of house.db
return function(change)
  local ok, _, why = change:commit()
  if not ok then error(why, 0) end
end
