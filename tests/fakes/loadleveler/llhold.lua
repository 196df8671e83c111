-- llhold ID…, llhold -r ID… and, for administrators, llhold -s ID… (Boston's and Cenapad's manual pages). A step that runs it
-- does not touch; one that both hold and its owner releases is still held by the system. That it speaks as llcancel does is not
-- confirmed.
local hold = { I = "H", D = "H", NQ = "H", S = "HS" }
local release = { H = "I", HS = "S" }
local hold_by_system = { I = "S", D = "S", NQ = "S", H = "HS" }

return function(queue, arguments)
  local change, ids = hold, arguments
  if arguments[1] == "-r" then change, ids = release, { table.unpack(arguments, 2) }
  elseif arguments[1] == "-s" then change, ids = hold_by_system, { table.unpack(arguments, 2) } end
  if #ids == 0 then queue.refuse "No job step is named" end
  for _, id in ipairs(ids) do
    if id:find "^%-" then queue.refuse("Invalid option %s", id) end
    local step = not queue.deaf and queue:step(id)
    if step then step.state = change[step.state] or step.state end
  end
  return "llhold: Hold command has been sent to the central manager.\n"
end
