-- What cases of the conformance kit say: expectations that are thrown as sentences when they fail.
local json = require "house.json"

local expect = {}

local failure = {}

function expect.fail(sentence) error(setmetatable({ sentence = sentence }, failure), 0) end

---The sentence of what was thrown by an expectation; nil: it was thrown by something else.
function expect.sentence(thrown) return getmetatable(thrown) == failure and thrown.sentence or nil end

---@param sentence string|fun():string
function expect.that(value, sentence)
  if not value then expect.fail(type(sentence) == "function" and sentence() or sentence) end
  return value
end

local function show(value)
  local text = type(value) == "table" and json.encode(value) or type(value) == "string" and ("%q"):format(value) or tostring(value)
  return #text > 300 and text:sub(1, 300) .. "…" or text
end

function expect.equal(wanted, got, what)
  if wanted ~= got then expect.fail(("%s: expected %s, got %s"):format(what, show(wanted), show(got))) end
end

return expect
