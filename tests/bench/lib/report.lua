-- The table, a row at a time as they are measured.
local process = require "support.process"

local report = {}

local format = "%-46s %11s  %-26s %11s %7s  %-9s %s\n"
local met, missed = 0, 0

local function put(...)
  io.write((format:format(...):gsub("%s+$", "\n")))
  io.flush()
end

local function thousands(number)
  local text = ("%.0f"):format(number)
  repeat
    local more
    text, more = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until more == 0
  return text
end

local units = {
  rate = function(number) return thousands(number) .. "/s" end,
  ms = function(number) return (number < 1 and "%.3f ms" or "%.1f ms"):format(number) end,
  speed = function(number) return thousands(number) .. " MiB/s" end,
  mib = function(number) return ("%.1f MiB"):format(number) end,
}

local function judge(ok)
  if ok then met = met + 1 else missed = missed + 1 end
  return ok and "met" or "MISSED"
end

local function ratio_text(number) return (number < 10 and "%.2f" or "%.1f"):format(number) end

function report.begin(scale)
  local _, version = process.run(process.quote(os.getenv "ORRERY_BUILD" .. "/orrery") .. " --version")
  local _, cores = process.run "nproc"
  local method = scale.rounds == 1 and "one round" or
    ("medians of %d rounds in turns; a ratio is the median of the rounds' own"):format(scale.rounds)
  print(("%s on %d cores, %s run: %s.\n"):format(version:gsub("%s+$", ""), tonumber(cores), scale.name, method))
  put("what", "ours", "compared with", "theirs", "ratio", "budget", "")
end

---A comparison; `budget` has `least` or `most` for the ratio, or is nil where there is none.
---@param result comparison
function report.compared(what, unit, result, with, budget)
  local limit, verdict = "", ""
  if budget and budget.least then
    limit, verdict = ">= " .. budget.least, judge(result.ratio >= budget.least)
  elseif budget then
    limit, verdict = "<= " .. budget.most, judge(result.ratio <= budget.most)
  end
  local show = units[unit]
  put(what, show(result.ours), with, show(result.theirs), ratio_text(result.ratio), limit, verdict)
end

---A number of our own with a budget of its own.
function report.absolute(what, unit, ours, most)
  put(what, units[unit](ours), "", "", "", ("<= %g"):format(most), judge(ours <= most))
end

---Milliseconds of our own, which may be so many more than those without a burden.
---@param result comparison
function report.delayed(what, result, with, most)
  put(what, units.ms(result.ours), with, units.ms(result.theirs), "", ("<= +%g"):format(most),
    judge(result.ours - result.theirs <= most))
end

function report.finish()
  print(("\n%d budgets met, %d missed"):format(met, missed))
end

return report
