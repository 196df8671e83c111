-- llstatus -R, as ARC reads it: a machine, marked when it is down, and what is free of it and in all.
return function(queue, arguments)
  if #arguments ~= 1 or arguments[1] ~= "-R" then queue.refuse "Invalid options" end
  return ("node1.example.org  ConsumableCpus(%d,%d) ConsumableMemory(4.000 gb,4.000 gb)\n"
    .. "node2.example.org# ConsumableCpus(0,0)\n"):format(queue:free(), queue.settings.slots)
end
