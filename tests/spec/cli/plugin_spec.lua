-- `orrery plugin check`: the conformance kit, on this machine's own scheduler and on plug-ins that break their promises.
local command = require "support.command"
local kit = require "support.kit"
local process = require "support.process"

local function check(arguments, options) return command.run("plugin check " .. arguments, options) end

-- A plug-in of one's own, from the Lua of its verbs.
local function write(name, verbs)
  local folder = process.temporary()
  local path = folder .. "/" .. name .. ".lua"
  process.write(path, "local p = { version = '1' }\n" .. verbs .. "\nreturn p\n")
  return path, folder
end

local REQUIRED = "function p.monitor() end function p.cancel() end function p.find() end function p.submit() end\n"

describe("plugin check", function()
  it("finds that the local scheduler conforms", function()
    local result = check("local " .. kit.extent)
    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("\nconforms: %d+ passed, 0 failed, %d+ left out\n", result.out)
    assert.matches("\npass  arguments arrive as they are", result.out)
  end)

  it("says what a plug-in does wrong, and ends with 1", function()
    local path, folder = write("forgetful", REQUIRED .. [[
      function p.open() return { honours = { fields = { "executable", "arguments" } } } end]])
    local result = check(path .. " --quick")
    assert.equal(1, result.code, result.out .. result.err)
    assert.matches("FAIL  a job runs.-submit left item 1 without a report", result.out)
    assert.matches("does NOT conform: ", result.out)
    process.run("rm -rf " .. process.quote(folder))
  end)

  it("leaves nothing behind", function()
    local folder = process.temporary()
    assert.equal(0, check("local --case 'exit code' --directory " .. folder).code)
    assert.equal("", (select(2, process.run("ls -A " .. folder))))
    assert.equal(69, check("nothing --directory " .. folder).code)
    assert.equal("", (select(2, process.run("ls -A " .. folder))))
    process.run("rm -rf " .. folder)
  end)

  it("tries the cases that are asked for, and lists them when there are none", function()
    local result = check "local --case 'exit code'"
    assert.equal(0, result.code, result.out)
    assert.same({ ["an exit code is reported"] = "pass" }, kit.verdicts(result.out))
    result = check "local --case 'no such words'"
    assert.equal(64, result.code)
    assert.matches("\n  an exit code is reported\n", result.out)
  end)

  it("has as much patience as it is told to", function()
    local path, folder = write("slow", REQUIRED .. [[
      function p.open() return { honours = { fields = { "executable", "arguments" } } } end
      function p.submit(_, items, report) for i in ipairs(items) do report(i, { native_id = "1" }) end end
      function p.monitor(_, items, report) for i in ipairs(items) do report(i, { state = "QUEUED" }) end end]])
    local result = check(path .. " --patience 1 --case 'exit code'")
    assert.equal(1, result.code)
    assert.matches("waited 1 seconds for an end that is final", result.out)
    process.run("rm -rf " .. process.quote(folder))
  end)

  it("ends with 69 when there is no such plug-in, or it does not open", function()
    local result = check "nothing"
    assert.equal(69, result.code)
    assert.matches("nothing cannot be opened: .*nothing", result.out)
    local path, folder = write("closed", REQUIRED .. "function p.open() error('no key', 0) end")
    result = check(path)
    assert.equal(69, result.code)
    assert.matches("no key", result.out)
    process.run("rm -rf " .. process.quote(folder))
  end)

  it("knows the resources of the configuration, and only those", function()
    local folder = process.temporary()
    process.write(folder .. "/orrery.lua", 'resource "here" { scheduler = "local", options = { cores = 0 } }\n')
    local result = check(("local --config %s/orrery.lua --resource here"):format(folder))
    assert.equal(69, result.code)
    assert.matches("cores", result.out)
    assert.equal(64, check(("local --config %s/orrery.lua --resource there"):format(folder)).code)
    assert.equal(64, check(("slurm --config %s/orrery.lua --resource here"):format(folder)).code)
    process.run("rm -rf " .. folder)
  end)

  it("ends soon on Ctrl-C, cancelling what it had submitted", function()
    local result = check("local", { before = "timeout -s INT 1" })
    assert.matches("broken off", result.out)
  end)
end)
