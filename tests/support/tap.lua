-- Output handler for busted, for tests/run to read: one TAP line a test, flushed at once, so that a crash
-- loses nothing; lines beginning with # say why a test failed; the plan comes last and tells that the end was
-- reached. (busted's own TAP handler dies of files that do not load, and passes over a setup that fails.)
local busted = require "busted"
local base = require "busted.outputHandlers.base"

return function()
  local handler = base()
  local count = 0
  local reasons = {} -- of the test that is running

  local function report(verdict, name, lines)
    count = count + 1
    io.write(verdict, " ", count, " - ", name, "\n")
    for _, text in ipairs(lines or {}) do io.write("# ", (text:gsub("\n", "\n# ")), "\n") end
    io.flush()
  end

  -- A test's reasons wait for its end; what else fails (a file, a setup) is reported as a test of its own.
  local function failed(element, _, message, trace)
    local reason = type(message) == "string" and message or require("pl.pretty").write(message)
    if trace and trace.traceback then reason = (reason .. trace.traceback):gsub("%s+$", "") end
    if element.descriptor == "it" then
      table.insert(reasons, reason)
    else
      report("not ok", ("%s (%s)"):format(handler.getFullName(element), element.descriptor), {reason})
    end
    return nil, true
  end

  local function test_end(element, _, status)
    local name = handler.getFullName(element)
    if status == "success" then
      report("ok", name)
    elseif status == "pending" then
      report("ok", "# SKIP " .. name)
    else
      report("not ok", name, reasons)
    end
    reasons = {}
    return nil, true
  end

  local function suite_end()
    io.write("1..", count, "\n")
    io.flush()
    return nil, true
  end

  function handler.subscribe()
    require "busted.languages.en"
    busted.subscribe({"failure"}, failed)
    busted.subscribe({"error"}, failed)
    busted.subscribe({"test", "end"}, test_end)
    busted.subscribe({"suite", "end"}, suite_end)
  end
  return handler
end
