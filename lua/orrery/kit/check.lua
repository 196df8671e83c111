-- `orrery plugin check`: runs the cases of the kit on one resource and prints a verdict. The module is the task that
-- app/check.c runs; it returns the exit code.
local cases = require "orrery.kit.cases"
local changes = require "house.changes"
local clock = require "house.clock"
local config = require "house.config"
local expect = require "orrery.kit.expect"
local files = require "house.files"
local ids = require "house.ids"
local subject = require "orrery.kit.subject"
local terminal = require "house.terminal"

local OK, FAILED, UNAVAILABLE = 0, 1, 69

local function say(format, ...) terminal.write(1, format:format(...) .. "\n") end

-- What a case needs that the plug-in does not have | nil
local function lacking(it, case)
  for _, need in ipairs(case.needs) do
    if not it.info.verbs[need] and not it.fields[need] then return need end
  end
end

local function explain(thrown) return expect.sentence(thrown) and thrown or debug.traceback(tostring(thrown), 2) end

local function run(it, case)
  local began = clock.monotonic()
  local ok, thrown = xpcall(case.run, explain, it)
  it:clean()
  local seconds = (clock.monotonic() - began) / 1000
  if ok then return true, ("pass  %s (%.1f s)"):format(case.name, seconds) end
  return false, ("FAIL  %s (%.1f s)\n      %s"):format(case.name, seconds, expect.sentence(thrown) or thrown)
end

local function run_all(it, quick)
  local passed, failed, left_out = 0, 0, 0
  for _, case in ipairs(cases) do
    local lack = lacking(it, case)
    if changes.ending() then
      say "broken off"
      return FAILED
    elseif lack or quick and case.slow then
      left_out = left_out + 1
      say("skip  %s (%s)", case.name, lack and "it has no " .. lack or "--quick")
    else
      local good, line = run(it, case)
      passed, failed = passed + (good and 1 or 0), failed + (good and 0 or 1)
      say("%s", line)
    end
  end
  say("\n%s: %d passed, %d failed, %d left out", failed == 0 and "conforms" or "does NOT conform", passed, failed, left_out)
  return failed == 0 and OK or FAILED
end

return function()
  ids.init(math.random(1, math.maxinteger) & 0x3ffffffffffff, 0)
  local settings = config.resources[1]
  local it = subject.new(settings)
  local info, why = it:open()
  if not info then
    say("%s cannot be opened: %s", settings.scheduler, why)
    return UNAVAILABLE
  end
  say("%s %s (%s, ABI %s), resource %s\n%s\n", info.name, info.version, info.language, info.abi, settings.name, info.path)
  local code = run_all(it, config.check.quick)
  it:close()
  files.remove("check", { settings.base, config.data .. "/resources" }, 60000) -- and with the last of them their folder
  return code
end
