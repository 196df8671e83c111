-- `orrery put`: sends a file to a job.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"

local put = {
  name = "put",
  summary = "send a file to a job, before it begins or while it runs",
  client = true,
}

function put.declare(command)
  command:argument("job", "the job's id"):argname "JOB"
  command:argument("file", "the file to send; -: standard input"):argname "FILE"
  command:argument("path", "its name in the job's directory, in folders if need be (default: as it is called here)"):args "?"
    :argname "NAME"
  command:epilog "Each attempt of the job begins with a copy of what was sent before it has begun."
end

-- What is sent → how to read it, its size; nil: nobody knows.
local function open_source(path)
  local at, file, problem, size = 0, io.stdin, nil, nil
  if path ~= "-" then
    file, problem = io.open(path, "rb")
    if not file then exit.fail(exit.NO_INPUT, "%s", problem) end
    problem = select(2, file:read(0))
    if problem then exit.fail(exit.NO_INPUT, "%s: %s", path, problem) end -- it is a folder
    size = file:seek "end"
    if not size or not file:seek("set", 0) then size = nil end
  end
  return function(offset, room)
    if offset ~= at and not file:seek("set", offset) then exit.fail(exit.UNAVAILABLE, "the connection broke") end
    local bytes
    bytes, problem = file:read(room)
    if problem then exit.fail(exit.NO_INPUT, "%s: %s", path, problem) end
    at = offset + #(bytes or "")
    return bytes
  end, size
end

function put.run(arguments)
  local name = arguments.path or arguments.file:match "[^/]*$"
  if arguments.file == "-" and not arguments.path then
    exit.fail(exit.USAGE, "give a NAME to what is read from standard input")
  end
  if name == "" then exit.fail(exit.USAGE, "%s is a folder; put sends one file", arguments.file) end
  local source, size = open_source(arguments.file)
  local path = session.path("/v1/jobs", arguments.job, "files")
  for segment in name:gmatch "[^/]+" do path = session.path(path, segment) end
  local opened = session.open(arguments)
  local _, _, body = opened:check(nil, opened:send { method = "PUT", path = path, source = source, body_size = size })
  local file = session.decode(body)
  if arguments.json then out.json(body)
  else out.line(("%s: %s"):format(file.path, quantity.size(file.size))) end
  return exit.OK
end

return put
