-- Who somebody is by the word of the site's service: what is believed, what is remembered, and what holds while it is away.
local house = require "support.house"
local services = require "support.services"
local json, answer = house.json, services.json

house.config.authentication = { service = "external", lifetime_s = 60, timeout_ms = 500, away = 30, highest_role = "operator" }
local stored = {}
package.loaded["orrery.data.tokens"] = { by_hash = function(hash) return stored[hash] end }

local authentication = require "orrery.core.service.authentication"
local changed = 0
authentication.watch(function() changed = changed + 1 end)

local people -- by token: what the service says

local function identify(token)
  local identity, code, why = authentication.identify(token)
  return identity and { identity.owner, identity.role } or code, why
end

local function push(body) services.subscribed["authentication.changed"]("authentication.changed", body) end

before_each(function()
  services.reset()
  push "{}"
  people = { a = { owner = "ada", role = "user" }, b = { owner = "bob", role = "admin" } }
  services.answer = function(_, request)
    local person = people[request.token]
    if person then return answer(person) end
    return services.problem(401, "Nobody has this token.")
  end
end)

describe("the service", function()
  it("is asked for what it knows, and believed", function()
    assert.same({ "ada", "user" }, identify "a")
    assert.same({ service = "authentication", method = "identify", body = '{"token":"a"}', timeout_ms = 500 }, services.calls[1])
    local code, why = identify "c"
    assert.same({ "refused", "Nobody has this token." }, { code, why })
  end)

  it("can make nobody more than the site allows", function() assert.same({ "bob", "operator" }, identify "b") end)

  it("says when a token ends", function()
    people.a.expires_at = "2026-01-31T12:00:00Z"
    assert.equal(1769860800000, (authentication.identify "a").expires_at)
    people.b.expires_at = json.null
    assert.is_nil((authentication.identify "b").expires_at)
  end)

  it("is not asked about what can be no token", function()
    for _, token in ipairs { "", "a b", "\0", "\255\254", ("x"):rep(20000) } do assert.equal("refused", (identify(token))) end
    assert.equal(0, #services.calls)
  end)

  it("is asked again when its word has grown old", function()
    identify "a"
    services.now = services.now + 59000
    people.a.owner = "eve"
    assert.same({ "ada", "user" }, identify "a")
    services.now = services.now + 2000
    assert.same({ "eve", "user" }, identify "a")
    assert.equal(2, #services.calls)
  end)

  it("is asked once by all who come with a token at once", function()
    services.slow = true
    local seen = {}
    for i = 1, 100 do services.task(function() seen[i] = identify "a" end) end
    assert.same({ 1, 0 }, { #services.calls, #seen })
    services.go_on()
    services.go_on()
    assert.equal(100, #seen)
    assert.same({ "ada", "user" }, seen[100])
    assert.equal(1, #services.calls)
  end)

  it("is asked about so many tokens at once and no more", function()
    services.slow = true
    local codes = {}
    for i = 1, 300 do services.task(function() codes[i] = identify("t" .. i) end) end
    assert.equal(256, #services.calls)
    assert.equal("unavailable", codes[300])
    services.go_on()
    assert.equal("refused", codes[1])
    services.task(function() codes[1] = identify "t300" end)
    services.go_on()
    assert.equal("refused", codes[1])
  end)

  it("has its refusals remembered for a moment", function()
    identify "c"
    people.c = { owner = "cid", role = "user" }
    services.now = services.now + 4000
    assert.equal("refused", (identify "c"))
    services.now = services.now + 2000
    assert.same({ "cid", "user" }, identify "c")
  end)

  it("says itself that something has changed", function()
    identify "a"
    identify "b"
    local before = changed
    people.a, people.b = nil, nil
    push '{"owner":"ada"}'
    assert.equal(before + 1, changed)
    assert.equal("refused", (identify "a"))
    assert.same({ "bob", "operator" }, identify "b")
    push "no JSON at all"
    assert.equal("refused", (identify "b"))
  end)

  it("lets in whom it knew when they came, and not those who come after it has said that they are no more", function()
    services.slow = true
    local first, second
    services.task(function() first = identify "a" end)
    local told = people.a
    services.answer = function(_, request) return request.token == "a" and answer(told) or services.problem(401, "no") end
    push "{}"
    services.go_on()
    assert.same({ "ada", "user" }, first)
    told = { owner = "eve", role = "user" }
    services.task(function() second = identify "a" end)
    services.go_on()
    assert.same({ "eve", "user" }, second)
  end)

  it("has what it said before that forgotten, though it is told after", function()
    services.slow = true
    local first, second
    services.task(function() first = identify "a" end)
    push "{}"
    people.a = nil
    services.task(function() second = identify "a" end)
    assert.equal(2, #services.calls)
    services.go_on()
    assert.same({ "refused", "refused" }, { first, second })
  end)
end)

describe("a service that lies", function()
  local lies = {
    ["no JSON"] = function() return "}{", "application/json" end,
    ["no object"] = function() return '["ada"]', "application/json" end,
    ["no owner"] = function() return answer { role = "user" } end,
    ["an owner with control characters"] = function() return answer { owner = "a\nda", role = "user" } end,
    ["an owner of great length"] = function() return answer { owner = ("a"):rep(129), role = "user" } end,
    ["a number for an owner"] = function() return answer { owner = 7, role = "user" } end,
    ["a role that is none"] = function() return answer { owner = "ada", role = "root" } end,
    ["a time that is none"] = function() return answer { owner = "ada", role = "user", expires_at = "tomorrow" } end,
    ["more than was asked"] = function() return answer { owner = "ada", role = "user", rank = 3 } end,
    ["too much"] = function() return ("x"):rep(70000), "application/json" end,
    ["far too much"] = function() return nil, "too_large", "the answer has more than 16777216 bytes" end,
    ["a problem that is none"] = function() return "[]", "application/problem+json" end,
    ["a problem of its own"] = function() return services.problem(503, "my database is away") end,
    ["a refusal of the question"] = function() return services.problem(422, "what is a token?") end,
  }
  for what, lie in pairs(lies) do
    it("is not believed: " .. what, function()
      services.answer = lie
      assert.equal("unavailable", (identify "a"))
    end)
  end

  it("is counted, and told to the log once for what it always does", function()
    identify "b"
    services.reset()
    services.answer = lies["no owner"]
    for i = 1, 50 do
      identify("t" .. i)
      services.now = services.now + 100
    end
    assert.equal(50, services.counted.service_failures)
    assert.equal(1, #services.logged)
    assert.truthy(services.logged[1]:find "warn: service fails.*/owner is required")
    services.answer = function() return answer(people.a) end
    identify "a"
    assert.truthy(services.logged[2]:find "info: service answers again")
    for _, line in ipairs(services.logged) do assert.is_nil(line:find "t1") end
  end)

  it("has its words of refusal kept from the world if they are none", function()
    services.answer = function() return services.problem(401, "a\27[31m") end
    assert.equal("The token is not known, or was revoked.", select(2, identify "a"))
  end)
end)

describe("while nobody answers", function()
  local function away() services.answer = function() return nil, "timeout", "no answer within 500 ms" end end

  it("what was said last counts for as long as the site says, and not longer", function()
    identify "a"
    away()
    services.now = services.now + 61000
    assert.same({ "ada", "user" }, identify "a")
    services.now = services.now + 28000
    assert.same({ "ada", "user" }, identify "a")
    services.now = services.now + 2000
    assert.equal("unavailable", (identify "a"))
    assert.equal("unavailable", (identify "b"))
  end)

  it("what was forgotten because it changed does not come back", function()
    identify "a"
    away()
    push '{"owner":"ada"}'
    assert.equal("unavailable", (identify "a"))
  end)

  it("not everybody waits to hear it", function()
    identify "a"
    services.calls = {}
    away()
    for i = 1, 20 do identify("t" .. i) end
    assert.equal(3, #services.calls)
    services.now = services.now + 1100
    identify "t21"
    assert.equal(4, #services.calls)
    services.answer = function() return answer(people.a) end
    services.now = services.now + 1100
    assert.same({ "ada", "user" }, identify "a")
    assert.same({ "ada", "user" }, identify "t22")
  end)

  it("one alone waits to hear whether somebody answers again", function()
    away()
    for i = 1, 3 do identify("t" .. i) end
    services.calls, services.slow = {}, true
    services.now = services.now + 1100
    local seen = {}
    for i = 4, 8 do services.task(function() seen[i] = identify("t" .. i) end) end
    assert.same({ [5] = "unavailable", [6] = "unavailable", [7] = "unavailable", [8] = "unavailable" }, seen)
    services.answer = function() return answer(people.a) end
    services.go_on()
    assert.same({ "ada", "user" }, seen[4])
    services.slow = false
    assert.same({ "ada", "user" }, identify "t9")
    assert.equal(2, #services.calls)
  end)
end)

describe("the store", function()
  it("has the last word about administrators, who are not asked about", function()
    stored["digest of k"] = { owner = "admin", role = "admin" }
    services.answer = function() return nil, "unavailable", "there is no broker" end
    assert.same({ "admin", "admin" }, identify "k")
    assert.equal(0, #services.calls)
  end)

  it("has none about others", function()
    stored["digest of u"] = { owner = "ada", role = "operator" }
    local code, why = identify "u"
    assert.equal("refused", code)
    assert.truthy(why:find "only those of administrators count")
    assert.equal(0, #services.calls)
  end)
end)
