-- llclass -l, as recorded on AIX in 2016; ARC reads the same.
return function(queue, arguments)
  if #arguments ~= 1 or arguments[1] ~= "-l" then queue.refuse "Invalid options" end
  local names, lines = {}, {}
  for name in pairs(queue.settings.classes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local limit = queue.settings.classes[name]
    local words = limit < 0 and "undefined, undefined (-1 seconds, -1 seconds)"
      or ("%02d:%02d:%02d, undefined (%d seconds, -1 seconds)"):format(limit // 3600, limit // 60 % 60, limit % 60, limit)
    lines[#lines + 1] = ("=============== Class %s ==============="):format(name)
    for _, line in ipairs { { "Name", name }, { "Priority", 0 }, { "Include_Users", "" }, { "Wall_clock_limit", words },
      { "Free_slots", queue:free() }, { "Maximum_slots", queue.settings.slots }, { "Maxjobs", -1 }, { "Max_node", -1 } } do
      lines[#lines + 1] = ("%26s: %s"):format(line[1], line[2])
    end
    lines[#lines + 1] = ("-"):rep(80)
  end
  return table.concat(lines, "\n") .. "\n"
end
