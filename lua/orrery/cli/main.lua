-- The command line: finds the command among its words, has argparse check the rest, and turns whatever happens into a
-- sentence and an exit code. Called by main.c; each command is a file of its own, a table with
--   name, summary
--   client       talks to a server: gets the options that say which
--   declare      adds its arguments and options to an argparse command
--   run          (arguments, paths, words, parser) → exit code, and for `serve` the configuration to serve
-- or, instead of the last three, `commands`: a list of such tables, of which the next word names one.
package.path = package.path .. ";/usr/local/share/lua/5.4/?.lua;/usr/share/lua/5.4/?.lua" -- for argparse

local argparse = require "argparse"
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local program = require "house.program"
local steer = require "orrery.cli.steer"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local function command(name) return (require("orrery.cli." .. name)) end

-- The commands, as the help lists them.
local groups = {
  { "Simulations", command "run", command "watch", command "results", command "simulations" },
  { "Jobs", command "jobs", command "job", command "logs", command "files", command "put",
    command "events" },
  { "Steering, by ids of jobs or of simulations",
    steer("cancel", "end jobs before their time", "is being canceled"),
    steer("hold", "keep jobs from starting", "is being held"),
    steer("release", "let held jobs start", "is being released"),
    steer("suspend", "make jobs that run pause", "is being suspended"),
    steer("resume", "let suspended jobs go on", "is being resumed"),
    steer("retry", "try jobs that have ended once more", "is tried again"),
    command "alter", command "signal",
    steer("delete", "remove jobs or simulations that have ended, and their files", "is deleted") },
  { "The server", command "status", command "resource", command "plugin", command "webhook", command "serve",
    command "check_config", command "migrate", command "backup" },
  { "This program", command "completion" },
}

local HELP = {} -- thrown with the text by --help and --version, to leave argparse

local function show(content) error({ [HELP] = content }, 0) end

local function add_help(parser)
  parser:add_help(false)
  parser:flag("-h --help", "print this help"):action(function() show(parser:get_help()) end)
end

local function declare_client(parser)
  parser:option("--server", "the server's address (default: $ORRERY_URL, or the server on --data)"):argname "URL"
  parser:option("--data", "the data directory of a server on this machine"):argname "DIR"
  parser:option("--token-file", "file with the token (default: $ORRERY_TOKEN, or the one of the server on --data)")
    :argname "FILE"
  parser:flag("--json", "print the server's JSON")
end

local function declare(parser, each)
  local own = parser:command(each.name, each.summary)
  add_help(own)
  if each.declare then each.declare(own) end
  if each.client then declare_client(own) end
  for _, inner in ipairs(each.commands or {}) do declare(own, inner) end
  if each.commands then own:command_target "verb" end
  return own
end

local function make_parser()
  local parser = argparse("orrery", "Runs simulations on supercomputers, clusters and this machine.",
    "orrery COMMAND --help tells more. Manual: man orrery")
  local width = math.max(math.min(terminal.width() or 80, 100), 40)
  parser:usage_max_width(width):help_max_width(width):help_description_margin(26)
  parser:usage "Usage: orrery COMMAND [OPTION...] [ARGUMENT...]"
  add_help(parser)
  parser:flag("-V --version", "print the version"):action(function() show("orrery " .. program.version) end)
  local by_name = {}
  for _, group in ipairs(groups) do
    local members = {}
    for i = 2, #group do
      by_name[group[i].name] = group[i]
      members[#members + 1] = declare(parser, group[i])
    end
    parser:group(group[1], table.unpack(members))
  end
  parser:command_target "command"
  function parser.error(current, message)
    exit.fail(exit.USAGE, "%s\n%s", message, ("Try: %s --help"):format(current:_get_fullname()))
  end
  return parser, by_name
end

-- For a command that takes words, everything behind the first "--" is theirs.
local function split(argv, by_name)
  local name
  for i, word in ipairs(argv) do
    name = name or (by_name[word] and word)
    if word == "--" and name and by_name[name].takes_words then
      return table.move(argv, 1, i - 1, 1, {}), table.move(argv, i + 1, #argv, 1, {})
    end
  end
  return argv
end

local function chosen(by_name, arguments)
  local command_of = by_name[arguments.command]
  for _, inner in ipairs(command_of.commands or {}) do
    if inner.name == arguments.verb then return inner end
  end
  return command_of
end

-- "help serve" is "serve --help".
local function without_help(argv)
  if argv[1] ~= "help" then return argv end
  local words = table.move(argv, 2, #argv, 1, {})
  words[#words + 1] = "--help"
  return words
end

local function run(argv, paths)
  local parser, by_name = make_parser()
  argv = without_help(argv)
  if #argv == 0 then
    out.say(parser:get_help())
    return exit.USAGE
  end
  local own, words = split(argv, by_name)
  local arguments = parser:parse(own)
  return chosen(by_name, arguments).run(arguments, paths, words, parser)
end

-- Adds where it happened to what is a defect; failures and help are not.
local function locate(thrown)
  if exit.failure(thrown) or (type(thrown) == "table" and thrown[HELP]) then return thrown end
  return (debug.traceback(tostring(thrown), 2):gsub("\t", "  "))
end

---@param argv string[] the words behind the program's name
---@param paths {migrations:string, schedulers:string} the program's own files
---@return integer exit code
---@return table|nil config to serve
return function(argv, paths)
  local fine, code, config = xpcall(run, locate, argv, paths)
  if fine then return code, config end
  if type(code) == "table" and code[HELP] then
    terminal.write(1, code[HELP] .. "\n")
    return exit.OK
  end
  local failed_with, sentence = exit.failure(code)
  terminal.write(2, text.clean_lines("orrery: " .. (sentence or "this is a defect of orrery: " .. code)) .. "\n")
  return failed_with or exit.SOFTWARE
end
