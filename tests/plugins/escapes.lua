-- Looks for a way out of its sandbox, and tells in its state what it found.
local found = {}
for _, name in ipairs { "io", "package", "debug", "load", "loadfile", "dofile", "loadstring", "coroutine",
  "collectgarbage", "_G", "print", "rawget" } do
  found[#found + 1] = _ENV[name] ~= nil and name or nil
end
for _, name in ipairs { "execute", "exit", "getenv", "remove", "rename", "setlocale", "tmpname" } do
  found[#found + 1] = os[name] and "os." .. name or nil
end
found[#found + 1] = string.dump and "string.dump" or nil
found[#found + 1] = getmetatable "" and "the metatable of texts" or nil
found[#found + 1] = ("").dump and "a method of texts" or nil
for _, name in ipairs { "house.db", "orrery.core.boot", "_G", "os", "io", "../escapes", "/etc/passwd", "..", "" } do
  found[#found + 1] = pcall(require, name) and "module " .. name or nil
end

local function nothing() end
return { submit = nothing, monitor = nothing, cancel = nothing, find = nothing,
  open = function() return {} end,
  status = function(_, _, report) report(1, { state = "degraded", message = "found: " .. table.concat(found, " ") }) end }
