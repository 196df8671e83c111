-- The walk in schedulers/README.md, taken as a reader would: its pieces of Lua make a file, its commands are run between
-- them and must say what is shown; and the file is the example. What the examples promise is seen here, too.
local command = require "support.command"
local crash = require "support.crash"
local kit = require "support.kit"
local process = require "support.process"
local server = require "support.server"

-- The walk's blocks: kind ("sh", "lua" or "" for what is printed) and text.
local function blocks()
  local section = process.read(server.top .. "/schedulers/README.md"):match "\n## A plug%-in, step by step\n(.*)$"
  local list = {}
  for kind, text in section:gmatch "\n```(%l*)\n(.-\n)```" do list[#list + 1] = { kind = kind, text = text } end
  assert(#list > 10, "there is no walk")
  return list
end

-- The file so far: the last line stays the last.
local function file_of(pieces)
  local text, last = {}, ""
  for _, piece in ipairs(pieces) do
    if piece:find "^return" then last = piece
    else text[#text + 1] = piece end
  end
  text[#text + 1] = last
  return table.concat(text, "\n")
end

-- Without the comment at its head.
local function example()
  return (process.read(server.top .. "/examples/plugins/shell.lua"):gsub("^%-%-.-\n(local shell)", "%1"))
end

describe("the walk through writing a plug-in", function()
  local folder
  setup(function() folder = process.temporary() end)
  teardown(function() process.run("rm -rf " .. folder) end)

  it("can be taken, and ends with the example", function()
    local pieces, out = {}, nil
    local line = ("cd %s; orrery() { %s; }; "):format(folder, command.line '"$@"')
    for _, block in ipairs(blocks()) do
      if block.kind == "lua" then
        pieces[#pieces + 1] = block.text
        process.write(folder .. "/shell.lua", file_of(pieces))
      elseif block.kind == "sh" then
        out = select(2, process.run(line .. block.text)):gsub(" %(%d+%.%d s%)", ""):gsub(folder:gsub("%-", "%%-"), ".")
      else
        for shown in block.text:gmatch "[^\n]+" do
          assert.truthy(out:find(shown, 1, true), shown .. "\n--- is not in\n" .. out)
        end
      end
    end
    assert.equal(example(), process.read(folder .. "/shell.lua"))
  end)
end)

describe("the examples", function()
  it("run each job once, and whole, though the server is killed while it submits", function()
    local s, _ <close> = crash.start {
      schedulers = ("%s/examples/plugins:%s/examples/plugins"):format(server.top, server.build),
      resources = 'resource "shell" { scheduler = "shell", poll_ms = 300 }\n'
        .. 'resource "spawn" { scheduler = "spawn", poll_ms = 300 }\n',
    }
    local simulation, jobs, count = s:simulation(), {}, 40
    for i = 1, count do
      jobs[i] = crash.counted(s)
      jobs[i].resource = i % 2 == 0 and "shell" or "spawn"
    end
    crash.kill_while_submitting(s, simulation, jobs)
    crash.stop(s)
  end)

  it("conform, the one in C as well", function()
    local result = kit.check(server.build .. "/examples/plugins/spawn.so", "--quick")
    assert.equal(0, result.code, result.out .. result.err)
  end)
end)
