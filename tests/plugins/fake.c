/* A scheduler whose jobs are timers and whose failures are scripted; the twin, in C, of fake.lua. A job's state
   is a function of its times and of now, so nothing runs between two calls. It uses the plug-in interface and
   the C library only.

   Custom attributes of a job (numbers, true, or texts):
     queue_ms, run_ms      how long it waits, then runs (0)
     exit_code, signal     how it ends (0)
     submit_error          rejected, busy, unavailable or unknown: what submit says
     submit_errors         how often it says so, before it succeeds (for ever)
     submit_lands          it says so, but the job was taken all the same
     submit_delay_ms       how long submit takes for it
     monitor_error         what monitor says about it, as submit_error
     vanish                from its start on nobody knows it
     lost_accounting_ms    how long after its end that is not final
   Configuration of the resource:
     down                  nothing can be reached; so, too, while a file `down` is in the state directory
     hang_ms               a map: how long each verb takes
     max_jobs              how many may be live; more are refused as busy (no limit)
     cores                 what status and honours say (16)

   In the state directory, `jobs` has a line for everything that was done, read back by the next open, and
   `starts` a line with the tag for every native job that was made: as with a real scheduler, a tag submitted
   twice makes two. */
#include <orrery/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG_SIZE = 128, PATH_SIZE = 4096 };

struct job {
  char tag[TAG_SIZE];
  int64_t queue_ms, run_ms, exit_code, signal, limit_ms, final_ms;
  int vanish;
  char monitor_error[16]; /* "-": none */
  /* Wall times, ms; -1: it was not. */
  int64_t submitted, held, suspended, canceled;
};

struct fake {
  struct orrery_host *host;
  struct job *jobs; /* the native id is the index + 1 */
  size_t count, room;
  FILE *log, *starts;
  bool down;
  int64_t max_jobs, cores;
  int64_t hang_ms[11];
};

static const char *const verb_names[] = {"submit", "monitor", "cancel", "find",   "suspend", "resume",
                                         "hold",   "release", "signal", "status", "estimate"};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static const struct orrery_value *custom(const struct orrery_value *item, const char *key) {
  return orrery_get(orrery_get(item, "attributes.custom_attributes"), key);
}

static int64_t number(const struct orrery_value *value, int64_t otherwise) {
  const char *text = orrery_text(value, NULL, NULL);
  if (text) return strtoll(text, NULL, 10);
  return orrery_int(value, orrery_bool(value, false) ? 1 : otherwise);
}

/* --- the life of a job ------------------------------------------------------------------------------------ */

/* Its clock stands still while it is held or suspended; what it missed is added to `submitted`. */
static int64_t clock_of(const struct job *job, int64_t now) {
  if (job->canceled >= 0) now = job->canceled;
  if (job->held >= 0) now = job->held;
  if (job->suspended >= 0) now = job->suspended;
  return now - job->submitted;
}

static int64_t length(const struct job *job) { return job->run_ms < job->limit_ms ? job->run_ms : job->limit_ms; }

static bool started(const struct job *job, int64_t now) { return clock_of(job, now) >= job->queue_ms; }

static bool over(const struct job *job, int64_t now) {
  return job->canceled >= 0 || clock_of(job, now) >= job->queue_ms + length(job);
}

static const char *state_of(const struct job *job, int64_t now) {
  if (job->held >= 0) return "HELD";
  if (job->suspended >= 0) return "SUSPENDED";
  if (job->canceled >= 0) return "CANCELED";
  if (!over(job, now)) return started(job, now) ? "ACTIVE" : "QUEUED";
  return job->run_ms > job->limit_ms || job->exit_code || job->signal ? "FAILED" : "COMPLETED";
}

/* Does to a job what a line of the log says; false: that cannot be done to it in its state. */
static bool act(struct job *job, const char *verb, int64_t at, int64_t value) {
  bool done = over(job, at), active = started(job, at) && !done;
  if (strcmp(verb, "alter") == 0) return !done && (job->limit_ms = value, true);
  if (strcmp(verb, "cancel") == 0 && !done) {
    int64_t clock = clock_of(job, at);
    job->held = job->suspended = -1;
    job->submitted = at - clock;
    job->canceled = at;
  } else if (strcmp(verb, "hold") == 0 && !active && !done && job->held < 0) {
    job->held = at;
  } else if (strcmp(verb, "release") == 0 && job->held >= 0) {
    job->submitted += at - job->held;
    job->held = -1;
  } else if (strcmp(verb, "suspend") == 0 && active && job->suspended < 0) {
    job->suspended = at;
  } else if (strcmp(verb, "resume") == 0 && job->suspended >= 0) {
    job->submitted += at - job->suspended;
    job->suspended = -1;
  } else if (strcmp(verb, "signal") == 0 && active) {
    job->signal = value; /* a deadly one ends it now */
    job->run_ms = clock_of(job, at) - job->queue_ms;
  } else {
    return false;
  }
  return true;
}

/* --- the state directory ---------------------------------------------------------------------------------- */

static struct job *add(struct fake *self, const struct job *job) {
  if (self->count == self->room) {
    self->room = self->room ? self->room * 2 : 64;
    self->jobs = realloc(self->jobs, self->room * sizeof *self->jobs);
    if (!self->jobs) abort();
  }
  self->jobs[self->count] = *job;
  return &self->jobs[self->count++];
}

static const char job_line[] = "job %127s %ld %ld %ld %ld %ld %ld %d %15s %ld\n";

static void load(struct fake *self, FILE *file) {
  char line[512], verb[16];
  long id, at, value, n[7];
  while (fgets(line, sizeof line, file)) {
    struct job job = {.held = -1, .suspended = -1, .canceled = -1};
    if (sscanf(line, job_line, job.tag, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &job.vanish, job.monitor_error,
               &n[6]) == 10) {
      job.queue_ms = n[0], job.run_ms = n[1], job.exit_code = n[2], job.signal = n[3];
      job.limit_ms = n[4], job.final_ms = n[5], job.submitted = n[6];
      add(self, &job);
    } else if (sscanf(line, "%15s %ld %ld %ld", verb, &id, &at, &value) == 4 && id > 0 && (size_t)id <= self->count) {
      act(&self->jobs[id - 1], verb, at, value);
    }
  }
}

static FILE *open_file(struct fake *self, const char *name) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", orrery_host_directory(self->host, "state"), name);
  return fopen(path, "a+");
}

static bool is_down(const struct fake *self) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/down", orrery_host_directory(self->host, "state"));
  return self->down || access(path, F_OK) == 0;
}

/* --- verbs ------------------------------------------------------------------------------------------------ */

static void fake_close(void *instance) {
  struct fake *self = instance;
  if (self->log) fclose(self->log);
  if (self->starts) fclose(self->starts);
  free(self->jobs);
  free(self);
}

static void *fake_open(struct orrery_host *host, const struct orrery_value *config, struct orrery_value *honours) {
  static const char *const fields[] = {
      "name",        "executable",     "arguments",           "script",     "directory",   "environment",
      "stdin_path",  "stdout_path",    "stderr_path",         "inherit_environment", "resources.node_count",
      "resources.process_count",       "resources.processes_per_node", "resources.cpu_cores_per_process",
      "resources.memory", "attributes.duration", "attributes.queue_name", "attributes.custom_attributes"};
  struct fake *self = calloc(1, sizeof *self);
  if (!self) abort();
  self->host = host;
  self->down = orrery_bool(orrery_get(config, "down"), false);
  self->max_jobs = orrery_int(orrery_get(config, "max_jobs"), INT64_MAX);
  self->cores = orrery_int(orrery_get(config, "cores"), 16);
  for (size_t i = 0; i < sizeof verb_names / sizeof *verb_names; i++)
    self->hang_ms[i] = number(orrery_get(orrery_get(config, "hang_ms"), verb_names[i]), 0);
  self->log = open_file(self, "jobs");
  self->starts = open_file(self, "starts");
  if (!self->log || !self->starts) {
    orrery_host_fail(host, "cannot write to %s", orrery_host_directory(host, "state"));
    fake_close(self);
    return NULL;
  }
  load(self, self->log);
  struct orrery_value *honoured = orrery_set_list(honours, "fields");
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) orrery_add_text(honoured, fields[i]);
  orrery_set_int(honours, "cores", self->cores);
  orrery_set_int(honours, "array_size", 0);
  orrery_set_int(honours, "max_submitted", 1000000);
  return self;
}
