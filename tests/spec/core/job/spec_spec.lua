-- The job specification: what the schema alone cannot say.
local house = require "support.house"
local schema = require "orrery.core.schema"
local spec = require "orrery.core.job.spec"

describe("spec", function()
  it("cores", function()
    assert.equal(1, spec.cores {})
    assert.equal(4, spec.cores { resources = { cpu_cores_per_process = 4 } })
    assert.equal(24, spec.cores { resources = { node_count = 2, processes_per_node = 3, cpu_cores_per_process = 4 } })
    assert.equal(10, spec.cores { resources = { node_count = 2, process_count = 5, cpu_cores_per_process = 2 } })
    assert.equal(1000000 * 1000000 * 1000000,
      spec.cores { resources = { node_count = 1000000, processes_per_node = 1000000, cpu_cores_per_process = 1000000 } })
  end)

  it("an executable or a script, one of them", function()
    assert.is_nil(spec.inconsistent { executable = "x" })
    assert.is_nil(spec.inconsistent { script = "x" })
    assert.equal("/jobs/3/executable", spec.inconsistent({}, "/jobs/3")[1].pointer)
    assert.equal("/script", spec.inconsistent({ executable = "x", script = "x" })[1].pointer)
  end)

  local honours = { fields = { "executable", "arguments", "resources.cpu_cores_per_process", "attributes.duration",
    "attributes.custom_attributes" }, cores = 8 }

  local function unhonoured(job)
    local problem = spec.unhonoured(job, honours, "here", "fake", "/t")
    return problem and problem.pointer .. ": " .. problem.detail
  end

  it("what a resource honours is let through, with what the house does itself", function()
    assert.is_nil(unhonoured { executable = "x", arguments = {}, name = "n", hold = true, priority = 1, tags = {}, submit = true,
      resource = "here", resources = { cpu_cores_per_process = 8 }, attributes = { duration = 1,
      custom_attributes = { ["fake.a"] = 1 } } })
  end)

  it("nothing is held against one that has not said what it honours", function()
    local job = { script = "x", attributes = { custom_attributes = { ["other.a"] = 1 } } }
    assert.is_nil(spec.unhonoured(job, {}, "here", "fake"))
    assert.is_true(spec.kind_fits(job, {}, "here", "fake"))
  end)

  it("what it does not is named", function()
    assert.matches("^/t/script: resource here cannot honour this field", unhonoured { script = "x" })
    assert.matches("^/t/resources/memory: ", unhonoured { executable = "x", resources = { memory = 1 } })
    assert.matches("^/t/attributes/queue_name: ", unhonoured { executable = "x", attributes = { queue_name = "q" } })
    assert.matches("^/t/attributes/custom_attributes/slurm.x: resource here is of scheduler fake",
      unhonoured { executable = "x", attributes = { custom_attributes = { ["slurm.x"] = 1 } } })
    assert.matches("^/t/resources: needs 9 cores; resource here gives a job at most 8",
      unhonoured { executable = "x", resources = { cpu_cores_per_process = 9 } })
  end)

  it("many numbers of cores make few kinds, and a kind fits where one of its jobs may", function()
    local kinds, count = {}, 0
    local function of(cores) return { executable = "x", resources = { cpu_cores_per_process = cores } } end
    for cores = 1, 100000 do
      local kind = spec.kind(of(cores))
      if not kinds[kind] then kinds[kind], count = true, count + 1 end
    end
    assert.equal(99 + 3 * 90 + 1, count)
    local function fits(cores, most)
      return spec.kind_fits(of(cores), { fields = honours.fields, cores = most }, "here", "fake")
    end
    assert.same({ true, true, false }, { fits(158, 152), fits(158, 150), fits(158, 149) })
    assert.same({ true, false }, { fits(99, 99), fits(99, 98) })
    assert.is_true(fits(1000000, nil))
    assert.is_false(spec.kind_fits({ script = "x" }, honours, "here", "fake"))
  end)

  it("jobs are of one kind when what a resource may refuse is alike", function()
    local function job(more)
      local j = { executable = "x", arguments = { "a" }, attributes = { custom_attributes = { ["fake.a"] = 1 } } }
      for name, value in pairs(more or {}) do j[name] = value end
      return j
    end
    local kind = spec.kind(job())
    for _, more in ipairs { { executable = "y", arguments = { "b", "c" } }, { name = "n", priority = 3, hold = true, tags = { a = "b" } },
      { attributes = { custom_attributes = { ["fake.b"] = {}, ["fake.c"] = 2 } } }, { resource = "here" } } do
      assert.equal(kind, spec.kind(job(more)))
    end
    local kinds = { [kind] = true }
    for _, more in ipairs { { environment = {} }, { attributes = {} },
      { attributes = { duration = 1, custom_attributes = { ["fake.a"] = 1 } } },
      { attributes = { custom_attributes = { ["fake.a"] = 1, ["slurm.a"] = 1 } } }, { resources = { process_count = 2 } },
      { resources = { cpu_cores_per_process = 2 } }, { resources = { process_count = 3 } } } do
      local other = spec.kind(job(more))
      assert.is_nil(kinds[other], other)
      kinds[other] = true
    end
  end)

  it("its schema takes a full specification, and names every mistake", function()
    assert.is_nil(schema.check(spec.schema, { executable = "/bin/true", arguments = house.json.list { "" }, environment = { A_1 = "" },
      directory = "/", resources = { node_count = 1, memory = math.maxinteger }, attributes = { duration = 1,
      custom_attributes = { ["x.y"] = house.json.null } }, tags = { ["a.b:c/d-e"] = "" }, priority = -1000 }))
    local pointers = {}
    for i, problem in ipairs(schema.check(spec.schema, { executable = "", directory = "x", environment = { ["1"] = "" },
      attributes = { duration = 0, custom_attributes = { xy = 1 } }, priority = 1001, resource = "a b", tags = { ["a b"] = "" } })) do
      pointers[i] = problem.pointer
    end
    assert.equal("/attributes/custom_attributes/xy /attributes/duration /directory /environment/1 /executable /priority "
      .. "/resource /tags/a b", table.concat(pointers, " "))
  end)
end)
