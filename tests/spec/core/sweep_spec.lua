-- Sweeps: from a template and a parameter space to jobs, without the server.
local house = require "support.house"
local schema = require "orrery.core.schema"
local sweep = require "orrery.core.sweep"

local json = house.json

local function plan_of(text, check, most)
  local body = json.decode(text)
  local problems = schema.check(sweep.schema, body)
  if problems then return nil, problems end
  return sweep.plan(body, most or 1000000, check or function() end)
end

local function space(parameters, more)
  return ('{"template":{"executable":"x"%s},"parameters":%s}'):format(more or "", parameters)
end

-- The parameters of every job, a line each.
local function jobs_of(text)
  local plan, problems = plan_of(text)
  assert(plan, problems and problems[1].detail)
  local lines = {}
  for i = 0, plan.jobs - 1 do lines[i + 1] = (sweep.job(plan, i)) end
  return table.concat(lines, " ")
end

local function refused(text)
  local plan, problems = plan_of(text)
  assert.is_nil(plan)
  return problems[1].pointer .. " " .. problems[1].detail
end

describe("sweep.plan", function()
  it("the last name turns fastest", function()
    assert.equal('{"a":1,"b":"x"} {"a":1,"b":"y"} {"a":2,"b":"x"} {"a":2,"b":"y"}', jobs_of(space '{"b":["x","y"],"a":[1,2]}'))
  end)

  it("zip", function()
    local text = space '{"a":[1,2,3],"b":{"from":10,"to":30,"step":10}}':sub(1, -2) .. ',"combine":"zip"}'
    assert.equal('{"a":1,"b":10} {"a":2,"b":20} {"a":3,"b":30}', jobs_of(text))
  end)

  it("ranges", function()
    assert.equal('{"n":1} {"n":3} {"n":5}', jobs_of(space '{"n":{"from":1,"to":6,"step":2}}'))
    assert.equal('{"n":0.1} {"n":0.2} {"n":0.3}', jobs_of(space '{"n":{"from":0.1,"to":0.3,"step":0.1}}'))
    assert.equal('{"n":3} {"n":2} {"n":1}', jobs_of(space '{"n":{"from":3,"to":1,"step":-1}}'))
    assert.equal('{"n":4}', jobs_of(space '{"n":{"from":4,"to":4,"step":7}}'))
    assert.equal('{"n":4}', jobs_of(space '{"n":{"from":4,"to":9,"count":1}}'))
    local plan = plan_of(space '{"n":{"from":0,"to":1,"count":1000000}}')
    assert.equal(1000000, plan.jobs)
    assert.equal(1.0, json.decode((sweep.job(plan, 999999))).n)
  end)

  it("a million jobs cost no more than one", function()
    local before = collectgarbage "count"
    local plan = plan_of(space '{"a":{"from":1,"to":1000,"step":1},"b":{"from":1,"to":1000,"step":1}}')
    assert.equal(1000000, plan.jobs)
    assert.equal('{"a":1000,"b":1000}', (sweep.job(plan, 999999)))
    assert.equal('{"a":501,"b":1}', (sweep.job(plan, 500000)))
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 4096)
  end)

  it("what is wrong is named", function()
    local _, many = plan_of(space '{"a":[1,2,3],"b":[1,2,3]}', nil, 6)
    assert.same({ pointer = "/parameters", detail = "expands into more than 6 jobs" }, many[1])
    assert.equal("/parameters/n must have at least one value", refused(space '{"n":[]}'))
    assert.equal("/parameters/n must have either step or count", refused(space '{"n":{"from":1,"to":2}}'))
    assert.equal("/parameters/n step leads away from to", refused(space '{"n":{"from":1,"to":2,"step":-1}}'))
    assert.equal("/parameters/n from and to are too far apart", refused(space '{"n":{"from":-1e308,"to":1e308,"count":2}}'))
    assert.matches("^/template/name %${m} is not a declared parameter", refused(space('{"n":[1]}', ',"name":"${m}"')))
    assert.matches("^/template/arguments/1 %${n is not", (refused(space('{"n":[1]}', ',"arguments":["a","${n"]')):gsub("{n}", "{n")))
    assert.matches("^/template/environment/%${n} a parameter cannot stand in a key",
      refused(space('{"n":[1]}', ',"environment":{"${n}":"x"}')))
  end)

  it("the template is checked with the first values, and with those that stand for the others", function()
    local seen = {}
    plan_of(space('{"n":[5,1,9,2],"t":["bb","a","ccc"]}', ',"priority":"${n}","name":"${t}"'), function(job)
      seen[#seen + 1] = job.priority .. job.name
    end)
    table.sort(seen)
    for _, expected in ipairs { "1bb", "5a", "5bb", "5ccc", "9bb" } do
      local found = false
      for _, got in ipairs(seen) do found = found or got == expected end
      assert.is_true(found, expected .. " was not tried: " .. table.concat(seen, " "))
    end
  end)

  it("a parameter that is not used is not tried", function()
    local count = 0
    plan_of(space '{"n":[5,1,9,2]}', function() count = count + 1 end)
    assert.equal(1, count)
  end)

  it("a problem says with which value it came", function()
    local plan, problems = plan_of(space('{"n":[1,7]}', ',"priority":"${n}"'), function(job, prefix)
      if job.priority == 7 then return { { pointer = prefix .. "/priority", detail = "must be smaller" } } end
    end)
    assert.is_nil(plan)
    assert.same({ pointer = "/template/priority", detail = "must be smaller (with n = 7)" }, problems[1])
  end)

  it("a number stands where a number belongs, a text where a text belongs", function()
    local plan = plan_of(space('{"n":[1,2]}', ',"priority":"${n}","name":"${n}","hold":"${n}"'))
    local _, job = sweep.job(plan, 1)
    assert.same({ 2, "2" }, { job.priority, job.name })
  end)

  it("the specification is read again only where a column of the job depends on it", function()
    local plain = plan_of(space('{"n":[1,2]}', ',"arguments":["${n}"]'))
    assert.is_false(plain.varies)
    assert.equal(select(2, sweep.job(plain, 0)), select(2, sweep.job(plain, 1)))
    for _, field in ipairs { '"name":"${n}"', '"priority":"${n}"', '"resource":"${n}"', '"hold":"${n}"', '"tags":{"a":"${n}"}',
      '"resources":{"process_count":"${n}"}' } do
      assert.is_true(plan_of(space('{"n":[1,2]}', "," .. field)).varies, field)
    end
  end)
end)
