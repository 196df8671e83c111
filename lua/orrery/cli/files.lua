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

-- Asks for a range, because that tells a file (206) from a folder (200, its listing): whole files come in one piece all
-- the same. An empty file has no range (416).
local PARTIAL, NO_RANGE = 206, 416

-- Fetches a file → nil, or, of a folder, its listing.
local function fetch(opened, path, output)
  local target, listed = open_target(output), {}
  local fine, thrown = pcall(function()
    opened:check({ [NO_RANGE] = true }, opened:send {
      path = path, accept = "*/*", range = "bytes=0-",
      sink = function(bytes, status)
        if status == PARTIAL then target.write(bytes) else listed[#listed + 1] = bytes end
      end,
    })
  end)
  if fine and #listed == 0 then return target.keep() end
  target.drop()
  if not fine then error(thrown, 0) end
  return session.decode(table.concat(listed))
end

function files.run(arguments)
  local opened = session.open(arguments)
  local path = session.path("/v1/jobs", arguments.job, "files")
  for segment in (arguments.path or ""):gmatch("[^/]+") do path = session.path(path, segment) end
  local listed
  if arguments.path and not arguments.recursive then
    listed = fetch(opened, path, arguments.output)
    if not listed then return exit.OK end
  else
    listed = opened:get(path, { recursive = arguments.recursive and 1 or nil })
  end
  if arguments.json then
    out.json { items = json.list(listed.items) }
  elseif #listed.items == 0 then
    out.say "no files"
  else
    listing.print(columns, listed.items)
  end
  if listed.cut == true then out.say "there are more files than these" end
  return exit.OK
end

return files
