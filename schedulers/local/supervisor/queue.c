/* The queue of slots: first come, first served; the job at its head waits until enough cores are free, and
   nobody overtakes it. A job that asks for more than a resource made smaller since now has, gets all of it.

   A job may start once its BEGIN is durable: after the machine stops dead, BEGIN without an end means that it
   may have run, so it is not run again. As syncing for every start would cost more than short jobs do, BEGINs
   are written ahead for the jobs next in line, the more the faster they go; orr_queue_settle, a second later,
   syncs the rest of the journal and takes back what was written too far ahead. */
#include <stdlib.h>

#include "base/alloc.h"
#include "supervisor/launch.h"
#include "supervisor/prepare.h"
#include "supervisor/supervisor.h"

enum { LEASE_MAX = 256, RETRY_MS = 1000 };

static int64_t slots(const struct orr_supervisor *s, const struct orr_job *job) {
  return job->cores < s->settings.cores ? job->cores : s->settings.cores;
}

void orr_queue_begin(struct orr_job *job, int64_t at, struct orr_buf *records) {
  orr_record_put(records, ORR_RECORD_BEGIN, job->id, at, NULL, 0, NULL, 0);
  job->begun = true;
}

static void complain(struct orr_supervisor *s, const char *what, const char *why) {
  if (!s->complaint) orr_log(&s->log, ORR_LOG_WARN, what, ORR_S("why", why));
  free(s->complaint);
  s->complaint = orr_strdup(why);
}

static void content(struct orr_supervisor *s) {
  free(s->complaint);
  s->complaint = NULL;
}

/* Waits a second before trying again what the machine has no room for. */
static void later(struct orr_supervisor *s, const char *why) {
  s->retry_at = orr_boot_ms() + RETRY_MS;
  complain(s, "starting jobs has to wait", why);
}

static bool lease(struct orr_supervisor *s) {
  struct orr_buf records = {0};
  struct orr_err err;
  int64_t now = orr_wall_ms();
  struct orr_job *job = TAILQ_FIRST(&s->jobs.queue);
  for (unsigned i = 0; i < s->lease && job; i++, job = TAILQ_NEXT(job, place))
    orr_queue_begin(job, now, &records);
  int code = orr_journal_commit(&s->journal, &records, &err);
  orr_buf_free(&records);
  if (s->lease < LEASE_MAX) s->lease *= 2;
  if (code == ORR_OK) return true;
  for (job = TAILQ_FIRST(&s->jobs.queue); job && job->begun; job = TAILQ_NEXT(job, place)) job->begun = false;
  later(s, err.text);
  return false;
}

void orr_queue_settle(struct orr_supervisor *s) {
  struct orr_buf records = {0};
  struct orr_err err;
  orr_record_put(&records, ORR_RECORD_SETTLE, 0, orr_wall_ms(), NULL, 0, NULL, 0);
  int code = orr_journal_commit(&s->journal, &records, &err);
  orr_buf_free(&records);
  if (code) return complain(s, "the journal is not durable", err.text);
  if (s->retry_at == INT64_MAX) content(s);
  if (s->lease > 1) s->lease /= 2;
  struct orr_job *job;
  for (job = TAILQ_FIRST(&s->jobs.queue); job && job->begun; job = TAILQ_NEXT(job, place)) job->begun = false;
}

static void launched(struct orr_supervisor *s, struct orr_job *job, const struct orr_launch *launch) {
  struct orr_run *run = orr_job_start(&s->jobs, job, launch->pid, launch->at);
  run->born_after = launch->born_after;
  run->born_before = launch->born_before;
  run->cores = (uint32_t)slots(s, job);
  s->cores_used += run->cores;
  content(s);
  orr_set_deadline(s, job);
}

static void not_launched(struct orr_supervisor *s, struct orr_job *job, const char *why) {
  struct orr_end end = job->end;
  end.state = ORR_JOB_FAILED;
  end.reason = ORR_REASON_LAUNCH_FAILED;
  end.ended_at = orr_wall_ms();
  orr_end(s, job, &end, orr_strdup(why));
}

/* False: nothing more can be started now. */
static bool start(struct orr_supervisor *s, struct orr_job *job, struct orr_arena *arena) {
  struct orr_err err;
  struct orr_launch launch = {.journal = &s->journal, .job = job->id};
  int code = orr_prepare(s, job, arena, &launch, &err);
  if (code == ORR_OK) code = orr_launch(&launch, &err);
  if (code == ORR_OK)
    launched(s, job, &launch);
  else if (code == ORR_BUSY || code == ORR_NO_SPACE)
    later(s, err.text);
  else
    not_launched(s, job, err.text);
  return s->retry_at == INT64_MAX;
}

static bool run_first(struct orr_supervisor *s, struct orr_job *job) {
  if (job->login) {
    const char *problem = NULL;
    if (!orr_login_ready(s, &problem)) return false;
    if (problem) return not_launched(s, job, problem), true;
  }
  if (!job->begun && !lease(s)) return false;
  struct orr_arena *arena = orr_arena_create();
  bool going = start(s, job, arena);
  orr_arena_destroy(arena);
  return going;
}

void orr_queue_run(struct orr_supervisor *s) {
  struct orr_job *job;
  if (s->retry_at != INT64_MAX) return;
  while ((job = TAILQ_FIRST(&s->jobs.queue)) && s->cores_used + slots(s, job) <= s->settings.cores)
    if (!run_first(s, job)) return;
}
