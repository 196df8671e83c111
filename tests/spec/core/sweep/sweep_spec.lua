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

  it("a sample draws so many jobs, and each is computed by itself", function()
    local text = space '{"x":{"from":0.5,"to":1.5},"n":{"from":1,"to":9},"l":["a","b"]}':sub(1, -2)
      .. ',"sample":{"method":"latin_hypercube","count":1000000,"seed":3}}'
    local before = collectgarbage "count"
    local plan = plan_of(text)
    assert.same({ 1000000 }, { plan.jobs, plan.combine })
    local last = (sweep.job(plan, 999999))
    assert.equal(last, (sweep.job(plan_of(text), 999999)))
    assert.are_not.equal(last, (sweep.job(plan, 999998)))
    local values = json.decode(last)
    assert.is_true(values.x >= 0.5 and values.x <= 1.5 and math.type(values.n) == "integer" and #values.l == 1)
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 4096)
    assert.equal('{"count":1000000,"method":"latin_hypercube","seed":3}', plan.sample)
  end)

  it("what is wrong with a sample is named", function()
    local function with(more, range)
      return space(range or '{"n":{"from":1,"to":2}}'):sub(1, -2) .. ',"sample":{"method":"random","count":10,"seed":1}' .. more .. "}"
    end
    assert.is_truthy(plan_of(with ""))
    assert.equal("/combine cannot stand beside sample, which draws all values", refused(with ',"combine":"zip"'))
    assert.equal("/parameters/n must have either step or count", refused(with("", '{"n":{"from":1,"to":2,"step":1,"count":2}}')))
    assert.equal("/parameters/n from and to are too far apart", refused(with("", '{"n":{"from":-9007199254740992,"to":1}}')))
    assert.equal("/sample/count must be at most 9 here", (function()
      local _, problems = plan_of(with "", nil, 9)
      return problems[1].pointer .. " " .. problems[1].detail
    end)())
    for _, sample in ipairs { '{"method":"sobol","count":1}', '{"count":1}', '{"method":"random"}', '{"method":"random","count":0}',
      '{"method":"random","count":1000001}', '{"method":"random","count":1,"seed":-1}',
      '{"method":"random","count":1,"seed":9007199254740992}',
      '{"method":"random","count":1,"seed":0.5}', '"random"' } do
      local plan, problems = plan_of(space '{"n":[1]}':sub(1, -2) .. ',"sample":' .. sample .. "}")
      assert.is_nil(plan)
      assert.matches("^/sample", problems[1].pointer)
    end
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

  -- What is tried of a template that names all parameters.
  local function tried(parameters, more)
    local names, seen = {}, {}
    for name in parameters:gmatch '"(%l)":' do names[#names + 1] = "${" .. name .. "}" end
    local text = space(parameters, (',"name":"%s"'):format(table.concat(names, " "))):sub(1, -2) .. (more or "") .. "}"
    assert(plan_of(text, function(job)
      seen[job.name] = true
      seen[#seen + 1] = job.name
    end))
    return seen
  end

  it("what is wrong only together is found: extremes are combined", function()
    local seen = tried '{"a":[1,5,9],"b":{"from":1,"to":8,"step":1},"c":["x","yy"]}'
    for _, a in ipairs { 1, 9 } do
      for _, b in ipairs { 1, 8 } do
        for _, c in ipairs { "x", "yy" } do assert.is_true(seen[("%d %d %s"):format(a, b, c)]) end
      end
    end
  end)

  it("so many are combined, and those first that are nearest to the first", function()
    local parts = {}
    for byte = 97, 108 do parts[#parts + 1] = ('"%c":[1,2,3]'):format(byte) end
    local seen = tried("{" .. table.concat(parts, ",") .. "}")
    assert.equal(500, #seen)
    for first = 1, 12 do
      for second = first + 1, 12 do
        local values = {}
        for a = 1, 12 do values[a] = (a == first or a == second) and 3 or 1 end
        assert.is_true(seen[table.concat(values, " ")])
      end
    end
  end)

  it("zipped values are tried as they stand together", function()
    local seen = tried('{"a":["xx","y","zzz"],"b":[1,2,0]}', ',"combine":"zip"')
    for name in pairs { ["xx 1"] = 1, ["y 2"] = 1, ["zzz 0"] = 1 } do assert.is_true(seen[name]) end
    assert.is_nil(seen["xx 2"] or seen["y 1"] or seen["zzz 1"])
  end)

  it("a sample is tried with the ends of what it is drawn from, and with a fraction", function()
    local seen = tried('{"a":{"from":1,"to":9},"b":{"from":0.0,"to":100.0}}', ',"sample":{"method":"random","count":3,"seed":1}')
    for _, a in ipairs { 1, 9 } do
      assert.is_true(seen[a .. " 0.0"] and seen[a .. " 100.0"])
    end
    local fraction
    for _, name in ipairs(seen) do fraction = fraction or tonumber(name:match " (.*)") % 1 ~= 0 end
    assert.is_true(fraction)
  end)

  it("a problem says with which values it came", function()
    local _, problems = plan_of(space('{"a":[1,7],"b":["x","yy"]}', ',"priority":"${a}","name":"${b}"'), function(job, prefix)
      if job.priority == 7 and job.name == "yy" then return { { pointer = prefix .. "/name", detail = "must be shorter" } } end
    end)
    assert.equal("must be shorter (with a = 7, b = yy)", problems[1].detail)
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
