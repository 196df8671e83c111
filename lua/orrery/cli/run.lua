-- `orrery run FILE`: makes a simulation of a file and watches it. `orrery run -- COMMAND ...`: runs one job and prints
-- what it prints.
local document = require "orrery.cli.document"
local exit = require "orrery.cli.exit"
local jobspec = require "orrery.cli.jobspec"
local json = require "house.json"
local logs = require "orrery.cli.logs"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local watch = require "orrery.cli.watch"

local BATCH = 500 -- jobs in a request
local CANCEL_S = 5 -- for canceling what was begun in vain

local run = {
  name = "run",
  summary = "run a file of jobs and sweeps, or a single command",
  client = true,
  takes_words = true, -- what stands behind "--" is a command
}

function run.declare(command)
  command:usage("Usage: orrery run [OPTION...] FILE.json\n       orrery run [OPTION...] -- COMMAND [ARGUMENT...]")
  command:argument("file", "simulation file; - is standard input"):argname "FILE":args "?"
  command:group("Options",
    command:option("--name", "name of the simulation (default: the file's)"):argname "NAME",
    command:flag("-d --detach", "do not wait: print the simulation's id (with a command: the job's)"))
  command:group("Options for a command", table.unpack(jobspec.declare(command)))
  command:epilog(table.concat({
    "With a file: ends with 0 when all jobs have completed, 1 when not. With a command: ends with the exit code of "
      .. "the job, or 128 + the number of the signal that ended it. With 130 after Ctrl-C; what was started goes on.",
    "The file holds {\"name\": ..., \"description\": ..., \"tags\": {...}, \"jobs\": [job...], "
      .. "\"sweeps\": [sweep...]}, each as the REST interface takes it. Relative paths with a slash in them are taken "
      .. "from the folder of the file.",
  }, "\n\n"))
end

-- What the server found wrong, by its place in the file.
local function refuse(path, place, problem)
  local lines = {}
  for _, inner in ipairs(problem.errors or {}) do
    local pointer = inner.pointer:gsub("^/jobs/%d+", "") -- of a batch: `place` says where it stands in the file
    lines[#lines + 1] = ("%s: %s%s: %s"):format(path, place, pointer, inner.detail)
  end
  if #lines == 0 then lines[1] = ("%s: %s: %s"):format(path, place, problem.detail or problem.title) end
  exit.fail(exit.DATA, "%s", table.concat(lines, "\n"))
end

local invalid = { [400] = true, [413] = true, [422] = true }

local function add_sweeps(opened, id, path, sweeps)
  for i, sweep in ipairs(sweeps) do
    local status, answer = opened:post(session.path("/v1/simulations", id, "sweeps"), sweep, invalid)
    if invalid[status] then refuse(path, ("/sweeps/%d"):format(i - 1), answer) end
  end
end

local function add_jobs(opened, id, path, jobs)
  for first = 1, #jobs, BATCH do
    local batch = json.list(table.move(jobs, first, math.min(first + BATCH - 1, #jobs), 1, {}))
    local status, answer = opened:post(session.path("/v1/simulations", id, "jobs"), { jobs = batch }, invalid)
    if invalid[status] then refuse(path, "/jobs", answer) end
    for i, item in ipairs(answer.items) do
      if item.status > 299 then refuse(path, ("/jobs/%d"):format(first + i - 2), item.problem) end
    end
  end
end

-- A file is taken whole or not at all: when adding to the simulation fails, what was begun is taken back.
local function all_or_nothing(opened, id, add)
  local fine, result = pcall(add)
  if fine then return result end
  local path = session.path("/v1/simulations", id)
  if opened:send { method = "DELETE", path = path } ~= 204 then
    opened:send { method = "POST", path = path .. "/cancel" }
    opened:send { path = path, wait = CANCEL_S }
    if opened:send { method = "DELETE", path = path } ~= 204 then
      out.say("what was accepted before is being canceled: " .. opened.where.command("watch %s", id))
    end
  end
  error(result, 0)
end

-- The id of what was started in the background, for scripts; all of it for machines.
local function print_started(arguments, thing, body)
  if arguments.json then out.json(body) else out.line(thing.id) end
  return exit.OK
end

local function run_file(arguments)
  local misplaced = jobspec.given(arguments)
  if #misplaced > 0 then
    exit.fail(exit.USAGE, "%s is for `orrery run -- COMMAND`; in a file, the jobs say so themselves", misplaced[1])
  end
  local content = document.read(arguments.file)
  local opened = session.open(arguments)
  opened:catch_signals()
  local _, simulation, body = opened:post("/v1/simulations", {
    name = arguments.name or content.name, description = content.description, tags = content.tags,
  })
  all_or_nothing(opened, simulation.id, function()
    add_sweeps(opened, simulation.id, arguments.file, content.sweeps)
    add_jobs(opened, simulation.id, arguments.file, content.jobs)
  end)
  if arguments.detach then return print_started(arguments, simulation, body) end
  return watch.simulation(opened, arguments, simulation.id, simulation.name)
end

local function run_command(arguments, words)
  local opened = session.open(arguments)
  opened:catch_signals()
  local spec = jobspec.make(arguments, words)
  local _, simulation = opened:post("/v1/simulations", { name = arguments.name or words[1]:match("[^/]*$") })
  local job, body
  all_or_nothing(opened, simulation.id, function()
    job, body = select(2, opened:post(session.path("/v1/simulations", simulation.id, "jobs"), spec))
  end)
  if arguments.detach then return print_started(arguments, job, body) end
  return logs.follow(opened, job.id, {
    { name = "stdout", write = out.bytes }, { name = "stderr", write = out.error_bytes },
  })
end

---@param words string[]|nil what stood behind "--"
function run.run(arguments, _, words)
  if words and arguments.file then exit.fail(exit.USAGE, "either a file or `-- COMMAND`, not both") end
  if words and #words == 0 then exit.fail(exit.USAGE, "there is no command after --") end
  if words then return run_command(arguments, words) end
  if not arguments.file then exit.fail(exit.USAGE, "what to run? give a FILE.json, or -- COMMAND") end
  return run_file(arguments)
end

return run
