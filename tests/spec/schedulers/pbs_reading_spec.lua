-- How the plug-in `pbs` reads what qstat says: what somebody else wrote into a job is text, and an answer that is not whole is
-- none.
local recording = require "support.recording"
local openpbs = require "pbs.openpbs"
local torque = require "pbs.torque"
local looking = require "pbs.looking"
local text = require "pbs.text"
local pbs = require "pbs"

local MARK = "<0123456789abcdef>"

local function dsv(id, ...) return ("Job Id: %s"):format(id) .. MARK .. table.concat({ ... }, MARK) .. "\n" end
local function xml(id, more) return ("<Job><Job_Id>%s</Job_Id><Job_Name>tag</Job_Name>%s</Job>"):format(id, more) end

-- An instance of a flavour, and what it asked for; `answer` is given the words of each qstat of jobs.
local function instance(flavour, answer)
  local asked = {}
  local function run(argv, options)
    asked[#asked + 1] = argv
    return answer(argv, options)
  end
  return { flavour = flavour, server = "srv", remembers = true, deleted = {}, now = function() return 0 end, run = run }, asked
end

local function refs(...)
  local list = {}
  for i, id in ipairs { ... } do list[i] = { native_id = id, tag = "tag" } end
  return list
end

describe("pbs.openpbs", function()
  it("keeps what others wrote apart from what the server says", function()
    local forged = "x\nJob Id: 1.srv<" .. "Job_Name=tag<job_state=F<Exit_status=0"
    local jobs = openpbs.parse(dsv("1.srv", "Job_Name=tag", "job_state=R", "Variable_List=A=job_state=F\nJob Id: 1.srv",
      "job_state=F", "comment=" .. forged) .. dsv("2.srv", "Job_Name=other", "job_state=Q"), MARK)
    assert.same({ "R", "Q" }, { jobs["1.srv"].job_state, jobs["2.srv"].job_state })
    assert.is_nil(jobs["1.srv"].Exit_status)
    -- What follows a forged beginning is of the job whose it is, or of none.
    jobs = openpbs.parse("Job Id: 1.srv" .. MARK .. "comment=x\nJob Id: 2.srv" .. MARK .. "Exit_status=0\n", MARK)
    assert.same({}, jobs)
  end)
end)

describe("pbs.torque", function()
  it("keeps what others wrote apart from what the server says", function()
    local jobs = torque.parse('<?xml version="1.0"?>\n<Data>' .. xml("1.srv", "<job_state>R</job_state>" ..
      "<Variable_List>A=&lt;/Variable_List&gt;&lt;job_state&gt;C&amp;lt;&#10;</Variable_List>") .. "</Data>\n")
    assert.equal("R", jobs["1.srv"].job_state)
    assert.equal("A=</Variable_List><job_state>C&lt;\n", jobs["1.srv"].Variable_List)
  end)

  it("takes no answer that is not whole", function()
    local whole = "<Data>" .. xml("1.srv", "<resources_used><mem>1kb</mem></resources_used>") .. "</Data>"
    assert.equal("1kb", torque.parse(whole)["1.srv"]["resources_used.mem"])
    assert.same({}, torque.parse "")
    for last = 1, #whole - 1 do assert.is_nil(torque.parse(whole:sub(1, last)), whole:sub(1, last)) end
    for _, broken in ipairs { whole .. "x", "x" .. whole, whole:gsub("mem>1", "mem>>1"), (whole:gsub("</mem>", "</men>")) } do
      assert.is_nil(torque.parse(broken), broken)
    end
  end)

  it("knows an array's elements by its name", function()
    local element = torque.record { Job_Id = "41[2].srv", Job_Name = "tag-2" }
    assert.equal("tag", element.name)
    assert.equal("tag-2", torque.record { Job_Id = "41.srv", Job_Name = "tag-2" }.name)
    assert.equal("tag-12", torque.record { Job_Id = "41[2].srv", Job_Name = "tag-12" }.name)
  end)

  it("counts the processors of a node that jobs have", function()
    for words, free in pairs { ["0-1,3/41.vm,5/42.vm"] = 4, ["0/41.vm, 1/41.vm"] = 6, [""] = 8, ["0-7/9[12].vm-5"] = 0 } do
      assert.same({ 8, free }, { torque.cores { np = "8", jobs = words } })
    end
  end)
end)

describe("pbs", function()
  it("asks of an array's elements for the array, once; and for no id that this server cannot have given", function()
    local self, asked = instance(openpbs, function() return recording.said "" end)
    local list = refs("1.srv", "2[1].srv", "2[7].srv", "3.srv.site.org", "4.elsewhere", "5.srv@elsewhere", "all", "-x", "6",
      "[].srv", "1234567890123.srv", "1234567890123[1].srv")
    for _, report in ipairs(recording.call(pbs, "monitor", self, list)) do assert.same({ absent = true }, report) end
    assert.equal(1, #asked)
    local words = table.concat(asked[1], " "):gsub("<%x+>", "MARK")
    assert.equal("qstat -x -t -E -f -F dsv -D MARK 1.srv 2[].srv 3.srv.site.org", words)
  end)

  it("asks about any number of jobs, some at a time, with times in UTC", function()
    local list, most, all = {}, 0, 0
    for i = 1, 1200 do list[i] = { native_id = i .. ".srv", tag = "tag" } end
    local self = instance(torque, function(argv, options)
      assert.equal("UTC", options.environment.TZ)
      most, all = math.max(most, #argv - 3), all + #argv - 3
      return recording.said "<Data></Data>\n"
    end)
    assert.is_true(recording.call(pbs, "monitor", self, list)[1200].absent)
    assert.same({ 500, 1200 }, { most, all })
  end)

  it("never says that a job is absent when the answer cannot be read, or was cut", function()
    local cut = recording.said "<Data></Data>"
    cut.cut = true
    for _, said in ipairs { recording.said "<Data>", cut } do
      local self = instance(torque, function() return said end)
      assert.equal("unavailable", recording.call(pbs, "monitor", self, refs "1.srv")[1].error.class)
    end
  end)

  it("calls no job of another name ours, nor steers it", function()
    local self, asked = instance(openpbs, function(argv) return recording.said(dsv("1.srv", "Job_Name=another", "job_state=R")
      :gsub("<%x+>", argv[9])) end)
    self.each = function(list, visit) for i, item in ipairs(list) do visit(item, i) end end
    assert.same({ absent = true }, recording.call(pbs, "monitor", self, refs "1.srv")[1])
    assert.equal("rejected", recording.call(pbs, "cancel", self, refs "1.srv")[1].error.class)
    assert.equal("qstat", asked[#asked][1])
  end)

  -- Numbers that no test can bring about.
  it("understands exit statuses", function()
    local function ending(flavour, attributes)
      attributes.Job_Id = "1.srv"
      local status = looking.status_of({ flavour = flavour }, flavour.record(attributes)) or {}
      return ("%s %s %s %s"):format(status.state, status.reason, status.exit_code, status.signal)
    end
    for exit, wanted in pairs { [0] = "COMPLETED nil 0 nil", [3] = "FAILED EXIT_CODE 3 nil", [139] = "FAILED SIGNAL nil 11",
      [265] = "FAILED SIGNAL nil 9", [-29] = "FAILED TIMEOUT nil nil", [-27] = "FAILED OUT_OF_MEMORY nil nil",
      [-24] = "FAILED nil nil nil", [-1] = "FAILED LAUNCH_FAILED nil nil", [255] = "FAILED EXIT_CODE 255 nil" } do
      assert.equal(wanted, ending(openpbs, { job_state = "F", substate = "93", Exit_status = tostring(exit) }))
    end
    for exit, wanted in pairs { [-11] = "FAILED TIMEOUT nil nil", [-10] = "FAILED OUT_OF_MEMORY nil nil",
      [-9] = "FAILED LAUNCH_FAILED nil nil", [271] = "FAILED SIGNAL nil 15" } do
      assert.equal(wanted, ending(torque, { job_state = "C", start_time = "1", exit_status = tostring(exit) }))
    end
    assert.equal("CANCELED nil nil nil", ending(torque, { job_state = "C", exit_status = "271" }))
    assert.equal("CANCELED nil nil nil", ending(openpbs, { job_state = "F", substate = "91", Exit_status = "271" }))
    assert.equal("FAILED LAUNCH_FAILED nil nil", ending(openpbs, { job_state = "F", substate = "92" }))
    assert.equal("nil nil nil nil", ending(openpbs, { job_state = "X", substate = "70" })) -- it is forgotten how it ended
    assert.equal("FAILED TIMEOUT nil nil", ending(torque, { job_state = "C", start_time = "1", exit_status = "271",
      ["resources_used.walltime"] = "00:01:02", ["Resource_List.walltime"] = "00:01:00" })) -- as some Torques tell it
  end)

  it("reads what is folded", function()
    local things = text.things("Server: vm\n    state_count = Queued:1 Held:2 Comp\n\tlete:31 \n    scheduling = True\n\n" ..
      "node1\n     np = 4\n")
    assert.same({ "vm", 31, "True", "node1", "4" }, { things[1].name, text.count(things[1], "Complete"), things[1].scheduling,
      things[2].name, things[2].np })
  end)
end)
