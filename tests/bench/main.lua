-- Runs the groups of rows one after the other, each with the servers and peers that it starts and ends itself.
-- Started by tests/bench/run.
local report = require "bench.lib.report"
local scale = require "bench.lib.scale"
local stock = require "bench.lib.stock"

local groups = { "read", "create", "sweep", "run_local", "start", "stored", "streams", "poll", "submit", "slurm_poll",
  "slurm_nodes", "ssh", "bus" }

local wanted, broken = arg[1] or "", false

report.begin(scale)
for _, name in ipairs(groups) do
  if name:find(wanted, 1, true) then
    local ok, why = xpcall(require("bench.rows." .. name), debug.traceback)
    if not ok then
      io.stderr:write(("bench: %s broke: %s\n"):format(name, why))
      broken = true
    end
  end
end
stock.clear()
report.finish()
os.exit(not broken, true)
