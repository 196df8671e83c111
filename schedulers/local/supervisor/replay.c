/* Reading the journal back: each record does to the tables what the supervisor did when it wrote it. What is
   left running or begun afterwards is for orr_adopt to look into. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "supervisor/supervisor.h"

struct replay {
  struct orr_supervisor *s;
  char boot[ORR_BOOT_ID]; /* in which the record at hand was written */
};

static void submitted(struct orr_jobs *jobs, const struct orr_record *record, const char *body,
                      int64_t offset) {
  struct orr_record_submit submit;
  memcpy(&submit, body, sizeof submit);
  size_t before = sizeof *record + sizeof submit + submit.tag_size;
  struct orr_job *job = orr_jobs_add(jobs, record->job, body + sizeof submit, submit.tag_size);
  job->limit_ms = submit.limit_ms;
  job->cores = submit.cores;
  job->login = submit.login;
  job->submission = offset + (int64_t)before;
  job->submission_size = record->size - (uint32_t)before;
}

static void started(struct orr_jobs *jobs, struct orr_job *job, const struct orr_record *record,
                    const char *body) {
  struct orr_record_started start;
  memcpy(&start, body, sizeof start);
  struct orr_run *run = orr_job_start(jobs, job, start.pid, record->at);
  run->born_after = start.born_after;
  run->born_before = start.born_before;
}

static void ended(struct orr_jobs *jobs, struct orr_job *job, const struct orr_record *record,
                  const char *body) {
  struct orr_end end;
  memcpy(&end, body, sizeof end);
  size_t message_size = record->size - sizeof *record - sizeof end;
  char *message = message_size ? orr_strndup(body + sizeof end, message_size) : NULL;
  orr_job_end(jobs, job, &end, message, record->at);
}

static void job_changed(struct orr_jobs *jobs, struct orr_job *job, const struct orr_record *record,
                        const char *body) {
  struct orr_record_moment moment;
  struct orr_record_stopping stopping;
  switch (record->kind) {
  case ORR_RECORD_BEGIN: job->begun = true; return;
  case ORR_RECORD_STARTED: started(jobs, job, record, body); return;
  case ORR_RECORD_HELD:
    orr_job_hold(jobs, job, record->at);
    job->begun = false;
    return;
  case ORR_RECORD_RELEASED: orr_job_queue(jobs, job, record->at); return;
  case ORR_RECORD_SUSPENDED:
    memcpy(&moment, body, sizeof moment);
    job->run->suspended_at = moment.boot_ms;
    orr_job_suspend(jobs, job, record->at);
    return;
  case ORR_RECORD_RESUMED:
    memcpy(&moment, body, sizeof moment);
    job->run->suspended_ms += moment.boot_ms - job->run->suspended_at;
    job->run->suspended_at = 0;
    orr_job_resume(jobs, job, record->at);
    return;
  case ORR_RECORD_STOPPING:
    memcpy(&stopping, body, sizeof stopping);
    job->run->stopping = (enum orr_stop)stopping.why;
    return;
  case ORR_RECORD_ENDED: ended(jobs, job, record, body); return;
  default: return;
  }
}

static void settled(struct orr_jobs *jobs) {
  struct orr_job *job;
  TAILQ_FOREACH(job, &jobs->queue, place) {
    if (!job->begun) return; /* the begun ones stand in front */
    job->begun = false;
  }
}

static void visit(void *data, const struct orr_record *record, const char *body, int64_t offset) {
  struct replay *replay = data;
  struct orr_jobs *jobs = &replay->s->jobs;
  struct orr_job *job;
  switch (record->kind) {
  case ORR_RECORD_BOOT: memcpy(replay->boot, body, ORR_BOOT_ID); return;
  case ORR_RECORD_SETTINGS: memcpy(&replay->s->settings, body, sizeof replay->s->settings); return;
  case ORR_RECORD_NEXT: jobs->next_id = record->job; return;
  case ORR_RECORD_SUBMIT: submitted(jobs, record, body, offset); return;
  case ORR_RECORD_SETTLE: settled(jobs); return;
  default:
    job = orr_jobs_find(jobs, record->job);
    if (job && !orr_job_ended(job)) job_changed(jobs, job, record, body);
  }
}

int orr_replay(struct orr_supervisor *s, struct orr_err *err) {
  struct replay replay = {.s = s};
  int64_t cut;
  int code = orr_journal_replay(&s->journal, visit, &replay, &cut, err);
  if (code) return code;
  if (cut) orr_log(&s->log, ORR_LOG_WARN, "the journal's torn end was cut off", ORR_I("bytes", cut));
  s->same_boot = *s->boot && strcmp(s->boot, replay.boot) == 0;
  return ORR_OK;
}
