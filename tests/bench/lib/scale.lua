-- How much is measured: all of it, or, with BENCH=quick, enough to see that everything works.
local full = {
  name = "full",
  rounds = 3,              -- turns of ours and theirs
  seconds = 3,             -- of load, each time
  sweep_jobs = 200000,
  local_jobs = 5000,
  stored_jobs = 1000000,   -- against stored_few
  every_question = 1,      -- about them; 2: every second one
  active_jobs = 10000,     -- on the resource that is polled
  submitted_jobs = 1000,   -- to a batch system, one by one
  array_jobs = 10000,      -- to a batch system, as a sweep
  far_jobs = 500,          -- over ssh, one by one
  far_files = { 100, 1024 }, -- MiB
  nodes = 300,
  node_jobs = 600,         -- on all of these
  starts = 5,
  events = 50000,
  streams = 10000,         -- of events, open at once
  streamed = 200,          -- events, one after the other on an idle machine
}

local quick = {
  name = "quick",
  rounds = 1,
  seconds = 1,
  sweep_jobs = 50000,
  local_jobs = 500,
  stored_jobs = 50000,
  every_question = 2,
  active_jobs = 2000,
  submitted_jobs = 200,
  array_jobs = 2000,
  far_jobs = 100,
  far_files = { 100 },
  nodes = 30,
  node_jobs = 200,
  starts = 3,
  events = 20000,
  streams = 10000,
  streamed = 50,
}

local mode = os.getenv "BENCH" or "full"
assert(mode == "full" or mode == "quick", "BENCH is 'quick', or not set")

local scale = mode == "quick" and quick or full
scale.stored_few = 1000
return scale
