-- The conformance kit on schedulers that are reached over ssh, whose accounts have logins of many kinds: every plug-in works
-- there as it does here.
local far = require "support.far"
local gridengine = require "support.gridengine"
local kit = require "support.kit"
local loadleveler = require "support.loadleveler"
local pbs = require "support.pbs"
local slurm = require "support.slurm"
local sshd = require "support.sshd"

local ALL = os.getenv "ORRERY_TEST_ALL" == "1"

local GREETING_CSH = "--shell alice=/bin/tcsh --noisy alice"
local BEHIND = { host = "behind" }

local ways = {
  { "with a login shell that is tcsh, and greets", far.of(slurm, GREETING_CSH) },
  { "on a host behind another, whose bash greets", far.of(gridengine, "--noisy alice", BEHIND) },
}
if ALL then
  table.insert(ways, { "with a login shell that is tcsh, and greets", far.of(gridengine, GREETING_CSH) })
  table.insert(ways, { "on a host behind another, whose bash greets", far.of(slurm, "--noisy alice", BEHIND) })
end

local function expect_conforms(scheduler)
  local rig <close> = scheduler.start()
  local result = far.check(rig, scheduler, kit.extent)
  assert.equal(0, result.code, result.out .. result.err)
end

for _, way in ipairs(ways) do
  local words, scheduler = table.unpack(way)
  local try = sshd.has_accounts and it or pending
  try(("%s, %s, keeps the contract, as far as the conformance kit can tell"):format(scheduler.title, words), function()
    expect_conforms(scheduler)
  end)
end

pbs.describe("OpenPBS over ssh", function()
  it("keeps the contract, as far as the conformance kit can tell", function() expect_conforms(far.of(pbs, GREETING_CSH)) end)
end)

describe("LoadLeveler over ssh", function()
  it("keeps the contract, as far as the conformance kit can tell", function() expect_conforms(far.of(loadleveler)) end)
end)
