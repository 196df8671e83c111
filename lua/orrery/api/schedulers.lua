-- /v1/schedulers: the scheduler plug-ins there are, used or not, and how they fare; reading one's file again, and closing
-- one. Both are recorded here; the control worker does them, a resource at a time.
local clock = require "house.clock"
local db = require "house.db"
local ids = require "house.ids"
local json = require "house.json"
local plugins = require "house.plugins"
local answer = require "orrery.api.answer"
local data = require "orrery.data.schedulers"
local problem = require "orrery.api.problem"
local resources = require "orrery.data.resources"

local function known(value) return value == nil and json.null or value end
local function time(at) return at and clock.text(at) or json.null end

-- Reading --------------------------------------------------------------------------------------------------------

---@class gathered what is known of one plug-in: its file, the wishes about it, and what its resources tell
---@field path string|nil
---@field wish table
---@field uses {name:string, row:table, info:table}[]

-- By name: every plug-in that has a file, or that a resource names.
local function gather()
  local all = {}
  local function of(name)
    all[name] = all[name] or { name = name, wish = { reload = 0 }, uses = {} }
    return all[name]
  end
  for name, path in pairs(plugins.list()) do of(name).path = path end
  for _, row in ipairs(resources.all_described()) do
    table.insert(of(row.scheduler).uses, { name = row.name, row = row, info = json.decode(row.info) })
  end
  for _, wish in ipairs(data.all()) do
    if all[wish.name] then all[wish.name].wish = wish end
  end
  return all
end

-- What all its resources together say: the worst that one does.
local function state_of(it)
  if it.wish.disabled_at then return "disabled" end
  if #it.uses == 0 then return "available" end
  local state = "loaded"
  for _, use in ipairs(it.uses) do
    if not use.info.plugin and use.row.state ~= "starting" then return "failed" end
    if not use.info.plugin then state = "loading" end
  end
  return state
end

local LANGUAGES = { so = "C", lua = "Lua" }

local function document(it, principal)
  local wish, newest, refused, names, reloading = it.wish, {}, {}, json.list {}, false
  local state = state_of(it)
  for i, use in ipairs(it.uses) do
    names[i] = use.name
    if (use.info.opened_at or 0) > (newest.opened_at or 0) then newest = use.info end
    if (use.info.error_at or 0) > (refused.error_at or 0) then refused = use.info end
    reloading = reloading or use.info.reloaded ~= wish.reload
  end
  local path = newest.path or it.path
  return {
    name = it.name, language = known(newest.language or path and LANGUAGES[path:match "%w+$"]),
    version = known(newest.version), abi = known(newest.abi), verbs = newest.verbs or json.list {},
    path = principal.rank == 3 and known(path) or json.null, resources = names, state = state,
    reloading = reloading and state ~= "disabled" and wish.reload ~= 0, opened_at = time(newest.opened_at),
    disabled_by = known(wish.disabled_by), disabled_at = time(wish.disabled_at),
    error = known(refused.error), error_at = time(refused.error_at),
  }
end

local function list(context)
  local items = json.list {}
  for _, it in pairs(gather()) do items[#items + 1] = document(it, context.principal) end
  table.sort(items, function(a, b) return a.name < b.name end)
  return answer.json(200, json.encode { items = items, next = json.null })
end

local function find(name)
  return gather()[name]
    or problem.raise("not-found", ("There is no scheduler plug-in %s, and no resource uses one."):format(name))
end

local function get(context, name) return answer.json(200, json.encode(document(find(name), context.principal))) end

-- Changing -------------------------------------------------------------------------------------------------------

-- A handler that records what is wanted of a plug-in, and shows it as it is then.
local function recording(status, record)
  return function(context, name)
    return answer.once(context, function(finish)
      local change, it = db.change(), find(name)
      record(change, it.name, it.wish, context.principal.owner)
      return finish(change, status, nil, json.encode(document(it, context.principal)))
    end)
  end
end

local reload = recording(202, function(change, name, wish)
  wish.reload = ids.new()
  data.reload(change, name, wish.reload)
end)

local disable = recording(200, function(change, name, wish, owner)
  local now = clock.now()
  data.disable(change, name, owner, now)
  if not wish.disabled_at then wish.disabled_by, wish.disabled_at = owner, now end
end)

local enable = recording(200, function(change, name, wish)
  data.enable(change, name)
  wish.disabled_by, wish.disabled_at = nil, nil
end)

return {
  { method = "GET", path = "/v1/schedulers", rpc = "schedulers.list", summary = "List scheduler plug-ins", handler = list,
    response = "list" },
  { method = "GET", path = "/v1/schedulers/{name}", rpc = "schedulers.get", summary = "Get a scheduler plug-in", handler = get,
    response = "scheduler" },
  { method = "POST", path = "/v1/schedulers/{name}/reload", rpc = "schedulers.reload",
    summary = "Read a scheduler plug-in's file again", role = "admin", status = 202, handler = reload, response = "scheduler" },
  { method = "POST", path = "/v1/schedulers/{name}/disable", rpc = "schedulers.disable", summary = "Close a scheduler plug-in",
    role = "admin", handler = disable, response = "scheduler" },
  { method = "POST", path = "/v1/schedulers/{name}/enable", rpc = "schedulers.enable",
    summary = "Use a scheduler plug-in again", role = "admin", handler = enable, response = "scheduler" },
}
