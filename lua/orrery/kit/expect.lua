-- What cases of the conformance kit say: expectations that are thrown as sentences when they fail, and reasons why a case
-- cannot be tried.
local json = require "house.json"

local expect = {}

local failure = {}

function expect.fail(sentence) error(setmetatable({ sentence = sentence }, failure), 0) end

---Says that the case cannot be tried here, and why.
function expect.moot(sentence) error(setmetatable({ sentence = sentence, moot = true }, failure), 0) end

---The sentence of what was thrown by an expectation, and whether the case was moot; nil: it was thrown by something else.
function expect.sentence(thrown)
  if getmetatable(thrown) == failure then return thrown.sentence, thrown.moot end
end

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
