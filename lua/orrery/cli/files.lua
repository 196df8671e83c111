-- `orrery files`: the files in a job's directory, and their content.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local listing = require "orrery.cli.listing"
local out = require "orrery.cli.out"
local quantity = require "orrery.cli.quantity"
local session = require "orrery.cli.session"

local files = {
  name = "files",
  summary = "list or fetch the files of a job",
  client = true,
}

function files.declare(command)
  command:argument("job", "the job's id"):argname "JOB"
  command:argument("path", "a file to fetch, or a folder to list (default: the job's directory)"):args "?"
    :argname "PATH"
  command:option("-o", "write the file there instead of to standard output"):hidden_name "--output":target "output"
    :argname "FILE"
  command:flag("-r --recursive", "list folders inside folders, too")
end

local columns = {
  { title = "MODIFIED", cell = function(file) return file.modified_at and quantity.time(file.modified_at) end },
  { title = "SIZE", align = "right", cell = function(file)
    return file.type == "directory" and "-" or file.size and quantity.size(file.size)
  end },
  { title = "PATH", cell = function(file) return file.path .. (file.type == "directory" and "/" or "") end },
}

-- Where the bytes of a file go: standard output, or a file that appears under its name once it is whole.
local function open_target(path)
  if not path or path == "-" then
    return { write = out.bytes, keep = function() end, drop = function() end }
  end
  local partial = path .. ".part"
  local file, problem = io.open(partial, "wb")
  if not file then exit.fail(exit.IO, "%s", problem) end
  local function fail(sentence)
    file:close()
    os.remove(partial)
    exit.fail(exit.IO, "%s", sentence)
  end
  return {
    write = function(bytes)
      local written, sentence = file:write(bytes)
      if not written then fail(sentence) end
    end,
    keep = function()
      local closed, sentence = file:close()
      if closed then closed, sentence = os.rename(partial, path) end
      if not closed then exit.fail(exit.IO, "%s", sentence) end
    end,
    drop = function()
      file:close()
      os.remove(partial)
    end,
  }
end

local function fetch(opened, path, output)
  local target = open_target(output)
  local fine, thrown = pcall(function()
    opened:check(nil, opened:send { path = path, accept = "*/*", sink = target.write })
  end)
  if not fine then
    target.drop()
    error(thrown, 0)
  end
  target.keep()
end

function files.run(arguments)
  local opened = session.open(arguments)
  local path = session.path("/v1/jobs", arguments.job, "files")
  for segment in (arguments.path or ""):gmatch("[^/]+") do path = session.path(path, segment) end
  if arguments.path and not arguments.path:find("/$") then
    fetch(opened, path, arguments.output)
    return exit.OK
  end
  local items = {}
  for file in opened:items(path, { recursive = arguments.recursive and 1 or nil }) do items[#items + 1] = file end
  if arguments.json then
    out.json { items = json.list(items) }
  elseif #items == 0 then
    out.say "no files"
  else
    listing.print(columns, items)
  end
  return exit.OK
end

return files
