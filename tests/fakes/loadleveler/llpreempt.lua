-- llpreempt -m su ID…, llpreempt -r ID… : that there are these two, for administrators, IBM's interface for Perl tells; the
-- letters are not confirmed.
return function(queue, arguments)
  local resumes = arguments[1] == "-r"
  if not resumes and not (arguments[1] == "-m" and arguments[2] == "su") then queue.refuse "Invalid options" end
  if not queue.settings.administrators[queue.settings.user] then queue.refuse "You must be an administrator" end
  for i = resumes and 2 or 3, #arguments do
    local step = not queue.deaf and queue:step(arguments[i])
    if step and step.state == (resumes and "E" or "R") then
      step.state = resumes and "R" or "E"
      queue:signal(step, resumes and "CONT" or "STOP")
    end
  end
  return "llpreempt: Preempt command has been sent to the central manager.\n"
end
