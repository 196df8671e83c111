-- The report on a simulation that has ended: its results as a table, the jobs that failed, where the outputs lie.
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local outcome = require "orrery.cli.outcome"
local progress = require "orrery.cli.progress"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local report = {}

local PAGE, MOST_ROWS, FIRST_ROWS, LAST_ROWS, MOST_FAILURES = 1000, 60, 40, 20, 5

local function take(opened, path, query, most)
  local items = {}
  for item in opened:items(path, query) do
    if #items == most then break end
    items[#items + 1] = session.without_nulls(item)
  end
  return items
end

-- All rows if they are few; else the first and the last ones, as far as a page reaches.
---@return table[] rows
---@return string|nil missing which they are, in words, when they are not all
---@return integer|nil gap after which row others are missing
local function rows(opened, id, total)
  local items = take(opened, session.path("/v1/simulations", id, "results"), { limit = PAGE }, PAGE)
  if #items <= MOST_ROWS then return items end
  if total > #items then
    return table.move(items, 1, MOST_ROWS, 1, {}), ("the first %d of %d rows"):format(MOST_ROWS, total), MOST_ROWS
  end
  local shown = table.move(items, 1, FIRST_ROWS, 1, {})
  return table.move(items, #items - LAST_ROWS + 1, #items, FIRST_ROWS + 1, shown),
    ("the first %d and the last %d of %d rows"):format(FIRST_ROWS, LAST_ROWS, total), FIRST_ROWS
end

---Prints the table of results of a simulation, cut to what a terminal can show.
function report.results(opened, simulation)
  local items, shown, gap = rows(opened, simulation.id, simulation.counts.total)
  if #items == 0 then return out.say "no results: the simulation has no jobs" end
  local left_out = listing.print(outcome.columns(items), items, gap)
  local notes = { shown and "these are " .. shown }
  if #left_out > 0 then
    notes[#notes + 1] = ("%s did not fit (%s)"):format(text.count(#left_out, "column"),
      text.clean(table.concat(left_out, ", ")))
  end
  if #notes > 0 then
    out.say(("%s; everything: %s"):format(table.concat(notes, "; "),
      opened.where.command("results %s --csv", simulation.id)))
  end
end

-- "exit 3", "signal 9", "TIMEOUT: …": how a job ended, in a few words.
function report.how(job)
  if job.reason == "EXIT_CODE" and job.exit_code then return ("exit %d"):format(job.exit_code) end
  if job.reason == "SIGNAL" and job.signal then return ("signal %s"):format(job.signal) end
  return job.reason or ""
end

local function failures(opened, simulation)
  local query = { simulation = simulation.id, state = "FAILED", limit = MOST_FAILURES }
  for _, job in ipairs(take(opened, "/v1/jobs", query, MOST_FAILURES)) do
    out.say(text.clean(("failed: %s  %s"):format(job.id, job.message or report.how(job))))
  end
  if simulation.counts.FAILED > MOST_FAILURES then
    out.say(("and %d more: %s"):format(simulation.counts.FAILED - MOST_FAILURES,
      opened.where.command("jobs --simulation %s --state FAILED", simulation.id)))
  end
end

-- The folder of a simulation is the one that its jobs' folders have in common.
local function outputs(opened, simulation)
  local job = take(opened, "/v1/jobs", { simulation = simulation.id, limit = 1 }, 1)[1]
  local folder = job and job.directory and job.directory:match("^(.*/" .. simulation.id:gsub("%-", "%%-") .. ")/")
  if folder then out.say(text.clean("outputs: " .. folder)) end
end

---@param elapsed number seconds
function report.print(opened, simulation, elapsed)
  report.results(opened, simulation)
  if simulation.counts.FAILED then failures(opened, simulation) end
  outputs(opened, simulation)
  out.say(("simulation %s: %s in %s"):format(simulation.id, progress.outcome(simulation.counts),
    quantity.duration(elapsed)))
end

return report
