-- What schedulers' programs really said, in words that cannot be brought about at will (tests/recordings): fed to a plug-in by
-- an `exec` that runs nothing.
local process = require "support.process"
local server = require "support.server"

package.path = server.top .. "/schedulers/?.lua;" .. package.path -- as plug-ins require each other

local recording = {}

---@param name string such as "slurm/squeue.txt"
function recording.text(name) return assert(process.read(server.top .. "/tests/recordings/" .. name), name) end

---What a command that failed and said this on standard error looks like to a plug-in.
function recording.failed(text) return { exit_code = 1, signal = 0, stdout = "", stderr = text, timed_out = false } end

---And of one that ended well and said this.
function recording.said(text) return { exit_code = 0, signal = 0, stdout = text, stderr = "", timed_out = false } end

---The services of a host whose commands are answered by a function of their argument vectors.
function recording.host(exec)
  return { exec = exec, monotonic = function() return 0 end, each = function(list, visit)
    for i, item in ipairs(list) do visit(item, i) end
  end }
end

---Calls a verb → its reports by item.
function recording.call(plugin, verb, self, items)
  local reports = {}
  plugin[verb](self, items, function(i, report) reports[i] = report end)
  return reports
end

---A submission that is like any other.
function recording.submission()
  local attributes = { duration = 60, custom_attributes = {} }
  return { tag = "orrery-1", name = "job", batch = "true\n", resources = {}, attributes = attributes }
end

return recording
