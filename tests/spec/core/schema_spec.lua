-- Schemas: what they refuse and in which words, and what they become in the OpenAPI document.
local house = require "support.house"
local schema = require "orrery.core.schema"

local json = house.json

local function problems(s, value)
  local told = {}
  for i, problem in ipairs(schema.check(s, value) or {}) do told[i] = problem.pointer .. " " .. problem.detail end
  return table.concat(told, "; ")
end

describe("schema.check", function()
  it("texts", function()
    assert.equal("", problems({ type = "text", min = 1, max = 3 }, "abc"))
    assert.equal(" must have 1 to 3 bytes, not 4", problems({ type = "text", min = 1, max = 3 }, "abcd"))
    assert.equal(" must have 1 to 3 bytes, not 5", problems({ type = "text", min = 1, max = 3 }, "ü\u{20ac}"))
    assert.equal(" must be one line without control characters", problems({ type = "text", line = true }, "a\nb"))
    assert.equal(" must be a path", problems({ type = "text", pattern = "^/", format = "a path" }, "x"))
    assert.equal(" must be one of a, b", problems({ type = "text", choices = { "a", "b" } }, "c"))
    assert.equal(" must be a text, not a number", problems({ type = "text" }, 7))
  end)

  it("numbers", function()
    assert.equal("", problems({ type = "integer" }, math.mininteger))
    assert.equal(" must be a whole number, not 1.0", problems({ type = "integer" }, 1.0))
    assert.equal(" must be a whole number from 1 to 9, not 0", problems({ type = "integer", min = 1, max = 9 }, 0))
    assert.equal(" must be a whole number of at least 1, not -1", problems({ type = "integer", min = 1 }, -1))
    assert.equal(" must be a number of at most 0.5, not 0.6", problems({ type = "number", max = 0.5 }, 0.6))
    assert.equal("", problems({ type = "number" }, 1))
    assert.equal(" must be true or false, not null", problems({ type = "boolean" }, json.null))
  end)

  it("lists and maps, with pointers into them", function()
    local s = { type = "list", of = { type = "list", of = { type = "integer" } }, max = 2 }
    assert.equal("/1/0 must be a whole number, not a text", problems(s, json.list { json.list { 1 }, json.list { "x" } }))
    assert.equal(" must have at most 2 members, not 3", problems(s, json.list { json.list {}, json.list {}, json.list {} }))
    assert.equal(" must be a list, not an object", problems(s, { a = 1 }))
    local m = { type = "map", of = { type = "text" }, max = 1, key_pattern = "^%l+$", key_format = "small letters" }
    assert.equal("/A~1~0 this key must be small letters", problems(m, { ["A/~"] = "x" }))
    assert.equal("/a must be a text, not true or false", problems(m, { a = true }))
    assert.equal(" must have at most 1 members, not 2", problems(m, { a = "x", b = "y" }))
  end)

  it("objects", function()
    local s = { type = "object", fields = { a = { type = "integer", required = true, help = "how many" }, b = { type = "any" } } }
    assert.equal("", problems(s, { a = 1, b = json.null }))
    assert.equal("/a is required: how many; /c there is no such field here; there are a, b", problems(s, { c = 1 }))
    assert.equal(" must be an object, not a list", problems(s, json.list {}))
    assert.equal(" must be an object, not a text", problems(s, "x"))
  end)

  it("unknown names, with those that there are, if these are few", function()
    local s = { type = "object", fields = {} }
    assert.equal("/x there is no such field here", problems(s, { x = 1 }))
    for i = 1, 12 do s.fields[("f%02d"):format(i)] = { type = "any" } end
    assert.equal("/x there is no such field here; there are f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11, f12",
      problems(s, { x = 1 }))
    s.fields.more = { type = "any" }
    assert.equal("/x there is no such field here; /openapi.json tells what there is", problems(s, { x = 1 }))
  end)

  it("either: the first that fits the kind, or that a member points to", function()
    local s = { type = "either", { type = "object", when = "many", fields = { many = { type = "integer" } } },
      { type = "object", fields = { one = { type = "text" } } }, { type = "integer" } }
    assert.equal("", problems(s, { one = "x" }))
    assert.equal("", problems(s, 7))
    assert.equal("/many must be a whole number, not a text", problems(s, { many = "x" }))
    assert.equal("/two there is no such field here; there is one", problems(s, { two = 1 }))
    assert.equal(" must be an object or a whole number, not a text", problems(s, "x"))
  end)

  it("problems come in the order of their pointers, and not without end", function()
    local fields = {}
    for n = 1, 50 do fields[("f%02d"):format(n)] = n end
    local list = schema.check({ type = "object", fields = {} }, fields, "/body")
    assert.equal(20, #list)
    for n = 2, 20 do assert.is_true(list[n - 1].pointer < list[n].pointer) end
    assert.matches("^/body/f", list[1].pointer)
    assert.is_nil(schema.check({ type = "any" }, 7))
  end)
end)

describe("schema.to_json_schema", function()
  it("says the same in JSON Schema's words", function()
    local s = { type = "object", help = "it", fields = {
      name = { type = "text", min = 1, max = 9, required = true, help = "its name" }, kind = { type = "text", choices = { "a", "b" } },
      size = { type = "integer", min = 0 }, tags = { type = "map", of = { type = "text" }, max = 3 },
      list = { type = "list", of = { type = "boolean" }, max = 4 }, any = { type = "any" },
      both = { type = "either", { type = "number" }, { type = "text" } } } }
    assert.equal('{"additionalProperties":false,"description":"it","properties":{"any":{},"both":{"oneOf":[{"type":"number"},'
      .. '{"type":"string"}]},"kind":{"enum":["a","b"],"type":"string"},"list":{"items":{"type":"boolean"},"maxItems":4,'
      .. '"type":"array"},"name":{"description":"its name","maxLength":9,"minLength":1,"type":"string"},"size":{"minimum":0,'
      .. '"type":"integer"},"tags":{"additionalProperties":{"type":"string"},"maxProperties":3,"type":"object"}},'
      .. '"required":["name"],"type":"object"}', json.encode(schema.to_json_schema(s)))
  end)
end)
