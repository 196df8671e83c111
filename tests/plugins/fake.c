/* A scheduler whose jobs are timers and whose failures are scripted; the twin, in C, of fake.lua. A job's
   state is a function of its times and of now, so nothing runs between two calls. It uses the plug-in
   interface and the C library only.

   Custom attributes of a job (numbers, true, or texts):
     queue_ms, run_ms      how long it waits, then runs (0)
     exit_code, signal     how it ends (0)
     submit_error          rejected, busy, unavailable or unknown: what submit says
     submit_errors         how often it says so, before it succeeds (for ever)
     submit_lands          it says so, but the job was taken all the same
     submit_delay_ms       how long submit takes for it
     monitor_error         what monitor says about it, as submit_error
     alter_error           what alter says about it, as submit_error
     alter_delay_ms        how long alter takes for it the first time
     vanish                from its start on nobody knows it
     lost_accounting_ms    how long after its end that is not final
   Configuration of the resource:
     down                  nothing can be reached; so, too, while a file `down` is in the state directory
     hang_ms               a map: how long each verb takes
     max_jobs              how many may be live; more are refused as busy (no limit)
     cores                 what status and honours say (16)

   In the state directory, `jobs` has a line for everything that was done, read back by the next open,
   `starts` a line with the tag for every native job that was made: as with a real scheduler, a tag submitted
   twice makes two, and `alters` one for every time that alter was asked for. */
#include <orrery/plugin.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_job.h"

static const char *const verbs[] = {"submit", "monitor", "cancel", "find",  "suspend", "resume",
                                    "hold",   "release", "signal", "alter", "status",  "estimate"};
enum { VERBS = sizeof verbs / sizeof *verbs, PATH_SIZE = 4096 };

struct fake {
  struct orrery_host *host;
  struct fake_job *jobs; /* the native id is the index + 1 */
  long count, room;
  FILE *log, *starts, *alters;
  bool down;
  long max_jobs, cores;
  long hang_ms[VERBS];
};

static void sleep_ms(long ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static const struct orrery_value *custom(const struct orrery_value *item, const char *key) {
  return orrery_get(orrery_get(item, "attributes.custom_attributes"), key);
}

static long number(const struct orrery_value *value, long otherwise) {
  const char *text = orrery_text(value, NULL, NULL);
  if (text) return strtoll(text, NULL, 10);
  return orrery_int(value, orrery_bool(value, false) ? 1 : otherwise);
}

/* --- the state directory ------------------------------------------------------------------------------- */

static void add(struct fake *self, const struct fake_job *job) {
  if (self->count == self->room) {
    self->room = self->room ? self->room * 2 : 64;
    self->jobs = realloc(self->jobs, (size_t)self->room * sizeof *self->jobs);
    if (!self->jobs) abort();
  }
  self->jobs[self->count++] = *job;
}

static void load(struct fake *self) {
  char line[512], verb[16];
  long id, at, value;
  while (fgets(line, sizeof line, self->log)) {
    struct fake_job job;
    if (fake_read(line, &job))
      add(self, &job);
    else if (sscanf(line, "%15s %ld %ld %ld", verb, &id, &at, &value) == 4 && id > 0 && id <= self->count)
      fake_act(&self->jobs[id - 1], verb, at, value);
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

/* --- verbs --------------------------------------------------------------------------------------------- */

static void fake_close(void *instance) {
  struct fake *self = instance;
  if (self->log) fclose(self->log);
  if (self->starts) fclose(self->starts);
  if (self->alters) fclose(self->alters);
  free(self->jobs);
  free(self);
}

static void *fake_open(struct orrery_host *host, const struct orrery_value *config,
                       struct orrery_value *honours) {
  static const char *const fields[] = {"name",
                                       "executable",
                                       "arguments",
                                       "script",
                                       "directory",
                                       "environment",
                                       "stdin_path",
                                       "stdout_path",
                                       "stderr_path",
                                       "inherit_environment",
                                       "resources.node_count",
                                       "resources.process_count",
                                       "resources.processes_per_node",
                                       "resources.cpu_cores_per_process",
                                       "resources.memory",
                                       "attributes.duration",
                                       "attributes.queue_name",
                                       "attributes.custom_attributes"};
  struct fake *self = calloc(1, sizeof *self);
  if (!self) abort();
  self->host = host;
  self->down = orrery_bool(orrery_get(config, "down"), false);
  self->max_jobs = number(orrery_get(config, "max_jobs"), LONG_MAX);
  self->cores = number(orrery_get(config, "cores"), 16);
  for (int i = 0; i < VERBS; i++)
    self->hang_ms[i] = number(orrery_get(orrery_get(config, "hang_ms"), verbs[i]), 0);
  self->log = open_file(self, "jobs");
  self->starts = open_file(self, "starts");
  self->alters = open_file(self, "alters");
  if (!self->log || !self->starts || !self->alters) {
    orrery_host_fail(host, "cannot write to %s", orrery_host_directory(host, "state"));
    fake_close(self);
    return NULL;
  }
  load(self);
  struct orrery_value *honoured = orrery_set_list(honours, "fields");
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) orrery_add_text(honoured, fields[i]);
  orrery_set_int(honours, "cores", self->cores);
  orrery_set_int(honours, "array_size", 0);
  orrery_set_int(honours, "max_submitted", 1000000);
  return self;
}

/* Jobs in a state, or, with NULL, not over. */
static long count_jobs(const struct fake *self, const char *state) {
  long now = fake_now(), count = 0;
  for (long i = 0; i < self->count; i++)
    count += state ? strcmp(fake_state(&self->jobs[i], now), state) == 0 : !fake_over(&self->jobs[i], now);
  return count;
}

static enum orrery_error error_of(const char *name) {
  if (strcmp(name, "rejected") == 0) return ORRERY_REJECTED;
  if (strcmp(name, "busy") == 0) return ORRERY_BUSY;
  return strcmp(name, "unavailable") == 0 ? ORRERY_UNAVAILABLE : ORRERY_UNKNOWN;
}

/* A verb takes the time that the configuration says. */
static void take_time(const struct fake *self, const char *verb) {
  for (int i = 0; i < VERBS; i++)
    if (strcmp(verbs[i], verb) == 0) sleep_ms(self->hang_ms[i]);
}

/* What most verbs begin with: they take their time, and may find everything down. */
static bool reachable(struct fake *self, struct orrery_call *call, const char *verb) {
  take_time(self, verb);
  if (!is_down(self)) return true;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++)
    orrery_report_error(call, i, ORRERY_UNAVAILABLE, "the fake is down");
  return false;
}

static long land(struct fake *self, const struct orrery_value *item) {
  struct fake_job job = {
      .queue_ms = number(custom(item, "queue_ms"), 0),
      .run_ms = number(custom(item, "run_ms"), 0),
      .exit_code = number(custom(item, "exit_code"), 0),
      .signal = number(custom(item, "signal"), 0),
      .limit_ms = 1000 * number(orrery_get(item, "attributes.duration"), 3600),
      .final_ms = number(custom(item, "lost_accounting_ms"), 0),
      .vanish = number(custom(item, "vanish"), 0),
      .alter_delay_ms = number(custom(item, "alter_delay_ms"), 0),
      .submitted = fake_now(),
      .held = -1,
      .suspended = -1,
      .canceled = -1,
  };
  snprintf(job.tag, sizeof job.tag, "%s", orrery_text(orrery_get(item, "tag"), NULL, "-"));
  snprintf(job.monitor_error, sizeof job.monitor_error, "%s",
           orrery_text(custom(item, "monitor_error"), NULL, "-"));
  snprintf(job.alter_error, sizeof job.alter_error, "%s", orrery_text(custom(item, "alter_error"), NULL, "-"));
  fprintf(self->starts, "%s\n", job.tag);
  fflush(self->starts);
  fake_write(self->log, &job);
  fflush(self->log);
  add(self, &job);
  return self->count;
}

/* How often the item's scripted error was told; the line after it is told once more. */
static long times_told(struct fake *self, const struct orrery_value *item) {
  char line[FAKE_TAG + 16], wanted[FAKE_TAG + 16];
  long count = 0;
  snprintf(wanted, sizeof wanted, "%.100s\n", orrery_text(orrery_get(item, "job"), NULL, "-"));
  FILE *file = open_file(self, "errors");
  while (file && fgets(line, sizeof line, file)) count += strcmp(line, wanted) == 0;
  if (file) fputs(wanted, file), fclose(file);
  return count;
}

static void submit_one(struct fake *self, struct orrery_call *call, size_t i) {
  const struct orrery_value *item = orrery_at(orrery_call_items(call), i);
  const char *error = orrery_text(custom(item, "submit_error"), NULL, NULL);
  sleep_ms(number(custom(item, "submit_delay_ms"), 0));
  if (error && times_told(self, item) < number(custom(item, "submit_errors"), LONG_MAX)) {
    if (custom(item, "submit_lands")) land(self, item);
    orrery_report_error(call, i, error_of(error), "scripted: %s", error);
  } else if (self->count >= self->max_jobs && count_jobs(self, NULL) >= self->max_jobs) {
    orrery_report_error(call, i, ORRERY_BUSY, "%ld jobs are all it takes", self->max_jobs);
  } else {
    char id[24];
    snprintf(id, sizeof id, "%ld", land(self, item));
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "native_id", id);
    orrery_report_send(call, i, report);
  }
}

static void fake_submit(void *self, struct orrery_call *call) {
  if (!reachable(self, call, "submit")) return;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) submit_one(self, call, i);
}

/* The job a ref means, or NULL. */
static struct fake_job *job_of(struct fake *self, const struct orrery_value *ref) {
  long id = strtol(orrery_text(orrery_get(ref, "native_id"), NULL, "0"), NULL, 10);
  if (id < 1 || id > self->count) return NULL;
  struct fake_job *job = &self->jobs[id - 1];
  bool same = strcmp(job->tag, orrery_text(orrery_get(ref, "tag"), NULL, "")) == 0;
  return same && !fake_gone(job, fake_now()) ? job : NULL;
}

static void put_end(struct orrery_value *report, const struct fake_job *job) {
  long end = fake_end(job);
  bool final = fake_now() >= end + job->final_ms;
  orrery_set_bool(report, "final", final);
  if (!final) return;
  orrery_set_int(report, "ended_at", end);
  if (job->canceled >= 0) return;
  bool timeout = job->run_ms > job->limit_ms;
  if (timeout || job->signal || job->exit_code)
    orrery_set_text(report, "reason", timeout ? "TIMEOUT" : job->signal ? "SIGNAL" : "EXIT_CODE");
  if (job->signal)
    orrery_set_int(report, "signal", job->signal);
  else
    orrery_set_int(report, "exit_code", job->exit_code);
  struct orrery_value *usage = orrery_set_map(report, "usage");
  orrery_set_real(usage, "wall_seconds", (double)(end - fake_start(job)) / 1000);
}

static void monitor_one(struct fake *self, struct orrery_call *call, size_t i) {
  long now = fake_now();
  const struct fake_job *job = job_of(self, orrery_at(orrery_call_items(call), i));
  if (job && strcmp(job->monitor_error, "-") != 0) {
    orrery_report_error(call, i, error_of(job->monitor_error), "scripted: %s", job->monitor_error);
    return;
  }
  struct orrery_value *report = orrery_report(call, i);
  if (!job) {
    orrery_set_bool(report, "absent", true);
  } else {
    orrery_set_text(report, "state", fake_state(job, now));
    orrery_set_text(report, "native_state", fake_state(job, now));
    orrery_set_int(report, "runs", fake_started(job, now));
    if (fake_started(job, now)) orrery_set_int(report, "started_at", fake_start(job));
    if (fake_over(job, now)) put_end(report, job);
  }
  orrery_report_send(call, i, report);
}

static void fake_monitor(void *self, struct orrery_call *call) {
  if (!reachable(self, call, "monitor")) return;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) monitor_one(self, call, i);
}

static void find_one(struct fake *self, struct orrery_call *call, size_t i) {
  const char *tag = orrery_text(orrery_get(orrery_at(orrery_call_items(call), i), "tag"), NULL, "");
  struct orrery_value *report = orrery_report(call, i);
  long at = 0;
  while (at < self->count && (strcmp(self->jobs[at].tag, tag) != 0 || fake_gone(&self->jobs[at], fake_now())))
    at++;
  bool down = is_down(self), found = at < self->count;
  char id[24];
  snprintf(id, sizeof id, "%ld", at + 1);
  orrery_set_text(report, "answer", down ? "unknown" : found ? "found" : "absent");
  if (found && !down) orrery_set_text(report, "native_id", id);
  orrery_report_send(call, i, report);
}

static void fake_find(void *instance, struct orrery_call *call) {
  struct fake *self = instance;
  take_time(self, "find");
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) find_one(self, call, i);
}

static void control_one(struct fake *self, struct orrery_call *call, size_t i, const char *verb, long value) {
  struct fake_job *job = job_of(self, orrery_at(orrery_call_items(call), i));
  long now = fake_now();
  if (job && fake_act(job, verb, now, value)) {
    fprintf(self->log, "%s %ld %ld %ld\n", verb, (long)(job - self->jobs) + 1, now, value);
    fflush(self->log);
    orrery_report_ok(call, i);
  } else {
    orrery_report_error(call, i, ORRERY_REJECTED, "the job %s, so %s cannot be done",
                        job ? fake_state(job, now) : "is not there", verb);
  }
}

static void control(struct fake *self, struct orrery_call *call, const char *verb, long value) {
  if (!reachable(self, call, verb)) return;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) control_one(self, call, i, verb, value);
}

static void fake_cancel(void *self, struct orrery_call *call) { control(self, call, "cancel", 0); }
static void fake_suspend(void *self, struct orrery_call *call) { control(self, call, "suspend", 0); }
static void fake_resume(void *self, struct orrery_call *call) { control(self, call, "resume", 0); }
static void fake_hold(void *self, struct orrery_call *call) { control(self, call, "hold", 0); }
static void fake_release(void *self, struct orrery_call *call) { control(self, call, "release", 0); }

/* Only these three are deadly. */
static void fake_signal(void *self, struct orrery_call *call) {
  const char *name = orrery_text(orrery_call_get(call, "name"), NULL, "");
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  bool kill = strcmp(name, "KILL") == 0, term = strcmp(name, "TERM") == 0,
       interrupt = strcmp(name, "INT") == 0;
  control(self, call, "signal", kill ? 9 : term ? 15 : interrupt ? 2 : 0);
}

/* Notes that it was asked to alter a job, and takes the time for it → whether it does it. */
static bool ask_to_alter(struct fake *self, struct orrery_call *call, size_t i) {
  struct fake_job *job = job_of(self, orrery_at(orrery_call_items(call), i));
  if (!job) return true;
  fprintf(self->alters, "%s\n", job->tag);
  fflush(self->alters);
  long delay = job->alter_delay_ms;
  job->alter_delay_ms = 0;
  sleep_ms(delay);
  return strcmp(job->alter_error, "-") == 0;
}

/* Changes the duration; what else is asked for is taken as done. */
static void fake_alter(void *instance, struct orrery_call *call) {
  struct fake *self = instance;
  long seconds = number(orrery_call_get(call, "changes.attributes.duration"), 3600);
  if (!reachable(self, call, "alter")) return;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) {
    if (ask_to_alter(self, call, i)) {
      control_one(self, call, i, "alter", 1000 * seconds);
    } else {
      const char *error = job_of(self, orrery_at(orrery_call_items(call), i))->alter_error;
      orrery_report_error(call, i, error_of(error), "scripted: %s", error);
    }
  }
}

static void fake_status(void *instance, struct orrery_call *call) {
  struct fake *self = instance;
  take_time(self, "status");
  struct orrery_value *report = orrery_report(call, 0);
  long active = count_jobs(self, "ACTIVE");
  orrery_set_text(report, "state", is_down(self) ? "down" : "up");
  orrery_set_int(report, "cores_total", self->cores);
  orrery_set_int(report, "cores_free", active < self->cores ? self->cores - active : 0);
  orrery_set_int(report, "pending", count_jobs(self, "QUEUED"));
  struct orrery_value *queue = orrery_add_map(orrery_set_list(report, "queues"));
  orrery_set_text(queue, "name", "main");
  orrery_set_text(queue, "state", "up");
  orrery_report_send(call, 0, report);
}

static void fake_estimate(void *self, struct orrery_call *call) {
  if (!reachable(self, call, "estimate")) return;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) {
    struct orrery_value *report = orrery_report(call, i);
    long wait = number(custom(orrery_at(orrery_call_items(call), i), "queue_ms"), 0);
    orrery_set_int(report, "start_at", fake_now() + wait);
    orrery_report_send(call, i, report);
  }
}

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "fake",
    .version = "1",
    .open = fake_open,
    .close = fake_close,
    .submit = fake_submit,
    .monitor = fake_monitor,
    .cancel = fake_cancel,
    .find = fake_find,
    .suspend = fake_suspend,
    .resume = fake_resume,
    .hold = fake_hold,
    .release = fake_release,
    .signal = fake_signal,
    .alter = fake_alter,
    .status = fake_status,
    .estimate = fake_estimate,
};
