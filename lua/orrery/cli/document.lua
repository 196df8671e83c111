-- A simulation file: the JSON of the requests that make a simulation, in one document,
--   {"name": …, "description": …, "tags": {…}, "jobs": [job specification, …], "sweeps": [sweep, …]}
-- Paths in it that are relative and hold a slash are taken from the folder of the file.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local program = require "house.program"

local document = {}

local members = { name = "string", description = "string", tags = "table", jobs = "list", sweeps = "list" }

-- Line and column of a byte, counted from 1.
local function place(content, offset)
  local line, start = 1, 1
  for newline in content:sub(1, offset):gmatch("()\n") do line, start = line + 1, newline + 1 end
  return line, (utf8.len(content, start, offset, true) or offset - start + 1) + 1
end

local function read(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  local content, read_problem
  if file then content, read_problem = file:read("a") end
  if not content then exit.fail(exit.NO_INPUT, "%s", problem or ("%s: %s"):format(path, read_problem)) end
  return content
end

local function check(path, value)
  local function refuse(format, ...) exit.fail(exit.DATA, "%s: " .. format, path, ...) end
  if type(value) ~= "table" or json.is_list(value) then refuse("must be an object with name, jobs or sweeps") end
  for name, member in pairs(value) do
    local kind = members[name]
    if not kind then refuse("/%s: only name, description, tags, jobs and sweeps are known here", name) end
    if kind == "list" and not json.is_list(member) then refuse("/%s must be a list", name) end
    if kind ~= "list" and type(member) ~= kind then
      refuse("/%s must be %s", name, kind == "string" and "a text" or "an object")
    end
  end
  if #(value.jobs or {}) + #(value.sweeps or {}) == 0 then refuse("there is neither a job nor a sweep in it") end
end

-- A parameter at the beginning (`${folder}/solver`) may make a path absolute: that is not ours to know.
local function resolve(spec, folder)
  if type(spec) ~= "table" then return end
  for _, name in ipairs { "executable", "directory", "stdin_path" } do
    local value = spec[name]
    if type(value) == "string" and value:find("/", 1, true) and not value:find("^/") and not value:find("^%${") then
      spec[name] = program.absolute(folder .. "/" .. value)
    end
  end
end

---Reads a simulation file; "-" is standard input.
---@return {name:string, description:string|nil, tags:table|nil, jobs:table[], sweeps:table[]}
function document.read(path)
  local content = read(path)
  local value, sentence, offset = json.decode(content)
  if value == nil then
    local line, column = place(content, offset)
    exit.fail(exit.DATA, "%s:%d:%d: %s", path, line, column, sentence)
  end
  check(path, value)
  value.jobs, value.sweeps = value.jobs or {}, value.sweeps or {}
  value.name = value.name or (path == "-" and "stdin" or path:match("[^/]+$"):gsub("%.json$", ""))
  local folder = path:match("^(.*)/") or "."
  for _, job in ipairs(value.jobs) do resolve(job, folder) end
  for _, sweep in ipairs(value.sweeps) do resolve(type(sweep) == "table" and sweep.template, folder) end
  return value
end

return document
