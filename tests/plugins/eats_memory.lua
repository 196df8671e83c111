-- Wants more memory than there is, whenever there is something to submit.
local plugin = {}
function plugin.open() return { honours = { fields = { "executable" } } } end
function plugin.submit()
  local eaten = "more "
  while true do eaten = eaten .. eaten end
end
function plugin.monitor() end
function plugin.cancel() end
function plugin.find(_, items, report)
  for i in ipairs(items) do report(i, { answer = "absent" }) end
end
return plugin
