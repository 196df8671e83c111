-- The commands of the fake LoadLeveler. Each file llNAME.lua returns a function (queue, arguments) → what it says on standard
-- output. What they refuse is thrown as a sentence. Only one runs at a time: the caller has the lock.
local here, dir, command = arg[1], arg[2], arg[3]
package.path = here .. "/?.lua;" .. package.path
local queue = require "queue"

local function exists(name)
  local file <close> = io.open(dir .. "/" .. name)
  return file ~= nil
end

local calls = assert(io.open(dir .. "/calls", "a")) -- for tests that wait for one
calls:write(command, "\n")
calls:close()

-- What a command says that did nothing: of llsubmit the last line is known (Eclipse PTP and others look for its words), of the
-- others that their exit code is not 0.
local function fail(words)
  io.stderr:write(command, ": ", words, "\n")
  if command == "llsubmit" then io.stderr:write "llsubmit: 2512-051 This job has not been submitted to LoadLeveler.\n" end
  os.exit(1)
end

local internal = { ended = true } -- the starter's word, not a client's
if exists "away" and not internal[command] then fail "The central manager does not answer." end

local it = queue.open(dir)
it.deaf, it.here = exists "deaf", here
it:advance()
local ok, said = pcall(require(command), it, { table.unpack(arg, 4) })
if not ok then
  it:save()
  fail(type(said) == "table" and said.refused or said)
end
it:advance()
it:save()
io.write(said)
