-- The README's tour with curl is executed, block by block in one shell, as a reader would: what it shows must be true.
local process = require "support.process"
local server = require "support.server"

-- The tour's shell, with the two lines that name a server replaced by those that name ours.
local function tour(address, token_file)
  local text = assert(process.read(server.top .. "/README.md"))
  local section = assert(text:match "\n## A tour with curl\n(.-)\n## ")
  local blocks = { "set -eu -o pipefail; shopt -s expand_aliases" }
  for block in section:gmatch "```sh\n(.-)```" do blocks[#blocks + 1] = block end
  assert(#blocks > 5, "the README has no tour")
  local script, replaced = table.concat(blocks, "\n"), 0
  script = script:gsub("\nURL=[^\n]*\nTOKEN=[^\n]*", function()
    replaced = replaced + 1
    return ("\nURL=%s\nTOKEN=$(cat '%s')"):format(address, token_file)
  end)
  assert.equal(1, replaced)
  return script
end

describe("the README", function()
  local s

  setup(function() s = server.start { resources = 'resource "local" { scheduler = "local" }\n' } end)
  teardown(function() s:stop() end)

  it("has a tour that works as it is written", function()
    local path = s.directory .. "/tour.sh"
    process.write(path, tour(s.url, s.data .. "/admin.token"))
    local code, out = process.run("bash " .. path .. " 2>&1")
    assert.equal(0, code, out)
    assert.truthy(out:find("hello world", 1, true), out)
    assert.truthy(out:find("\nevent: job.state\ndata: {", 1, true), out)
    assert.truthy(out:find('"jobs": 8', 1, true), out)
    assert.truthy(out:find("job_id,name,height,width,state,exit_code,wall_seconds,area", 1, true), out)
    assert.truthy(out:find(",20,4,COMPLETED,0,[%d.]+,80\r?\n"), out)
    assert.truthy(out:find('"state": "CANCELED"', 1, true), out)
    assert.truthy(out:find('"pointer": "/resources/memory"', 1, true), out)
    assert.truthy(out:find('"duration": 7200', 1, true), out)
  end)
end)
