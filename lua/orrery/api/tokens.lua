-- /v1/tokens and /v1/whoami: bearer tokens. A token is shown once, when it is made; only its hash is kept.
local clock = require "house.clock"
local db = require "house.db"
local digest = require "house.digest"
local ids = require "house.ids"
local json = require "house.json"
local server = require "house.server"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local authentication = require "orrery.core.service.authentication"
local data = require "orrery.data.tokens"
local events = require "orrery.data.events"
local problem = require "orrery.api.problem"

local whole = answer.shapes { { "id", "id", "key" }, { "owner", "text" }, { "role", "text" }, { "name", "text" },
  { "created_at", "born", "born" }, { "expires_at", "time" } }

local function whoami(context)
  local principal = context.principal
  return answer.json(200, json.encode { owner = principal.owner, role = principal.role })
end

local function must_count(role)
  if role == "admin" or not authentication.is_external then return end
  problem.raise("configured", "Here another service says who somebody is (authentication.service is external): of this server's "
    .. "own tokens only those of the role admin count.")
end

local function create(context)
  local body, key, token = context.body, ids.new(), server.random(32)
  must_count(body.role)
  local row = { key = key, born = key, hash = digest.sha256(token), owner = body.owner, role = body.role or "user",
    name = body.name, expires_at = body.expires_in and clock.now() + body.expires_in * 1000 }
  return answer.once(context, function(finish)
    local change, text = db.change(), whole:text(row):sub(1, -2)
    data.insert(change, row)
    return finish(change, 201, "Location: /v1/tokens/" .. ids.text(key) .. "\r\nCache-Control: no-store\r\n",
      text .. ',"token":"' .. token .. '"}', text .. ',"token":null}')
  end)
end

local function list(context)
  local after, _, limit = answer.page(context.query)
  return answer.list_of(whole, limit, data.list, after, limit)
end

local function delete(context, id)
  local key = ids.key(id)
  if not key then access.absent(context, "token", id) end
  local change = db.change()
  data.delete(change, key)
  events.append(change, clock.now(), "token.revoked", nil, nil, nil, { token_id = id, by = context.principal.owner })
  local ok, code, why = change:commit()
  if not ok and code == "conflict" then access.absent(context, "token", id) end
  if not ok then problem.of_commit(code, why) end
  return 204, "", ""
end

return {
  { method = "GET", path = "/v1/whoami", rpc = "whoami", summary = "Whose token this is", handler = whoami,
    response = "principal" },
  { method = "POST", path = "/v1/tokens", rpc = "tokens.create", summary = "Make a token", status = 201, role = "admin",
    handler = create, response = "token",
    body = { type = "object", help = "a token", fields = {
      owner = { type = "text", min = 1, max = 128, line = true, required = true, help = "whose it is" },
      role = { type = "text", choices = { "user", "operator", "admin" }, help = "what it allows (default user)" },
      name = { type = "text", max = 128, line = true, help = "for people" },
      expires_in = { type = "integer", min = 1, max = 315360000, help = "seconds until it ends (default: never)" } } } },
  { method = "GET", path = "/v1/tokens", rpc = "tokens.list", summary = "List tokens", role = "admin", handler = list,
    response = "list", query = { limit = answer.page_query.limit, cursor = answer.page_query.cursor } },
  { method = "DELETE", path = "/v1/tokens/{id}", rpc = "tokens.delete", summary = "Revoke a token", status = 204,
    role = "admin", handler = delete },
}
