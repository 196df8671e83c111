-- Answers that handlers share: JSON with an entity tag, pages of lists, waiting for something to change, and effects that
-- an Idempotency-Key makes happen once.
local changes = require "house.changes"
local clock = require "house.clock"
local db = require "house.db"
local digest = require "house.digest"
local ids = require "house.ids"
local shape = require "house.shape"
local task = require "house.task"
local idempotency = require "orrery.data.idempotency"
local problem = require "orrery.api.problem"

local answer = {}

local GATHER_MS = 10 -- changes come in crowds; one look is enough for all of a crowd
local JSON = "Content-Type: application/json\r\n"
answer.JSON = JSON

function answer.json(status, body, headers) return status, headers and JSON .. headers or JSON, body end

---Whether the client's If-None-Match (one tag, several, weak ones or *) names the tag.
function answer.has(request, tag)
  local known = request:header "if-none-match"
  return known == tag or (known ~= nil and (known == "*" or known:find(tag, 1, true) ~= nil))
end

---200 with the body's tag, or 304 when the client has it already.
function answer.tagged(context, body)
  local tag = digest.etag(body)
  if answer.has(context.request, tag) then return 304, "ETag: " .. tag .. "\r\n", "" end
  return 200, JSON .. "ETag: " .. tag .. "\r\n", body
end

-- Waiting --------------------------------------------------------------------------------------------------------

answer.wait_query = { type = "number", min = 0, max = 60, not_rpc = "the events on the bus tell what changes",
  help = "seconds to wait: until it has ended, or, with If-None-Match, until it is another than that" }

---Reads what a row has become, whenever something changed about it, until there is something to tell or the time is over.
---@param key integer the row's
---@param read fun():string, boolean the body, and whether it has come to its end
function answer.when_ready(context, key, read)
  local body, ended = read()
  local seconds = context.query.wait
  if seconds then
    local request, over = context.request, clock.monotonic() + seconds * 1000 // 1
    local conditional = request:header "if-none-match"
    while conditional and answer.has(request, digest.etag(body)) or not conditional and not ended do
      local left = over - clock.monotonic()
      if left <= 0 or changes.ending() or request:aborted() then break end
      if changes.wait(math.tointeger(left), key) then
        task.sleep(GATHER_MS)
        body, ended = read()
      end
    end
  end
  return answer.tagged(context, body)
end

-- Pages ----------------------------------------------------------------------------------------------------------

answer.page_query = {
  limit = { type = "integer", min = 1, max = 1000, help = "at most so many items (default 100)" },
  cursor = { type = "text", max = 64, help = "`next` of the page before" },
  order = { type = "text", choices = { "asc", "desc" }, help = "by creation: oldest first (default) or newest first" },
  fields = { type = "text", max = 1024, help = "names of the fields wanted, separated by commas" },
}

---The declared query parameters of a list: those of every list, and its own.
function answer.list_query(own)
  for name, s in pairs(answer.page_query) do own[name] = s end
  return own
end

---Where a page begins: the key to go on from, its direction, its limit.
function answer.page(query)
  local descending = query.order == "desc"
  local after = descending and math.maxinteger or 0
  if query.cursor then
    after = ids.key(query.cursor)
    if not after then problem.raise("invalid-query", "The cursor is none that this server gave.") end
  end
  return after, descending, query.limit or 100
end

local function page_of(items, last, more)
  return answer.json(200, ('{"items":[%s],"next":%s}'):format(items, more and ('"%s"'):format(ids.text(last)) or "null"))
end

---A page of rows, written by a shape. A full page may have a successor; the statement's first column is the page's key.
function answer.list_of(item_shape, limit, statement, ...)
  local items, count, last, enough = db.json_rows(item_shape, statement, ...)
  return page_of(items, last, count == limit or enough)
end

---The same of jobs, which are read in segments of keys (orrery.data.visible).
function answer.list_between(item_shape, limit, segments, statement, ...)
  local pieces, last, left, enough = {}, nil, limit, false
  for _, segment in ipairs(segments) do
    local items, count, key
    items, count, key, enough = db.json_rows(item_shape, statement, segment[1], segment[2], left, ...)
    if count > 0 then pieces[#pieces + 1], last, left = items, key, left - count end
    if left == 0 or enough then break end
  end
  return page_of(table.concat(pieces, ","), last, left == 0 or enough)
end

---Shapes of lists that may be cut down to some fields.
function answer.shapes(fields)
  local whole, by_text, count, known = shape.new(fields), {}, 0, {}
  for _, field in ipairs(fields) do known[field[1]] = field end
  return whole, function(text)
    if not text then return whole end
    local cut = by_text[text]
    if cut then return cut end
    local chosen = {}
    for name in (text .. ","):gmatch("([^,]*),") do
      if not known[name] then problem.raise("invalid-query", ("There is no field %q here."):format(name)) end
      if not chosen[name] then chosen[#chosen + 1] = known[name] end
      chosen[name] = true
    end
    cut = shape.new(chosen)
    if count >= 256 then by_text, count = {}, 0 end
    by_text[text], count = cut, count + 1
    return cut
  end
end

-- Effects --------------------------------------------------------------------------------------------------------

local function replay(row, request_hash)
  if row.request ~= request_hash then
    problem.raise("idempotency-mismatch", "Use a new key for a new request.")
  end
  return row.status, row.headers .. "Idempotency-Replayed: true\r\n", row.body
end

local function key_of(request)
  local key = request:header "idempotency-key"
  if not key then return nil end
  if #key == 0 or #key > 255 then
    problem.raise("invalid-value", ("The header Idempotency-Key must have 1 to 255 bytes, not %d."):format(#key))
  end
  return key, digest.sha256(request:method() .. "\0" .. request:path() .. "\0" .. request:body())
end

---Runs a handler's effect once for its Idempotency-Key. `effect(finish)` does what it must and ends with
---`return finish(change, status, headers, body)`, which commits the change with the answer in it. A fifth argument is kept
---for replays instead of a body with a secret in it.
---@param on_conflict fun(failed:integer)|nil raises what a failed guard means; the statement's number is given
function answer.once(context, effect, on_conflict)
  local request, owner = context.request, context.principal.owner
  local key, hash = key_of(request)
  local row = key and idempotency.get(owner, key)
  if row then return replay(row, hash) end
  return effect(function(change, status, headers, body, kept)
    headers = JSON .. (headers or "")
    if key then idempotency.insert(change, owner, key, hash, status, headers, kept or body, clock.now()) end
    if change:size() == 0 then return status, headers, body end
    local ok, code, why, failed = change:commit()
    if ok then return status, headers, body end
    if code == "conflict" then
      row = key and idempotency.get(owner, key) -- a twin was faster
      if row then return replay(row, hash) end
      if on_conflict then on_conflict(failed) end
    end
    problem.of_commit(code, why)
  end)
end

return answer
