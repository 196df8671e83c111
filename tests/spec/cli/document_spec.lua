-- Simulation files: what is taken from them, where their paths lead, and what is said of wrong ones.
require "support.house"
local document = require "orrery.cli.document"
local exit = require "orrery.cli.exit"
local process = require "support.process"

local folder

local function read(text, name)
  local path = folder .. "/" .. (name or "heat.json")
  process.write(path, text)
  return document.read(path)
end

-- The exit code and the sentence, without the folder.
local function refused(text)
  local fine, thrown = pcall(read, text)
  assert.is_false(fine)
  local code, sentence = exit.failure(thrown)
  assert.is_number(code, tostring(thrown))
  return code, (sentence:gsub(folder:gsub("%p", "%%%0") .. "/", ""))
end

describe("a simulation file", function()
  setup(function() folder = process.temporary() end)
  teardown(function() process.run("rm -rf " .. folder) end)

  it("is taken as it stands", function()
    local value = read [[{"name": "n", "description": "d", "tags": {"a": "b"},
      "jobs": [{"executable": "x", "arguments": ["a/b", "./c"]}], "sweeps": [{"template": {"executable": "y"}}]}]]
    assert.equal("n", value.name)
    assert.equal("d", value.description)
    assert.equal("b", value.tags.a)
    assert.equal("x", value.jobs[1].executable)
    assert.equal("./c", value.jobs[1].arguments[2])
    assert.equal("y", value.sweeps[1].template.executable)
  end)

  it("is named after its file, if it does not say otherwise", function()
    assert.equal("my-run", read('{"jobs": [{"executable": "x"}]}', "my-run.json").name)
  end)

  it("has its relative paths taken from its folder", function()
    local function executable(path)
      return read(('{"jobs": [{"executable": "%s"}]}'):format(path)).jobs[1].executable
    end
    assert.equal(folder .. "/bin/solve", executable "bin/solve")
    assert.equal(folder .. "/./solve", executable "./solve")
    assert.equal("/bin/solve", executable "/bin/solve")
    assert.equal("solve", executable "solve") -- from the job's PATH
    assert.equal("${where}/solve", executable "${where}/solve")
    local template = read('{"sweeps": [{"template": {"stdin_path": "in/a", "directory": "./"}}]}').sweeps[1].template
    assert.equal(folder .. "/in/a", template.stdin_path)
    assert.equal(folder .. "/./", template.directory)
  end)

  it("is refused where it is no JSON, with line and column", function()
    local code, sentence = refused '{"name": "x",\n "jobs": [{"executable": "é" x}]}'
    assert.equal(exit.DATA, code)
    assert.matches("^heat.json:2:30: ", sentence)
  end)

  it("is refused where it is no simulation, with the place", function()
    for text, words in pairs {
      ["[]"] = "heat.json: must be an object with name, jobs or sweeps",
      ["3"] = "heat.json: must be an object with name, jobs or sweeps",
      ["{}"] = "heat.json: there is neither a job nor a sweep in it",
      ['{"jobs": []}'] = "heat.json: there is neither a job nor a sweep in it",
      ['{"jobs": {}}'] = "heat.json: /jobs must be a list",
      ['{"name": 3, "jobs": [{}]}'] = "heat.json: /name must be a text",
      ['{"tags": "x", "jobs": [{}]}'] = "heat.json: /tags must be an object",
      ['{"job": [{}]}'] = "heat.json: /job: only name, description, tags, jobs and sweeps are known here",
    } do
      local code, sentence = refused(text)
      assert.equal(exit.DATA, code)
      assert.equal(words, sentence)
    end
  end)

  it("may be missing", function()
    local fine, thrown = pcall(document.read, folder .. "/nothing.json")
    assert.is_false(fine)
    assert.equal(exit.NO_INPUT, (exit.failure(thrown)))
  end)
end)
