-- Load by wrk, which lib/wrk.lua tells what to send and how to print what it saw.
local process = require "support.process"
local scale = require "bench.lib.scale"

local load = {}
load.__index = load

local quote = process.quote

---@class load.options
---@field url string of the server
---@field paths string[] each request takes one of them at random
---@field token string|nil
---@field body string|nil makes it POST
---@field connections integer|nil 32
---@field seconds integer|nil
---@field pause_ms integer|nil what each connection rests after an answer

---@class load.result
---@field rate number answers per second
---@field p50 number milliseconds, as are the two below
---@field p99 number
---@field slowest number
---@field sent integer

---Starts wrk without waiting for it.
---@param options load.options
function load.start(options)
  local seconds = options.seconds or scale.seconds
  local self = setmetatable({ directory = process.temporary() }, load)
  process.write(self.directory .. "/paths", table.concat(options.paths, "\n"))
  local command = { "wrk", "-t1", "-c" .. (options.connections or 32), ("-d%ds"):format(seconds), "--timeout", "20s",
    "-s", "tests/bench/lib/wrk.lua", quote(options.url), "--", quote("paths=" .. self.directory .. "/paths") }
  for _, name in ipairs { "token", "body", "pause_ms" } do
    if options[name] then command[#command + 1] = quote(name .. "=" .. options[name]) end
  end
  self.pipe = assert(io.popen(table.concat(command, " ") .. " 2>&1"))
  return self
end

---Waits for its end. Requests that got no answer, or not a good one, are an error.
---@return load.result
function load:finish()
  local output = self.pipe:read "a"
  self.pipe:close()
  process.run("rm -rf " .. quote(self.directory))
  local result = {}
  for name, value in (output:match "bench: ([^\n]*)" or ""):gmatch "(%w+)=(%S+)" do result[name] = tonumber(value) end
  if not result.sent or result.sent == 0 or result.failed > 0 then error("wrk did not go well: " .. output, 2) end
  return result
end

---@param options load.options
---@return load.result
function load.run(options) return load.start(options):finish() end

return load
