-- Samples: what is drawn depends on the seed, the parameter's name and the job's number alone.
local json = require("support.house").json
local axes = require "orrery.core.sweep.axes"
local sampling = require "orrery.core.sweep.sampling"

-- The values of each parameter, in the order of the jobs.
local function draw(parameters, method, count, seed)
  local drawn = {}
  local space = assert(axes.open(parameters, true))
  for _, axis in ipairs(sampling.draw(space, { method = method, count = count, seed = seed })) do
    assert.equal(count, axis.count)
    local values = {}
    for i = 0, count - 1 do values[i + 1] = axis.at(i) end
    drawn[axis.name] = values
  end
  return drawn
end

local unit = { from = 0.0, to = 1.0 }

local function correlation(a, b)
  local n, sa, sb, sab, saa, sbb = #a, 0, 0, 0, 0, 0
  for i = 1, n do
    sa, sb, sab, saa, sbb = sa + a[i], sb + b[i], sab + a[i] * b[i], saa + a[i] ^ 2, sbb + b[i] ^ 2
  end
  return (n * sab - sa * sb) / math.sqrt((n * saa - sa ^ 2) * (n * sbb - sb ^ 2))
end

describe("a permutation without a table", function()
  it("meets every number once", function()
    for _, count in ipairs { 1, 2, 3, 4, 5, 15, 16, 17, 100, 1023, 1024, 1025, 65537 } do
      for key = 1, 3 do
        local permuted, seen = sampling.permutation(key, count), {}
        for i = 0, count - 1 do
          local to = permuted(i)
          assert.is_true(math.type(to) == "integer" and to >= 0 and to < count and not seen[to])
          seen[to] = true
        end
      end
    end
  end)

  it("is another one for another key", function()
    local met = {}
    for key = 1, 500 do
      local permuted, order = sampling.permutation(key, 4), {}
      for i = 0, 3 do order[i + 1] = permuted(i) end
      met[table.concat(order)] = true
    end
    local count = 0
    for _ in pairs(met) do count = count + 1 end
    assert.equal(24, count) -- all orders of four
  end)

  it("can be asked for any number at once", function()
    local permuted, before = sampling.permutation(7, 1000000), collectgarbage "count"
    local sum = 0
    for i = 0, 999999, 99 do sum = sum + permuted(i) end
    assert.is_true(sum > 0 and collectgarbage "count" - before < 1024)
  end)
end)

describe("a sample", function()
  it("is the same for ever", function() -- these numbers must never change: seeds are written down
    local space = { a = { from = -1.0, to = 3.0 }, n = { from = 1, to = 1000 } }
    assert.same({ a = { -0.96848513875657494, 0.049674517414801667, 2.5686934520289113, 1.6754192779849304 },
      n = { 317, 778, 675, 421 } }, draw(space, "random", 4, 7))
    assert.same({ a = { 1.00787871517241, 2.2624186291359365, -0.10782663710415363, 0.66885481937788427 },
      n = { 80, 945, 669, 356 } }, draw(space, "latin_hypercube", 4, 7))
  end)

  it("is another one for another seed, and for another name", function()
    local drawn = draw({ a = unit, b = unit }, "random", 3, 1)
    assert.are_not.same(drawn.a, drawn.b)
    assert.are_not.same(drawn.a, draw({ a = unit }, "random", 3, 2).a)
    assert.are_not.same(drawn.a, draw({ a = unit }, "latin_hypercube", 3, 1).a)
  end)

  it("of a parameter is the same beside whichever others", function()
    for _, method in ipairs { "random", "latin_hypercube" } do
      assert.same(draw({ k = unit }, method, 20, 5).k, draw({ a = unit, k = unit, z = json.list { "x" } }, method, 20, 5).k)
    end
  end)

  it("stays between the ends, whichever comes first", function()
    for _, method in ipairs { "random", "latin_hypercube" } do
      local drawn = draw({ up = { from = 2.5, to = 2.75 }, down = { from = 1.0, to = -1 }, one = { from = 0.3, to = 0.3 },
        far = { from = -1e300, to = 1e300 } }, method, 1000, 3)
      for i = 1, 1000 do
        assert.is_true(drawn.up[i] >= 2.5 and drawn.up[i] <= 2.75)
        assert.is_true(drawn.down[i] >= -1 and drawn.down[i] <= 1)
        assert.is_true(math.abs(drawn.far[i]) <= 1e300)
        assert.equal(0.3, drawn.one[i])
      end
    end
  end)

  it("of integers is of integers, all of them", function()
    for _, method in ipairs { "random", "latin_hypercube" } do
      local seen = {}
      for _, n in ipairs(draw({ n = { from = 3, to = -2 } }, method, 600, 3).n) do
        assert.equal("integer", math.type(n))
        seen[n] = (seen[n] or 0) + 1
      end
      for n = -2, 3 do assert.is_true(seen[n] > 50) end
      assert.is_nil(seen[-3] or seen[4])
    end
    assert.equal("float", math.type(draw({ n = { from = 1, to = 3.0 } }, "random", 1, 3).n[1]))
    local large = draw({ n = { from = 1, to = 2 ^ 53 | 0 } }, "random", 100, 3).n
    for _, n in ipairs(large) do assert.is_true(n >= 1 and n <= 2 ^ 53) end
  end)

  it("draws from lists, and from ranges with steps", function()
    for _, method in ipairs { "random", "latin_hypercube" } do
      local seen = {}
      local drawn = draw({ l = json.list { "a", true, 3 }, s = { from = 0.1, to = 0.3, step = 0.1 } }, method, 300, 11)
      for i = 1, 300 do seen[tostring(drawn.l[i])], seen[drawn.s[i]] = true, true end
      assert.same({ a = true, ["true"] = true, ["3"] = true, [0.1] = true, [0.2] = true, [0.3] = true }, seen)
    end
  end)

  it("that is a Latin hypercube has one value in each stratum", function()
    for _, count in ipairs { 1, 2, 7, 100, 1024 } do
      for seed = 0, 4 do
        for _, values in pairs(draw({ a = unit, b = { from = 10.0, to = -10.0 } }, "latin_hypercube", count, seed)) do
          local seen, low, high = {}, math.huge, -math.huge
          for _, v in ipairs(values) do low, high = math.min(low, v), math.max(high, v) end
          local from, to = 0, 1
          if low < 0 or high > 1 then from, to = 10, -10 end
          for _, v in ipairs(values) do
            local stratum = math.floor((v - from) / (to - from) * count)
            assert.is_nil(seen[stratum])
            seen[stratum] = true
          end
        end
      end
    end
  end)

  it("that is a Latin hypercube has each value of a list equally often, where that is possible", function()
    for seed = 0, 20 do
      local times = {}
      local drawn = draw({ l = json.list { 1, 2, 3 }, n = { from = 1, to = 4 } }, "latin_hypercube", 120, seed)
      for i = 1, 120 do
        times["l" .. drawn.l[i]] = (times["l" .. drawn.l[i]] or 0) + 1
        times["n" .. drawn.n[i]] = (times["n" .. drawn.n[i]] or 0) + 1
      end
      assert.same({ l1 = 40, l2 = 40, l3 = 40, n1 = 30, n2 = 30, n3 = 30, n4 = 30 }, times)
    end
  end)

  it("spreads evenly, and no parameter follows another or itself", function()
    for _, method in ipairs { "random", "latin_hypercube" } do
      local squares, serial = 0, 0
      for seed = 1, 100 do
        local drawn = draw({ a = unit, b = unit }, method, 400, seed)
        squares = squares + correlation(drawn.a, drawn.b) ^ 2
        serial = serial + correlation({ table.unpack(drawn.a, 1, 399) }, { table.unpack(drawn.a, 2) }) ^ 2
        local sum = 0
        for _, v in ipairs(drawn.a) do sum = sum + v end
        assert.is_true(math.abs(sum / 400 - 0.5) < 0.1)
      end
      -- of independent numbers the mean square is 1/400
      assert.is_true(squares / 100 < 2 / 400, method .. " across: " .. squares * 4)
      assert.is_true(serial / 100 < 2 / 400, method .. " along: " .. serial * 4)
    end
  end)
end)
