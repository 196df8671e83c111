-- Running the site's orrery.lua, which is configuration and code in one: it assigns settings, describes resources, and names
-- hooks, functions that are called later (core.hooks). It sees only what cannot reach the machine, and reading an unknown
-- name or assigning one are errors with file and line.
local file = {}

---Hooks there are: by name what they are given, and what they return.
file.hooks = {
  ["account.map"] = "{ owner, resource, simulation, job } -> the account that the job runs as; or nil and a sentence why not",
}

---@class config.site what the file says
---@field given table<string, any> what was assigned
---@field lines table<string, integer> the line in which it was (of a table, the one where that ends)
---@field resources {name:string, settings:table}[] in their order, and by name
---@field hooks table<string, function>

-- Copies, for what is done to them must stay in the file.
local function copy(library, but)
  local members = {}
  for name, member in pairs(library) do members[name] = member end
  if but then members[but] = nil end
  return members
end

local function resource_of(site, check)
  return function(name)
    if type(name) ~= "string" or not name:find("^[%w_-]+$") then
      error("a resource's name is letters, digits, _ and -", 2)
    end
    if site.resources[name] then error(("resource %q stands twice"):format(name), 2) end
    return function(settings)
      if type(settings) ~= "table" then error(('resource "%s" { … } expects a table'):format(name), 2) end
      local checked, problem = check(name, settings)
      if not checked then error(problem, 2) end
      site.resources[name] = checked
      site.resources[#site.resources + 1] = checked
    end
  end
end

local function hook_of(site)
  local names = {}
  for name in pairs(file.hooks) do names[#names + 1] = name end
  table.sort(names)
  return function(name, action)
    if not file.hooks[name] then
      error(("there is no hook %s; there is %s"):format(tostring(name), table.concat(names, ", ")), 2)
    end
    if type(action) ~= "function" then error(('hook("%s", …) expects a function'):format(name), 2) end
    if site.hooks[name] then error(("the hook %s stands twice"):format(name), 2) end
    site.hooks[name] = action
  end
end

local function environment_of(site, known, check)
  return setmetatable({
    resource = resource_of(site, check), hook = hook_of(site), env = os.getenv, ipairs = ipairs, pairs = pairs,
    math = copy(math), string = copy(string, "dump"), table = copy(table), tonumber = tonumber, tostring = tostring,
    type = type, next = next, select = select, assert = assert, error = error,
  }, {
    __newindex = function(_, name, value)
      if not known[name] then
        error(("there is no setting %s; orrery check-config --help lists those that there are"):format(tostring(name)), 2)
      end
      site.given[name], site.lines[name] = value, debug.getinfo(2, "l").currentline
    end,
    __index = function(_, name)
      if known[name] then return site.given[name] end
      error(("nothing is called %s here"):format(tostring(name)), 2)
    end,
  })
end

-- Calls the file's chunk, which may take `seconds` of processor time → nil | the problem
local function call(chunk, seconds)
  local stop_at = os.clock() + seconds
  debug.sethook(function()
    if os.clock() < stop_at then return end
    error(("this has run for %g s and was ended: does it loop for ever?"):format(seconds), 2)
  end, "", 100000)
  local ok, thrown = pcall(chunk)
  debug.sethook()
  if not ok then return tostring(thrown) end
end

---@return string|nil text
---@return string|nil problem
function file.read(path)
  local opened <close>, problem = io.open(path, "rb")
  local text = opened and opened:read "a"
  if not text then return nil, problem or path .. " cannot be read" end
  return text
end

---Runs the text of a file.
---@param known table<string, boolean> the names of settings
---@param check fun(name:string, settings:table):table|nil, string|nil checks a resource
---@param seconds number processor time that it may take
---@return config.site|nil site
---@return string|nil problem with file and line
function file.run(text, path, known, check, seconds)
  local site = { given = {}, lines = {}, resources = {}, hooks = {} }
  local chunk, problem = load(text:gsub("^#[^\n]*", ""), "@" .. path, "t", environment_of(site, known, check))
  problem = problem or call(chunk, seconds)
  if problem then return nil, problem end
  return site
end

return file
