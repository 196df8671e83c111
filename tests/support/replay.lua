-- Commands of a scheduler that is not here, in a folder of their own: each says what the real one said (tests/fakes/replay). They
-- can be run by whatever runs commands; `host` gives a plug-in the services to do so.
local process = require "support.process"
local server = require "support.server"

local replay = {}
replay.__index = replay

local quote = process.quote

---@param system string a folder of tests/recordings; its commands are those of its index
function replay.start(system)
  local self = setmetatable({ folder = process.temporary() }, replay)
  local recordings = server.top .. "/tests/recordings/" .. system
  for command in assert(process.read(recordings .. "/index.tsv")):gmatch "[^\t\n]+\t[^\t\n]+\t([^\t\n]+)[^\n]*" do
    process.run(("ln -sf %s %s/%s"):format(quote(server.top .. "/tests/fakes/replay"), quote(self.folder), command))
  end
  self.environment = ("PATH=%s:$PATH ORRERY_REPLAY=%s ORRERY_RECORDINGS=%s"):format(quote(self.folder), quote(self.folder),
    quote(recordings))
  return self
end

---Says which recordings may answer from now on; of two that could, the first does.
---@param ... string such as "qsub_unknown_queue"
function replay:play(...) process.write(self.folder .. "/scenario", table.concat({ ... }, "\n")) end

---What came on the standard input of the last call.
function replay:given() return process.read(self.folder .. "/given") end

---The words of the last call.
function replay:called() return process.read(self.folder .. "/called") end

---The calls that nothing answered since this was asked, which there should not be.
function replay:unanswered()
  local calls = {}
  for call in (process.read(self.folder .. "/unanswered") or ""):gmatch "[^\n]+" do calls[#calls + 1] = call end
  os.remove(self.folder .. "/unanswered")
  return calls
end

-- Runs a command as a host does → its result.
local function exec(self, argv, options)
  local words, out = {}, self.folder .. "/said"
  for i, word in ipairs(argv) do words[i] = quote(word) end
  for name, value in pairs(options.environment or {}) do table.insert(words, 1, name .. "=" .. quote(value)) end
  process.write(self.folder .. "/stdin", options.stdin or "")
  local code = process.run(("%s timeout -s KILL %.3f env %s <%s/stdin >%s.out 2>%s.err"):format(self.environment,
    (options.timeout or 60000) / 1000, table.concat(words, " "), self.folder, out, out))
  return { exit_code = code, signal = 0, timed_out = code == 137, stdout = process.read(out .. ".out"),
    stderr = process.read(out .. ".err") }
end

---The services of a host whose commands are these.
function replay:host()
  return { exec = function(argv, options) return exec(self, argv, options) end, monotonic = function() return 0 end,
    each = function(list, visit)
      for i, item in ipairs(list) do visit(item, i) end
    end }
end

function replay:stop() process.run("rm -rf " .. quote(self.folder)) end

return replay
