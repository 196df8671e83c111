-- Schemas: what a value must look like, as data. Bodies are checked against them, and the OpenAPI document is made of
-- them, so the two cannot differ. A schema is a table with `type`:
--   text     min, max (bytes), pattern (Lua) + format (what it means in words), line (no control characters), choices
--   integer  min, max      number  min, max      boolean      null
--   time     RFC 3339
--   list     of, max       map  of, max, key_pattern      object  fields {name = schema}; unknown names are errors
--   any      as it is      either  a list of schemas; the first that fits the kind of value counts, or the one whose `when`
--                                  names a member that the value has
-- and with `required`, `help` for members of objects.
local json = require "house.json"
local moment = require "orrery.core.moment"

local schema = {}

local function kind_of(value)
  local kind = type(value)
  if kind == "number" or kind == "boolean" then return kind end
  if kind == "string" then return "text" end
  if value == json.null then return "null" end
  if kind == "table" then return json.is_list(value) and "list" or "map" end
  return kind
end

local names = { text = "a text", time = "a time such as 2026-01-31T12:00:00Z", integer = "a whole number",
  number = "a number", boolean = "true or false", list = "a list", map = "an object", object = "an object", null = "null" }

local function escape(name) return (tostring(name):gsub("~", "~0"):gsub("/", "~1")) end

local check

local function bounds(s, what)
  if s.min and s.max then return ("%s from %s to %s"):format(what, s.min, s.max) end
  if s.min then return ("%s of at least %s"):format(what, s.min) end
  return ("%s of at most %s"):format(what, s.max)
end

local checks = {}

function checks.text(s, value, pointer, problem)
  if #value < (s.min or 0) or #value > (s.max or 1048576) then
    return problem(pointer, ("must have %d to %d bytes, not %d"):format(s.min or 0, s.max or 1048576, #value))
  end
  if s.line and value:find("%c") then return problem(pointer, "must be one line without control characters") end
  if s.pattern and not value:find(s.pattern) then return problem(pointer, "must be " .. s.format) end
  if s.choices then
    for _, choice in ipairs(s.choices) do
      if value == choice then return end
    end
    problem(pointer, "must be one of " .. table.concat(s.choices, ", "))
  end
end

function checks.integer(s, value, pointer, problem)
  if (s.min and value < s.min) or (s.max and value > s.max) then
    problem(pointer, "must be " .. bounds(s, "a whole number") .. ", not " .. tostring(value))
  end
end

function checks.number(s, value, pointer, problem)
  if (s.min and value < s.min) or (s.max and value > s.max) then
    problem(pointer, "must be " .. bounds(s, "a number") .. ", not " .. tostring(value))
  end
end

function checks.boolean() end

function checks.time(s, value, pointer, problem)
  if not moment.parse(value) then problem(pointer, "must be " .. names[s.type]) end
end

function checks.list(s, value, pointer, problem)
  if #value > (s.max or 100000) then
    return problem(pointer, ("must have at most %d members, not %d"):format(s.max or 100000, #value))
  end
  local at -- a pointer is written only where there is a problem: lists may be long
  local function inside(rest, detail) return problem(pointer .. "/" .. at .. rest, detail) end
  for i, member in ipairs(value) do
    at = i - 1
    check(s.of, member, "", inside)
  end
end

function checks.map(s, value, pointer, problem)
  local count, most = 0, s.max or 10000
  for _ in pairs(value) do count = count + 1 end
  if count > most then return problem(pointer, ("must have at most %d members, not %d"):format(most, count)) end
  for name, member in pairs(value) do
    local at = pointer .. "/" .. escape(name)
    if s.key_pattern and not name:find(s.key_pattern) then problem(at, "this key must be " .. s.key_format) end
    check(s.of, member, at, problem)
  end
end

local MOST_NAMES = 12

---What there is, to be said after an unknown name has been refused: "; there are a, b", or where to read all of it.
---@param declared table<string, any>
function schema.instead(declared)
  local there = {}
  for name in pairs(declared) do there[#there + 1] = name end
  if #there == 0 then return "" end
  if #there > MOST_NAMES then return "; /openapi.json tells what there is" end
  table.sort(there)
  return ("; there %s %s"):format(#there == 1 and "is" or "are", table.concat(there, ", "))
end

function checks.object(s, value, pointer, problem)
  for name, member in pairs(value) do
    local field = s.fields[name]
    if field then check(field, member, pointer .. "/" .. name, problem)
    elseif problem(pointer .. "/" .. escape(name), "there is no such field here" .. schema.instead(s.fields)) then
      return -- there may be a million
    end
  end
  for name, field in pairs(s.fields) do
    if field.required and value[name] == nil then problem(pointer .. "/" .. name, "is required: " .. field.help) end
  end
end

function checks.any() end

function checks.null() end

local function fits(s, value, kind)
  local wanted = s.type
  if s.when and (kind ~= "map" or value[s.when] == nil) then return false end
  if wanted == "any" then return true end
  if wanted == "integer" then return math.type(value) == "integer" end
  if wanted == "number" then return kind == "number" end
  if wanted == "time" then return kind == "text" end
  if wanted == "object" or wanted == "map" then
    return kind == "map" or (kind == "list" and next(value) == nil and not json.is_list(value))
  end
  return kind == wanted
end

function check(s, value, pointer, problem)
  local kind = kind_of(value)
  if s.type == "either" then
    for _, option in ipairs(s) do
      if fits(option, value, kind) then return check(option, value, pointer, problem) end
    end
    local words = {}
    for _, option in ipairs(s) do
      local word = names[option.type]
      if words[#words] ~= word then words[#words + 1] = word end
    end
    return problem(pointer, "must be " .. table.concat(words, " or ") .. ", not " .. names[kind])
  end
  if not fits(s, value, kind) then
    local got = s.type == "integer" and kind == "number" and tostring(value) or names[kind] or kind
    return problem(pointer, "must be " .. names[s.type] .. ", not " .. got)
  end
  checks[s.type](s, value, pointer, problem)
end

local MOST_PROBLEMS = 20

---Checks a value. @return {pointer:string, detail:string}[]|nil problems, in the order of their pointers
function schema.check(s, value, prefix)
  local problems
  check(s, value, prefix or "", function(pointer, detail) -- → true when no more are told
    problems = problems or json.list {}
    if #problems < MOST_PROBLEMS then problems[#problems + 1] = { pointer = pointer, detail = detail } end
    return #problems == MOST_PROBLEMS
  end)
  if problems then table.sort(problems, function(a, b) return a.pointer < b.pointer end) end
  return problems
end

---A JSON Schema (2020-12) of it, for the OpenAPI document.
function schema.to_json_schema(s)
  local out = { description = s.help }
  if s.type == "either" then
    out.oneOf = json.list {}
    for i, option in ipairs(s) do out.oneOf[i] = schema.to_json_schema(option) end
  elseif s.type == "text" then
    out.type, out.minLength, out.maxLength = "string", s.min, s.max
    out.enum = s.choices and json.list { table.unpack(s.choices) }
  elseif s.type == "time" then
    out.type, out.format = "string", "date-time"
  elseif s.type == "integer" or s.type == "number" then
    out.type, out.minimum, out.maximum = s.type, s.min, s.max
  elseif s.type == "boolean" or s.type == "null" then
    out.type = s.type
  elseif s.type == "list" then
    out.type, out.items, out.maxItems = "array", schema.to_json_schema(s.of), s.max
  elseif s.type == "map" then
    out.type, out.additionalProperties, out.maxProperties = "object", schema.to_json_schema(s.of), s.max
  elseif s.type == "object" then
    out.type, out.additionalProperties, out.properties = "object", false, {}
    local required = json.list {}
    for name, field in pairs(s.fields) do
      out.properties[name] = schema.to_json_schema(field)
      if field.required then required[#required + 1] = name end
    end
    table.sort(required)
    if #required > 0 then out.required = required end
  end
  if s.nullable and out.type then out.type = json.list { out.type, "null" } end
  return out
end

return schema
