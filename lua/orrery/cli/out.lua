-- What commands print: results on standard output, everything about the command itself on standard error.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local terminal = require "house.terminal"
local text = require "orrery.cli.text"

local out = {}

local function write(fd, bytes)
  local written, _, sentence = terminal.write(fd, bytes)
  if not written then exit.fail(exit.IO, "standard %s: %s", fd == 1 and "output" or "error", sentence) end
end

---Bytes as they are, to standard output.
function out.bytes(bytes) write(1, bytes) end
function out.error_bytes(bytes) write(2, bytes) end

---A line of our own making: who puts other people's text into it has cleaned it.
function out.line(line) write(1, line .. "\n") end
function out.lines(lines) if #lines > 0 then write(1, table.concat(lines, "\n") .. "\n") end end

---The same to standard error: what is happening, as opposed to what was asked for.
function out.say(line) write(2, line .. "\n") end

---A server's JSON, or a value to be written as JSON.
function out.json(value)
  local body = type(value) == "string" and value or json.encode(value)
  write(1, (text.clean_json(body):gsub("\n*$", "\n")))
end

return out
