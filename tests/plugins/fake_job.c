#include "fake_job.h"

#include <string.h>
#include <time.h>

long fake_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How old it is, but for the time its clock stood still. */
static long age(const struct fake_job *job, long now) {
  if (job->canceled >= 0) now = job->canceled;
  if (job->held >= 0) now = job->held;
  if (job->suspended >= 0) now = job->suspended;
  return now - job->submitted;
}

static long length(const struct fake_job *job) {
  return job->run_ms < job->limit_ms ? job->run_ms : job->limit_ms;
}

bool fake_started(const struct fake_job *job, long now) { return age(job, now) >= job->queue_ms; }

bool fake_over(const struct fake_job *job, long now) {
  return job->canceled >= 0 || age(job, now) >= job->queue_ms + length(job);
}

bool fake_gone(const struct fake_job *job, long now) { return job->vanish && fake_started(job, now); }

long fake_start(const struct fake_job *job) { return job->submitted + job->queue_ms; }

long fake_end(const struct fake_job *job) {
  return job->canceled >= 0 ? job->canceled : fake_start(job) + length(job);
}

const char *fake_state(const struct fake_job *job, long now) {
  if (job->held >= 0) return "HELD";
  if (job->suspended >= 0) return "SUSPENDED";
  if (job->canceled >= 0) return "CANCELED";
  if (!fake_over(job, now)) return fake_started(job, now) ? "ACTIVE" : "QUEUED";
  return job->run_ms > job->limit_ms || job->exit_code || job->signal ? "FAILED" : "COMPLETED";
}

static void go_on(struct fake_job *job, long at) {
  if (job->held >= 0) job->submitted += at - job->held;
  if (job->suspended >= 0) job->submitted += at - job->suspended;
  job->held = job->suspended = -1;
}

bool fake_act(struct fake_job *job, const char *verb, long at, long value) {
  bool queued = !fake_started(job, at), over = fake_over(job, at), active = !queued && !over;
  if (strcmp(verb, "cancel") == 0 && !over) {
    go_on(job, at);
    job->canceled = at;
  } else if (strcmp(verb, "hold") == 0 && queued && job->held < 0) {
    job->held = at;
  } else if (strcmp(verb, "suspend") == 0 && active && job->suspended < 0) {
    job->suspended = at;
  } else if ((strcmp(verb, "release") == 0 && job->held >= 0) ||
             (strcmp(verb, "resume") == 0 && job->suspended >= 0)) {
    go_on(job, at);
  } else if (strcmp(verb, "alter") == 0 && !over) {
    job->limit_ms = value;
  } else if (strcmp(verb, "signal") == 0 && active) {
    if (value) job->signal = value, job->run_ms = age(job, at) - job->queue_ms;
  } else {
    return false;
  }
  return true;
}

void fake_write(FILE *file, const struct fake_job *job) {
  fprintf(file, "job %s %ld %ld %ld %ld %ld %ld %ld %ld %ld %s %s\n", job->tag, job->submitted, job->queue_ms,
          job->run_ms, job->exit_code, job->signal, job->limit_ms, job->final_ms, job->vanish,
          job->alter_delay_ms, job->monitor_error, job->alter_error);
}

bool fake_read(const char *line, struct fake_job *job) {
  job->held = job->suspended = job->canceled = -1;
  return sscanf(line, "job %127s %ld %ld %ld %ld %ld %ld %ld %ld %ld %15s %15s", job->tag, &job->submitted,
                &job->queue_ms, &job->run_ms, &job->exit_code, &job->signal, &job->limit_ms, &job->final_ms,
                &job->vanish, &job->alter_delay_ms, job->monitor_error, job->alter_error) == 12;
}
