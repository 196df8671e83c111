-- What the plug-in `pbs` asks qsub for: a job's needs in the words of either flavour, and nothing that would take the job out of
-- our hands.
local recording = require "support.recording"
local pbs = require "pbs"

local SERVERS = {
  openpbs = { stdout = "pbs_version = 23.06.06\n", stderr = "", server = "Server: srv\n    max_array_size = 500\n" },
  torque = { stdout = "", stderr = "Version: 6.1.2\nCommit: \n", server = "Server: srv\n    server_state = Active\n" },
}

-- An instance whose qsub takes everything, and the arguments of the last.
local function open(flavour, options)
  local last = {}
  local config = { timeout_ms = 1000 }
  for name, value in pairs(options or {}) do config[name] = value end
  local self, why = pbs.open(config, recording.host(function(argv)
    local said = recording.said ""
    if argv[2] == "--version" then said.stdout, said.stderr = SERVERS[flavour].stdout, SERVERS[flavour].stderr
    elseif argv[1] == "id" then said.stdout = "user\n"
    elseif argv[2] == "-B" then said.stdout = SERVERS[flavour].server
    else
      last.argv = " " .. table.concat(argv, " ") .. " "
      said.stdout = last.argv:find " %-[Jt] " and "7[].srv\n" or "7.srv\n"
    end
    return said
  end))
  return self, why or last
end

local function submit(flavour, change, options)
  local self, last = open(flavour, options)
  local item = recording.submission()
  for name, value in pairs(change) do item[name] = value end
  item.attributes.custom_attributes, item.attributes.duration = item.attributes.custom_attributes or {}, 60
  return recording.call(pbs, "submit", self, { item })[1], last.argv
end

-- The values of -l but for the time.
local function needs(flavour, resources, custom)
  local _, argv = submit(flavour, { resources = resources, attributes = { custom_attributes = custom } })
  return argv:match "%-l walltime=60 (.*)$":gsub("%-l ", ""):gsub("%s+$", "")
end

describe("pbs", function()
  it("asks for nodes in the words of the flavour", function()
    for _, case in ipairs {
      { {}, "", "" },
      { { process_count = 4 }, "select=1:ncpus=4:mpiprocs=4 place=free", "nodes=1:ppn=4" },
      { { node_count = 2, process_count = 5, cpu_cores_per_process = 2 },
        "select=1:ncpus=6:mpiprocs=3+1:ncpus=4:mpiprocs=2 place=scatter", "nodes=1:ppn=6+1:ppn=4" },
      { { node_count = 3, processes_per_node = 2, memory = 1 << 30 },
        "select=3:ncpus=2:mpiprocs=2:mem=1073741824b place=scatter", "nodes=3:ppn=2 mem=3221225472b" },
      { { process_count = 5, processes_per_node = 2 }, "select=2:ncpus=2:mpiprocs=2+1:ncpus=1:mpiprocs=1 place=scatter",
        "nodes=2:ppn=2+1:ppn=1" },
      { { gpu_cores_per_process = 1, process_count = 2 }, "select=1:ncpus=2:mpiprocs=2:ngpus=2 place=free",
        "nodes=1:ppn=2:gpus=2" },
    } do
      assert.equal(case[2], needs("openpbs", case[1]))
      assert.equal(case[3], needs("torque", case[1]))
    end
    assert.equal("select=1:ncpus=1:mpiprocs=1 place=free:excl", needs("openpbs", { exclusive_node_use = true }))
  end)

  it("has each flavour's arrays", function()
    local report, argv = submit("openpbs", { size = 2 })
    assert.same({ "7[1].srv", "7[2].srv" }, report.native_ids)
    assert.matches(" -J 1-2 ", argv, 1, true)
    report, argv = submit("torque", { size = 2 })
    assert.same({ "7[1].srv", "7[2].srv" }, report.native_ids)
    assert.matches(" -t 1-2 ", argv, 1, true)
    assert.same({ 500, "PBS_ARRAY_INDEX" }, { open("openpbs").honours.array_size, open("openpbs").honours.index })
    assert.same({ 10000, "PBS_ARRAYID" }, { open("torque").honours.array_size, open("torque").honours.index })
  end)

  it("prefers what the job says to what the resource says", function()
    local options = { queue = "night", account = "house", qsub = { "-p", "5" } }
    local _, argv = submit("openpbs", { attributes = {} }, options)
    assert.matches(" -q night -A house -p 5 ", argv, 1, true)
    _, argv = submit("openpbs", { attributes = { queue_name = "day", account = "mine" } }, options)
    assert.matches(" -q day -A mine -p 5 ", argv, 1, true)
    _, argv = submit("openpbs", { attributes = { reservation_id = "R12.srv" } }, options)
    assert.matches(" -q R12 ", argv, 1, true)
    assert.equal("rejected", submit("openpbs", { attributes = { queue_name = "day", reservation_id = "R12" } }).error.class)
  end)

  it("takes resources as custom attributes, and nothing else", function()
    for name, values in pairs {
      walltime = { "1" }, ["l walltime"] = { "1" }, ["-q"] = { "night" }, [""] = { "1" },
      gpus = { "1,walltime=1", "1 -q night", '1"', "a\nb", "", true, {}, ("x"):rep(5000) },
    } do
      for _, value in ipairs(values) do
        local report, argv = submit("openpbs", { attributes = { custom_attributes = { [name] = value } } })
        assert.equal("rejected", report.error and report.error.class, name)
        assert.is_nil(argv)
      end
    end
    assert.equal("gpus=1 mem=2gb", needs("torque", {}, { gpus = 1, mem = "2gb" }))
    assert.equal("select=2:ncpus=1+1:mem=2gb", needs("openpbs", {}, { select = "2:ncpus=1+1:mem=2gb" }))
    assert.equal("select=1:ncpus=2:mpiprocs=2 place=free software=x", needs("openpbs", { process_count = 2 }, { software = "x" }))
    local both = { resources = { process_count = 2 }, attributes = { custom_attributes = { select = "2" } } }
    assert.matches("beside resources", submit("openpbs", both).error.message)
  end)

  it("refuses options that are the other flavour's, and those that it does not have", function()
    assert.matches("this is Torque", select(2, open("torque", { project = "x" })))
    assert.matches("pbs has no option partition", select(2, open("openpbs", { partition = "x" })))
  end)
end)
