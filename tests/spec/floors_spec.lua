-- The floors of the house (ARCHITECTURE.md): includes and requires go down only, each library is spoken to in one
-- room, and a few habits that can be checked by reading the sources.
local process = require "support.process"

local build = os.getenv "ORRERY_BUILD"

---The files that match, by `find`'s own words, relative to the top.
local function files(where, ...)
  local names = {}
  for _, pattern in ipairs { ... } do names[#names + 1] = "-name " .. process.quote(pattern) end
  local code, output = process.run(("find %s -type f \\( %s \\) | sort"):format(where, table.concat(names, " -o ")))
  assert(code == 0, output)
  local list = {}
  for path in output:gmatch "[^\n]+" do list[#list + 1] = path end
  assert(#list > 0, "no files in " .. where)
  return list
end

local texts = {}
local function text_of(path)
  texts[path] = texts[path] or process.read(path)
  return texts[path]
end

---Every #include of some files: path, header, and whether it stands in <>.
local function includes(list)
  return coroutine.wrap(function()
    for _, path in ipairs(list) do
      for open, header in ("\n" .. text_of(path)):gmatch '\n%s*#%s*include%s*([<"])([^>"]+)[>"]' do
        coroutine.yield(path, header, open == "<")
      end
    end
  end)
end

-- Rooms of one number are neighbours: they do not know each other.
local floor = { base = 1, loop = 2, http = 3, fetch = 3, store = 3, script = 3, sched = 3, transport = 3, bus = 3, bind = 4, app = 5,
  main = 6 }

local vendors = {
  ["^uv%.h$"] = "^src/loop/", ["^llhttp%.h$"] = "^src/http/", ["^curl/"] = "^src/fetch/", ["^sqlite3%.h$"] = "^src/store/",
  ["^lua"] = "^src/script/lua%.h$", ["^lauxlib%.h$"] = "^src/script/lua%.h$", ["^openssl/"] = "^src/base/digest%.c$",
  ["^amqp"] = "^src/bus/", ["^png%.h$"] = "^examples/", ["^cmocka%.h$"] = "_test%.c$",
}

describe("C:", function()
  local sources = files("src", "*.c", "*.h")

  it("includes go down", function()
    for path, header, system in includes(sources) do
      local room = path:match "^src/(%w+)[/.]"
      local other = header:match "^(%w+)/"
      if not system then
        assert(floor[other], ("%s includes %q: write the room before the header"):format(path, header))
        assert(other == room or floor[other] < floor[room], ("%s includes %s"):format(path, header))
      end
    end
  end)

  it("what is private stays in its room", function()
    for path, header in includes(sources) do
      local room = header:match "^(%w+)/.*private%.h$"
      if room then assert.equal(room, path:match "^src/(%w+)/") end
    end
  end)

  it("the public headers know nothing of src", function()
    for path, header, system in includes(files("include", "*.h")) do
      assert(system or header:find "^orrery/", ("%s includes %s"):format(path, header))
      assert(not floor[header:match "^(%w+)/" or ""], ("%s includes %s"):format(path, header))
    end
  end)

  it("plug-ins see the public headers alone; our own may stand on the base", function()
    for path, header in includes(files("schedulers tests/plugins examples", "*.c", "*.h")) do
      local room = header:match "^(%w+)/"
      assert(not floor[room or ""] or room == "base" and path:find "^schedulers/", ("%s includes %s"):format(path, header))
    end
  end)

  it("each library has one room", function()
    for path, header, system in includes(files("src schedulers examples include", "*.c", "*.h")) do
      for pattern, room in pairs(vendors) do
        if system and header:find(pattern) then assert(path:find(room), ("%s includes <%s>"):format(path, header)) end
      end
    end
  end)

  it("one function resumes Lua, and nothing lets go of a module", function()
    local resumes = 0
    for _, path in ipairs(sources) do
      local code = text_of(path):gsub("/%*.-%*/", "")
      local _, count = code:gsub("lua_resume%s*%(", "")
      resumes = resumes + count
      assert.is_nil(code:find "dlclose%s*%(", path)
    end
    assert.equal(1, resumes)
  end)

  it("no state at file scope", function()
    local archives = process.run("ls " .. build .. "/liborr_*.a") == 0
    if not archives or process.run "command -v objdump" ~= 0 then return pending "nothing to look into" end
    -- The watchdog's signal handler is told nothing but its thread; SQLite is configured once for the process.
    local known = { mine = true, configured = true }
    local _, symbols = process.run("objdump -t " .. build .. "/liborr_*.a")
    for line in symbols:gmatch "[^\n]+" do
      local section, name = line:match "^%x+ [^\t]* (%.t?[bd][sa][st][sa]?)\t%x+%s+([%w_]+)"
      local is_variable = section and not line:find " d " and not name:find "^__" and not name:find "^_?asan"
      assert(not is_variable or known[name], ("%s in %s"):format(tostring(name), tostring(section)))
    end
  end)
end)

describe("Lua:", function()
  local sources = files("lua schedulers", "*.lua")

  local function requires(path)
    return text_of(path):gmatch 'require%s*%(?%s*"([%w_.]+)"'
  end

  -- What a room may require of ours.
  local allowed = { api = { api = true, core = true, data = true }, core = { core = true, data = true }, data = { data = true },
    cli = { cli = true }, kit = { kit = true, core = true }, policy = {} }

  it("requires go down: api, core, data", function()
    for _, path in ipairs(sources) do
      local room = path:match "^lua/orrery/(%w+)/"
      for module in requires(path) do
        local other = module:match "^orrery%.(%w+)"
        local settings = room == "cli" and module == "orrery.core.config"
        if other then assert(room and (allowed[room][other] or settings), ("%s requires %s"):format(path, module)) end
      end
    end
  end)

  -- And of the domain's own: what lies at its top serves all of them, or joins them.
  local rooms = { job = { job = true }, event = { event = true, job = true }, sweep = { sweep = true, job = true },
    submission = { submission = true, job = true }, service = { service = true, job = true },
    resource = { resource = true, submission = true, job = true, service = true },
    webhook = { webhook = true, event = true } }

  it("requires go down in the domain: resource, service and submission, event, job", function()
    for _, path in ipairs(files("lua/orrery/core", "*.lua")) do
      local room = path:match "core/(%w+)/"
      for module in requires(path) do
        local other = module:match "^orrery%.core%.(%w+)"
        if room and rooms[other] then assert(rooms[room][other], ("%s requires %s"):format(path, module)) end
      end
    end
  end)

  it("the domain knows no HTTP, and whatever computes alone touches nothing", function()
    for _, path in ipairs(files("lua/orrery/core lua/orrery/data", "*.lua")) do
      for module in requires(path) do assert(module ~= "house.client" and module ~= "house.shape" or path:find "data", path) end
    end
    for _, name in ipairs { "job/act", "job/spec", "job/states", "job/status", "schema", "submission/arrays",
      "submission/attempt", "submission/tag", "sweep/init" } do
      for module in requires("lua/orrery/core/" .. name .. ".lua") do
        assert(module:find "^orrery%.core%." or module == "house.json" or module == "house.template" or module == "house.ids",
          ("core/%s.lua requires %s"):format(name, module))
      end
    end
  end)

  it("schedulers and policies are pure: they get what they need", function()
    for _, path in ipairs(sources) do
      local own = path:match "^schedulers/(%w+)" -- its modules, and those that all share
      if own or path:find "^lua/orrery/policy/" then
        for module in requires(path) do
          local folder = module:match "^[^.]+"
          assert(own and (folder == own or folder == "common"), ("%s requires %s"):format(path, module))
        end
      end
    end
  end)

  it("SQL stands in data", function()
    for _, path in ipairs(sources) do
      if not path:find "^lua/orrery/data/" then
        local text = text_of(path):gsub("%-%-[^\n]*", "")
        assert(not text:find "db%.statement", path .. " has a statement of its own")
        for _, words in ipairs { "SELECT%s", "INSERT INTO", "DELETE FROM", "UPDATE%s+%w+%s+SET" } do
          assert(not text:find(words), path .. " has SQL in it")
        end
      end
    end
  end)

  it("nothing is global, unused or in the shadow of something else", function()
    if process.run "command -v luacheck" ~= 0 then return pending "luacheck is not installed" end
    local code, output = process.run "luacheck --no-color -q lua schedulers tests"
    assert(code == 0, output)
  end)
end)

describe("every source", function()
  local sources = files("src include schedulers lua tests examples migrations scripts", "*.c", "*.h", "*.lua", "*.sql", "*.sh")

  it("is short enough to be read", function()
    for _, path in ipairs(sources) do
      local _, lines = text_of(path):gsub("\n", "")
      assert(lines <= 500, ("%s has %d lines"):format(path, lines))
    end
  end)

  it("says what it is for, or its header does", function()
    for _, path in ipairs(sources) do
      local header = path:find "%.c$" and process.read((path:gsub("%.c$", ".h"))) or ""
      local opens = text_of(path):find "^/%*" or text_of(path):find "^%-%-" or text_of(path):find "^#!" or header:find "^/%*"
      assert(opens, path .. " opens without a word")
    end
  end)

  it("is finished, clean and free of where it was written", function()
    local unfinished = { "T" .. "ODO", "FIX" .. "ME", "XX" .. "X" }
    for _, path in ipairs(sources) do
      local text = text_of(path)
      for _, word in ipairs(unfinished) do
        assert(not text:find("%f[%w]" .. word .. "%f[%W]"), ("%s has a %s"):format(path, word))
      end
      assert(not text:find "[ \t]\n", path .. " has space at the end of a line")
      assert(not text:find "\t" or path:find "%.sh$" or path:find "^tests/", path .. " has tabs")
      assert(not text:find "/work/%a", path .. " names a place that only its writer has")
      assert(text:sub(-1) == "\n" and text:sub(-2) ~= "\n\n", path .. " does not end with one newline")
    end
  end)
end)
