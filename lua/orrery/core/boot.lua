-- What must be in order before anything runs: the installation's identity, the administrator's token, and no trace of
-- sweeps that were being written when the server ended last.
local clock = require "house.clock"
local db = require "house.db"
local digest = require "house.digest"
local ids = require "house.ids"
local log = require "house.log"
local server = require "house.server"
local installation = require "orrery.data.installation"
local sweeps = require "orrery.data.sweeps"
local tokens = require "orrery.data.tokens"

local boot = {}

local CHUNK = 1000

-- These functions give nothing back, or the sentence that says why the disk refused.

local function commit(change)
  local ok, _, why = change:commit()
  if not ok then return why end
end

local function identity()
  local tail = installation.tail()
  if not tail then
    tail = tonumber(server.random(8):sub(1, 15), 16)
    local change = db.change()
    installation.insert(change, tail, clock.now())
    local why = commit(change)
    if why then return why end
  end
  ids.init(tail, installation.newest_key())
end

local function administrator()
  if tokens.any() then return end
  local token = server.random(32)
  local ok, _, why = server.write_private("admin.token", token .. "\n")
  if not ok then return why end
  local change = db.change()
  tokens.insert(change, { key = ids.new(), hash = digest.sha256(token), owner = "admin", role = "admin", name = "first" })
  why = commit(change)
  if not why then log.info("administrator's token made", { file = server.data .. "/admin.token" }) end
  return why
end

---Takes back what a sweep that never became ready has left: its client had no answer, so it was never accepted.
function boot.discard(sweep)
  local last = sweep.first_job + sweep.jobs - 1
  for first = sweep.first_job, last, CHUNK do
    local change = db.change()
    sweeps.delete_jobs(change, sweep.key, first, math.min(first + CHUNK - 1, last))
    local why = commit(change)
    if why then return why end
  end
  local change = db.change()
  sweeps.delete(change, sweep.key)
  return commit(change)
end

function boot.run()
  local why = identity() or administrator()
  if why then return why end
  for _, sweep in ipairs(sweeps.unready()) do
    log.info("unfinished sweep taken back", { sweep = ids.text(sweep.key), jobs = sweep.jobs })
    why = boot.discard(sweep)
    if why then return why end
  end
end

return boot
