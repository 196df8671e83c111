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

local OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 64, 69

local ADVICE = [[
schedulers/README.md tells what a plug-in promises. One case alone is tried again with --case, such as
  orrery plugin check %s --case '%s']]
local LIMITS = [[
The kit cannot take a scheduler down, nor fill it up. What the plug-in says then is for its author to try: find must say
"unknown", not "absent"; monitor an error, not "absent"; submit an error whose class is "unavailable" or "busy" only if
nothing happened.]]

local function say(format, ...) terminal.write(1, format:format(...) .. "\n") end

local function chosen(words)
  local list = {}
  for _, case in ipairs(cases) do
    if not words or case.name:find(words, 1, true) then list[#list + 1] = case end
  end
  return list
end

-- Why a case is left out | nil
local function left_out(it, case, quick)
  for _, need in ipairs(case.needs) do
    if not it.info.verbs[need] and not it.fields[need] then return "it has no " .. need end
  end
  return quick and case.slow and "--quick" or nil
end

local function explain(thrown) return expect.sentence(thrown) and thrown or debug.traceback(tostring(thrown), 2) end

-- → "pass", "FAIL" or "skip", and the rest of what there is to say.
local function try(it, case, quick)
  local why = left_out(it, case, quick)
  if why then return "skip", ("(%s)"):format(why) end
  local began = clock.monotonic()
  local ok, thrown = xpcall(case.run, explain, it)
  it:clean()
  local seconds = (clock.monotonic() - began) / 1000
  if ok then return "pass", ("(%.1f s)"):format(seconds) end
  local sentence, moot = expect.sentence(thrown)
  if moot then return "skip", ("(%s)"):format(sentence) end
  return "FAIL", ("(%.1f s)\n      %s"):format(seconds, sentence or thrown)
end

local function run_all(it, list, quick)
  local count, first = { pass = 0, FAIL = 0, skip = 0 }, nil
  for _, case in ipairs(list) do
    if changes.ending() or it.hangs then
      say("broken off%s", it.hangs and ": " .. it.hangs or "")
      return FAILED
    end
    local verdict, more = try(it, case, quick)
    count[verdict] = count[verdict] + 1
    if verdict == "FAIL" then first = first or case.name end
    say("%s  %s %s", verdict, case.name, more)
  end
  say("\n%s: %d passed, %d failed, %d left out", first and "does NOT conform" or "conforms", count.pass, count.FAIL, count.skip)
  if first then say(ADVICE, it.settings.scheduler, (first:gsub("'.*", "")))
  elseif #list == #cases then say("%s", LIMITS) end
  return first and FAILED or OK
end

-- Opens the plug-in and runs cases → the exit code.
local function check(it, list)
  local info, why = it:open()
  if not info then
    say("%s cannot be opened: %s", it.settings.scheduler, why)
    return UNAVAILABLE
  end
  say("%s %s (%s, ABI %s), resource %s\n%s\n", info.name, info.version, info.language, info.abi, it.settings.name, info.path)
  local code = run_all(it, list, config.check.quick)
  it:remove_directories()
  it:close()
  return code
end

return function()
  ids.init(math.random(1, math.maxinteger) & 0x3ffffffffffff, 0)
  local settings, list = config.resources[1], chosen(config.check.case)
  local code = USAGE
  if #list > 0 then
    code = check(subject.new(settings), list)
  else
    say("no case has %q in its name; there are:", config.check.case)
    for _, case in ipairs(cases) do say("  %s", case.name) end
  end
  -- And with the last of them the folder that they are in.
  files.remove("check", { settings.base, config.data .. "/ssh", config.data .. "/resources" }, 60000)
  return code
end
