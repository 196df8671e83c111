-- Data directories with few and with many jobs, made when first asked for and shared by the groups that need them.
-- The jobs are accepted as sweeps, over the API; that they ended, as all but a few of a site's million jobs have, is
-- then written into the database, which is faster than running them.
local own = require "bench.lib.own"
local process = require "support.process"
local scale = require "bench.lib.scale"

local stock = {}

local SWEEPS, GUESTS_JOBS = 10, 40

local ended = [[
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  UPDATE jobs SET attempt = 1, exit_code = 0, native_id = key & 0xffffff, native_state = 'ended',
    state = CASE key % 4 WHEN 0 THEN 'FAILED' WHEN 1 THEN 'CANCELED' ELSE 'COMPLETED' END,
    directory = '/var/lib/orrery/jobs/' || hex(zeroblob(16)) || '/' || hex(zeroblob(16)) || '/1',
    submitted_at = key >> 12, started_at = (key >> 12) + 1000, ended_at = (key >> 12) + 61000
  WHERE state = 'PENDING';
  DELETE FROM counts;
  INSERT INTO counts SELECT simulation, state, count(*) FROM jobs GROUP BY simulation, state;
  UPDATE simulations SET (state, ended_at) =
    (SELECT t.state, 1800000000000 FROM simulation_totals t WHERE t.simulation = key);
  PRAGMA journal_mode = WAL;]]

---@class stock
---@field data string the data directory
---@field simulation string the simulation that has all jobs but a few, and ten that are NEW
---@field sweep string one of its ten sweeps
---@field guest string token of a user who has but a few jobs

local function fill(jobs)
  local directory = process.temporary()
  local it = own.start { data = directory .. "/data" }
  local made = { data = it.data, directory = directory, simulation = it:simulation "stock",
    guest = it:token_of "guest" }
  for _ = 1, SWEEPS do
    made.sweep = own.post_sweep(it, made.simulation, jobs // SWEEPS, "shelf").id
    it:make("/v1/simulations/" .. made.simulation .. "/jobs",
      { name = "rare", executable = "/bin/true", resource = "shelf", submit = false })
  end
  local of_guest = it:simulation("guest's", { token = made.guest })
  it:make("/v1/simulations/" .. of_guest .. "/sweeps", own.sweep_of(GUESTS_JOBS, "shelf"), { token = made.guest })
  it:stop()
  local code, output = process.run(("sqlite3 %s/orrery.db %s"):format(process.quote(it.data), process.quote(ended)))
  assert(code == 0, output)
  return made
end

local made = {}

local function get(jobs)
  made[jobs] = made[jobs] or fill(jobs)
  return made[jobs]
end

---@return stock
function stock.few() return get(scale.stored_few) end
---@return stock
function stock.many() return get(scale.stored_jobs) end

function stock.clear()
  for _, one in pairs(made) do process.run("rm -rf " .. process.quote(one.directory)) end
  made = {}
end

return stock
