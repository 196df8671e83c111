-- llsubmit - : a job command file on standard input (Jülich's manual page; radical.saga has it so). What it says when it has the
-- job is what all adapters take the id from; a site's filters may have said something before (C2PAP's do). Root may not submit
-- (the manual page), if the setting `root` does not allow it.
local command_file = require "command_file"

return function(queue, arguments)
  if #arguments ~= 1 or arguments[1] ~= "-" then queue.refuse("Invalid arguments: %s", table.concat(arguments, " ")) end
  local text = io.read "a"
  if queue.settings.user == "root" and not queue.settings.root then queue.refuse "root is not allowed to submit jobs" end
  local keywords = command_file.read(text)
  keywords.class = keywords.class or "No_Class"
  if not queue.settings.classes[keywords.class] then queue.refuse("The class %q is not known", keywords.class) end
  local slots = command_file.slots(keywords)
  if slots > queue.settings.slots then queue.refuse("No machine has %d processors", slots) end
  local step = queue:add { state = "I", keywords = keywords, slots = slots, owner = queue.settings.user,
    limit = command_file.seconds(keywords.wall_clock_limit) }
  queue.write(queue:spool(step), text)
  return ('llsubmit: Processed command file through Submit Filter: "/etc/filter".\n'
    .. 'llsubmit: The job "%s.%d" has been submitted.\n'):format(queue.HOST, step.number)
end
