-- Keys are 60-bit integers that grow with time (see src/base/id.h): creation time, order and page cursor in one, and
-- written as a UUID towards the world. Times are wall milliseconds. Columns of JSON hold it as it is sent out.

CREATE TABLE installation (
  tail        INTEGER NOT NULL,  -- the random half of every identifier of this database
  created_at  INTEGER NOT NULL,
  events_from INTEGER NOT NULL DEFAULT 1  -- the log is whole from this number on; what was older was kept long enough
);

CREATE TABLE tokens (
  key         INTEGER PRIMARY KEY,
  hash        TEXT NOT NULL UNIQUE,  -- SHA-256 of the token; the token itself is kept nowhere
  owner       TEXT NOT NULL,
  role        TEXT NOT NULL,         -- user, operator, admin
  name        TEXT,
  expires_at  INTEGER
);

-- What stands for a token for a minute, where none can be sent: in the address of a stream of events.
CREATE TABLE tickets (
  hash        TEXT PRIMARY KEY,  -- SHA-256 of the ticket; the ticket itself is kept nowhere
  token       INTEGER,           -- NULL: one that is not in the store
  owner       TEXT NOT NULL,
  role        TEXT NOT NULL,
  ends_at     INTEGER,           -- of the streams that it opens; NULL: with the token
  expires_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tickets_by_age ON tickets(expires_at);

CREATE TABLE simulations (
  key          INTEGER PRIMARY KEY,
  owner        TEXT NOT NULL,
  name         TEXT NOT NULL,
  description  TEXT,
  tags         TEXT,
  state        TEXT NOT NULL DEFAULT 'NEW',
  wanted       TEXT NOT NULL DEFAULT 'RUN',
  steer        INTEGER NOT NULL DEFAULT 0,  -- 1: `wanted` has yet to reach its jobs
  steer_after  INTEGER NOT NULL DEFAULT 0,  -- it has reached the jobs up to this key
  max_active   INTEGER,                     -- so many of its jobs are handed over at once
  gating       INTEGER NOT NULL DEFAULT 0,  -- 1: jobs that were there before the limit have yet to obey it
  gate_after   INTEGER NOT NULL DEFAULT 0,  -- those up to this key do
  deleting     INTEGER NOT NULL DEFAULT 0,
  emptied      INTEGER NOT NULL DEFAULT 0,  -- 1: its jobs' directories were kept long enough
  ended_at     INTEGER
);
CREATE INDEX simulations_by_owner ON simulations(owner, key);
CREATE INDEX simulations_by_state ON simulations(state, key);
CREATE INDEX simulations_to_steer ON simulations(key) WHERE steer = 1;
CREATE INDEX simulations_by_end ON simulations(ended_at) WHERE ended_at IS NOT NULL AND deleting = 0;
CREATE INDEX simulations_to_empty ON simulations(ended_at)
  WHERE ended_at IS NOT NULL AND deleting = 0 AND emptied = 0;
CREATE INDEX simulations_to_gate ON simulations(key) WHERE gating = 1;
CREATE INDEX simulations_to_delete ON simulations(key) WHERE deleting = 1;

-- How many jobs of a simulation are in which state, kept by every change of a state.
CREATE TABLE counts (
  simulation  INTEGER NOT NULL,
  state       TEXT NOT NULL,
  jobs        INTEGER NOT NULL,
  PRIMARY KEY (simulation, state)
) WITHOUT ROWID;

CREATE VIEW simulation_totals AS
  SELECT simulation,
         sum(jobs) AS total,
         sum(CASE WHEN state IN ('COMPLETED', 'FAILED', 'CANCELED') THEN jobs ELSE 0 END) AS ended,
         CASE
           WHEN sum(CASE WHEN state <> 'NEW' THEN jobs ELSE 0 END) = 0 THEN 'NEW'
           WHEN sum(CASE WHEN state NOT IN ('NEW', 'COMPLETED', 'FAILED', 'CANCELED') THEN jobs ELSE 0 END) > 0
             THEN 'ACTIVE'
           WHEN sum(CASE WHEN state NOT IN ('NEW', 'CANCELED') THEN jobs ELSE 0 END) = 0 THEN 'CANCELED'
           WHEN sum(CASE WHEN state = 'FAILED' THEN jobs ELSE 0 END) > 0 THEN 'FAILED'
           ELSE 'COMPLETED'
         END AS state
  FROM counts GROUP BY simulation;

CREATE TABLE sweeps (
  key         INTEGER PRIMARY KEY,
  simulation  INTEGER NOT NULL,
  owner       TEXT NOT NULL,
  template    TEXT NOT NULL,             -- as it is filled (src/base/template.h)
  body        TEXT NOT NULL,             -- the template as it was sent
  parameters  TEXT NOT NULL,
  combine     TEXT,                      -- NULL where the values are drawn …
  sample      TEXT,                      -- … in this manner, its seed included
  jobs        INTEGER NOT NULL,
  max_active  INTEGER,                   -- as of simulations
  first_job   INTEGER NOT NULL,          -- its jobs' keys are first_job … first_job + jobs - 1
  ready       INTEGER NOT NULL DEFAULT 0 -- 0: still being written; its jobs do not exist for anybody
);
CREATE INDEX sweeps_by_simulation ON sweeps(simulation, key);
CREATE INDEX sweeps_unready ON sweeps(key) WHERE ready = 0;

CREATE TABLE jobs (
  key           INTEGER PRIMARY KEY,
  simulation    INTEGER NOT NULL,
  sweep         INTEGER,
  owner         TEXT NOT NULL,
  name          TEXT,
  state         TEXT NOT NULL,
  wanted        TEXT NOT NULL DEFAULT 'RUN',
  steer         INTEGER NOT NULL DEFAULT 0,  -- 1: `wanted` has yet to be acted on
  priority      INTEGER NOT NULL DEFAULT 0,
  resource      TEXT,                        -- asked for by name, or chosen
  cores         INTEGER NOT NULL DEFAULT 1,
  kind          INTEGER NOT NULL DEFAULT 0,  -- of jobs that name no resource: those of one kind fit the same resources
  due_at        INTEGER,                     -- it waits for this time: not_before, or back-off
  waits         INTEGER NOT NULL DEFAULT 0,  -- for so many of the jobs that it depends on
  gate          INTEGER,                     -- the sweep or simulation whose max_active it waits for
  let_through   INTEGER NOT NULL DEFAULT 0,  -- 1: it waits there no more, and counts
  retries       INTEGER NOT NULL DEFAULT 0,  -- so many more attempts may follow one that fails
  attempt       INTEGER NOT NULL DEFAULT 0,
  submission    INTEGER,                     -- the current attempt's last; its tag is made of it
  element       INTEGER,                     -- its place in that, if that is an array
  doubted       TEXT,                        -- earlier submissions of the attempt, which may yet come true
  account       TEXT,                        -- as which it was handed over; NULL: the service's own
  may_run_as    INTEGER NOT NULL DEFAULT 1,  -- where who made it may run it: 1: as the service's account, 2: its owner's, 3: both
  native_id     TEXT,
  native_state  TEXT,
  reason        TEXT,
  message       TEXT,
  problem       TEXT,
  exit_code     INTEGER,
  signal        INTEGER,
  usage         TEXT,
  directory     TEXT,
  inputs        TEXT,  -- the directory of files that were sent before it began, of which each attempt gets a copy
  submitted_at  INTEGER,
  started_at    INTEGER,
  ended_at      INTEGER,
  tags          TEXT,
  parameters    TEXT,  -- of a sweep's job, with which the sweep's template is filled
  spec          TEXT,  -- of any other job, and of one of a sweep that was altered
  edition       INTEGER NOT NULL DEFAULT 0,  -- how often it was altered, or was to be
  results       TEXT   -- what the job left in results.json
);
CREATE INDEX jobs_by_simulation ON jobs(simulation, key);
CREATE INDEX jobs_by_simulation_state ON jobs(simulation, state, key);
CREATE INDEX jobs_by_owner ON jobs(owner, key);
CREATE INDEX jobs_by_owner_state ON jobs(owner, state, key);
CREATE INDEX jobs_by_state ON jobs(state, key);
CREATE INDEX jobs_by_name ON jobs(name, key) WHERE name IS NOT NULL;
CREATE INDEX jobs_by_resource ON jobs(resource, key) WHERE resource IS NOT NULL;
CREATE INDEX jobs_pending ON jobs(resource, owner, kind, priority DESC, key)
  WHERE state = 'PENDING' AND wanted = 'RUN' AND due_at IS NULL AND waits = 0 AND gate IS NULL;
CREATE INDEX jobs_gated ON jobs(gate, priority DESC, key)
  WHERE state = 'PENDING' AND wanted = 'RUN' AND due_at IS NULL AND waits = 0 AND gate IS NOT NULL;
CREATE INDEX jobs_let_through ON jobs(simulation)
  WHERE let_through = 1 AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELED');
CREATE INDEX jobs_let_through_of_sweeps ON jobs(sweep)
  WHERE let_through = 1 AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELED');
CREATE INDEX jobs_due ON jobs(due_at) WHERE state = 'PENDING' AND due_at IS NOT NULL;
CREATE INDEX jobs_live ON jobs(resource, key)
  WHERE state IN ('STAGE_IN', 'SUBMITTING', 'QUEUED', 'HELD', 'ACTIVE', 'SUSPENDED', 'STAGE_OUT');
CREATE INDEX jobs_to_steer ON jobs(key) WHERE steer = 1;

-- Which jobs depend on which: each of first_job … last_job, which are one job or a sweep's, waits for `needs` to end as the
-- condition says. Those that know how it ended are taken out.
CREATE TABLE dependencies (
  needs      INTEGER NOT NULL,
  first_job  INTEGER NOT NULL,
  last_job   INTEGER NOT NULL,
  condition  TEXT NOT NULL,  -- completed, failed, ended
  PRIMARY KEY (needs, first_job)
) WITHOUT ROWID;

-- How jobs ended of which others still have to know it.
CREATE TABLE outcomes (
  job    INTEGER PRIMARY KEY,
  state  TEXT NOT NULL
);

-- What schedulers are yet to be told of jobs that they hold, in the order in which it was said.
CREATE TABLE orders (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  resource  TEXT NOT NULL,
  job       INTEGER NOT NULL,
  verb      TEXT NOT NULL,  -- signal, alter
  words     TEXT NOT NULL   -- JSON: what the verb is given beside the job
);
CREATE INDEX orders_by_resource ON orders(resource, number);
CREATE INDEX orders_by_job ON orders(job);

-- The log: what happened, in the order of commits. Numbers are never used twice.
CREATE TABLE events (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  type        TEXT NOT NULL,  -- core.event.types has them all
  owner       TEXT,           -- NULL: it is of the house, for operators and administrators
  simulation  INTEGER,
  job         INTEGER,        -- of jobs.created: the first of the chunk
  data        TEXT
);
CREATE INDEX events_by_job ON events(job, number) WHERE job IS NOT NULL;
CREATE INDEX events_of_simulations ON events(simulation) WHERE job IS NULL OR type = 'jobs.created';
CREATE INDEX events_of_chunks ON events(job) WHERE type = 'jobs.created';

-- Those that read the log and must miss nothing: up to which number each has dealt with it.
CREATE TABLE readers (
  name    TEXT PRIMARY KEY,
  number  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX readers_by_number ON readers(number);

-- Who is to be told of which events, and how it goes. A webhook is with the reader "webhooks" (see above), or behind it:
-- then it is read for by itself, from `behind` on.
CREATE TABLE webhooks (
  key            INTEGER PRIMARY KEY,
  owner          TEXT NOT NULL,
  name           TEXT,
  url            TEXT NOT NULL,
  everybody      INTEGER NOT NULL DEFAULT 0,  -- 1: of all owners
  simulation     INTEGER,                     -- of this one alone
  job            INTEGER,                     -- of this one alone
  types          TEXT,                        -- JSON: of these types alone
  states         TEXT,                        -- JSON: steps into these states alone
  begins         INTEGER NOT NULL,            -- the events after this number are for it
  behind         INTEGER,                     -- it has been read for up to this number; NULL: as far as for all
  again          INTEGER NOT NULL DEFAULT 0,  -- up to this number, what was delivered is delivered again
  missed         TEXT,                        -- JSON: from and to which number the log was whole no more when it was read
  secret         TEXT NOT NULL,               -- the key of its signatures, in Base64 …
  old_secret     TEXT,                        -- … and the one before, which signs as well
  old_until      INTEGER,
  failures       INTEGER NOT NULL DEFAULT 0,  -- tries since the last that succeeded …
  failing_since  INTEGER,                     -- … and the time of the first of them
  disabled_at    INTEGER,                     -- NULL: it is enabled
  disabled_why   TEXT
);
CREATE INDEX webhooks_by_owner ON webhooks(owner, key);
CREATE INDEX webhooks_by_simulation ON webhooks(simulation) WHERE simulation IS NOT NULL;
CREATE INDEX webhooks_by_job ON webhooks(job) WHERE job IS NOT NULL;
CREATE INDEX webhooks_behind ON webhooks(key) WHERE behind IS NOT NULL AND disabled_at IS NULL;

-- What was made of all webhooks that keep up is good as long as the edition is the same, whoever changes one.
CREATE TABLE webhooks_edition (number INTEGER NOT NULL);
INSERT INTO webhooks_edition(number) VALUES(0);
CREATE TRIGGER webhooks_came AFTER INSERT ON webhooks BEGIN UPDATE webhooks_edition SET number = number + 1; END;
CREATE TRIGGER webhooks_went AFTER DELETE ON webhooks BEGIN UPDATE webhooks_edition SET number = number + 1; END;
CREATE TRIGGER webhooks_changed AFTER UPDATE OF owner, everybody, simulation, job, types, states, begins, disabled_at ON webhooks
  BEGIN UPDATE webhooks_edition SET number = number + 1; END;
CREATE TRIGGER webhooks_kept_up AFTER UPDATE OF behind ON webhooks WHEN (old.behind IS NULL) <> (new.behind IS NULL)
  BEGIN UPDATE webhooks_edition SET number = number + 1; END;

CREATE TABLE deliveries (
  key       INTEGER PRIMARY KEY,
  webhook   INTEGER NOT NULL,
  event     INTEGER,           -- its number in the log; NULL: a ping
  type      TEXT NOT NULL,
  body      TEXT NOT NULL,     -- as it is sent
  state     TEXT NOT NULL,     -- PENDING, DELIVERED, FAILED
  tries     INTEGER NOT NULL,  -- since it became PENDING
  due_at    INTEGER,           -- the next of them; NULL: it has ended
  ended_at  INTEGER,
  outcomes  TEXT NOT NULL      -- JSON: what came of the last tries
);
CREATE INDEX deliveries_by_webhook ON deliveries(webhook, key);
CREATE INDEX deliveries_by_state ON deliveries(webhook, state, key);
CREATE UNIQUE INDEX deliveries_of_events ON deliveries(webhook, event) WHERE event IS NOT NULL;
CREATE INDEX deliveries_pending ON deliveries(webhook, due_at) WHERE state = 'PENDING';
CREATE INDEX deliveries_by_end ON deliveries(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE idempotency (
  owner       TEXT NOT NULL,
  key         TEXT NOT NULL,
  request     TEXT NOT NULL,  -- SHA-256 of method, path and body
  status      INTEGER NOT NULL,
  headers     TEXT NOT NULL,
  body        TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  UNIQUE (owner, key)
);
CREATE INDEX idempotency_by_age ON idempotency(created_at);

-- Where a key once accepted has gone, so that it is answered 410 and not 404.
CREATE TABLE deleted (
  key         INTEGER PRIMARY KEY,
  owner       TEXT NOT NULL,
  deleted_at  INTEGER NOT NULL,
  events      INTEGER  -- the last of its events, as long as readers have yet to come so far; NULL: they are gone
);
CREATE INDEX deleted_with_events ON deleted(events) WHERE events IS NOT NULL;

-- Directories of deleted jobs that are still to be removed from the disk.
CREATE TABLE removals (
  key        INTEGER PRIMARY KEY,  -- the job's
  resource   TEXT NOT NULL,
  directory  TEXT NOT NULL,        -- of its last attempt; those of the others lie beside it
  account    TEXT                  -- whose it is; NULL: the service's own
);

-- The resources: those of the configuration, and those made over REST beside them. What is known of them is written by the
-- control worker, for everybody to read.
CREATE TABLE resources (
  name         TEXT PRIMARY KEY,
  scheduler    TEXT NOT NULL,
  configured   INTEGER NOT NULL,  -- 1: the configuration has it, and what that says counts
  settings     TEXT,              -- JSON: of one made over REST, as they were given
  revision     INTEGER NOT NULL,  -- another one with each change of the settings
  drained_by   TEXT,              -- who wants it to get no new jobs …
  drained_at   INTEGER,           -- … and since when; NULL: it gets them
  state        TEXT NOT NULL,     -- starting, up, degraded, down
  message      TEXT,
  info         TEXT NOT NULL,     -- JSON: the plug-in, its verbs and what it honours
  status       TEXT,              -- JSON: what the scheduler last said of itself
  observed_at  INTEGER,           -- the last good answer
  updated_at   INTEGER NOT NULL
) WITHOUT ROWID;

-- What administrators want of scheduler plug-ins.
CREATE TABLE schedulers (
  name         TEXT PRIMARY KEY,
  disabled_by  TEXT,
  disabled_at  INTEGER,            -- NULL: its resources may use it
  reload       INTEGER NOT NULL DEFAULT 0  -- another number with each wish that its file be read again
) WITHOUT ROWID;
