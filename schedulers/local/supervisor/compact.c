/* Compaction: the journal is written anew, shorter, and put in the old one's place by a rename. Of a job that
   has ended only tag and outcome are kept, and only of the newest ones. They are kept by number, not by age:
   `find` must never call absent what once ran, and a submission in doubt is always among the newest. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

enum { KEEP_ENDED = 200000, CHUNK = 1 << 20 };

#define NEW_NAME ORR_JOURNAL_NAME ".new"

/* The journal being written. */
struct draft {
  struct orr_supervisor *s;
  struct orr_journal journal;
  struct orr_buf records; /* not yet written */
  struct orr_buf moved;   /* of struct move */
  int code;
  struct orr_err err;
};

/* Where a job's submission lies in the draft. */
struct move {
  struct orr_job *job;
  int64_t submission;
};

static void flush(struct draft *d) {
  if (d->code == ORR_OK) d->code = orr_journal_append(&d->journal, &d->records, &d->err);
  d->records.size = 0;
}

static void put(struct draft *d, enum orr_record_kind kind, int64_t job, int64_t at, const void *body,
                size_t size) {
  orr_record_put(&d->records, kind, job, at, body, size, NULL, 0);
}

static void put_submission(struct draft *d, struct orr_job *job) {
  size_t tag_size = strlen(job->tag);
  struct orr_record_submit submit = {job->limit_ms, job->cores, (uint32_t)tag_size, job->login, 0};
  struct orr_buf tail = {0};
  orr_buf_put(&tail, job->tag, tag_size);
  if (!orr_job_ended(job) && d->code == ORR_OK) {
    d->code = orr_journal_read(&d->s->journal, job->submission, job->submission_size, &tail, &d->err);
    struct move move = {job, d->journal.size + (int64_t)(d->records.size + sizeof(struct orr_record) +
                                                         sizeof submit + tag_size)};
    orr_buf_put(&d->moved, &move, sizeof move);
  }
  orr_record_put(&d->records, ORR_RECORD_SUBMIT, job->id, job->changed_at, &submit, sizeof submit, tail.data,
                 tail.size);
  orr_buf_free(&tail);
  if (d->records.size > CHUNK) flush(d);
}

static void put_running(struct draft *d, struct orr_job *job) {
  const struct orr_run *run = job->run;
  struct orr_record_started started = {run->pid, run->born_after, run->born_before};
  /* Earlier suspensions are told as one that began at 0. */
  struct orr_record_moment zero = {0}, earlier = {run->suspended_ms}, since = {run->suspended_at};
  struct orr_record_stopping stopping = {run->stopping};
  put_submission(d, job);
  put(d, ORR_RECORD_STARTED, job->id, job->end.started_at, &started, sizeof started);
  if (run->suspended_ms) {
    put(d, ORR_RECORD_SUSPENDED, job->id, job->changed_at, &zero, sizeof zero);
    put(d, ORR_RECORD_RESUMED, job->id, job->changed_at, &earlier, sizeof earlier);
  }
  if (run->suspended_at) put(d, ORR_RECORD_SUSPENDED, job->id, job->changed_at, &since, sizeof since);
  if (run->stopping) put(d, ORR_RECORD_STOPPING, job->id, job->changed_at, &stopping, sizeof stopping);
}

static void put_ended(struct draft *d, struct orr_job *job) {
  put_submission(d, job);
  orr_record_put(&d->records, ORR_RECORD_ENDED, job->id, job->changed_at, &job->end, sizeof job->end,
                 job->message, job->message ? strlen(job->message) : 0);
}

static void put_all(struct draft *d) {
  struct orr_supervisor *s = d->s;
  struct orr_job *job;
  put(d, ORR_RECORD_NEXT, s->jobs.next_id, orr_wall_ms(), NULL, 0);
  put(d, ORR_RECORD_BOOT, 0, orr_wall_ms(), s->boot, sizeof s->boot);
  put(d, ORR_RECORD_SETTINGS, 0, orr_wall_ms(), &s->settings, sizeof s->settings);
  TAILQ_FOREACH(job, &s->jobs.history, history) if (orr_job_ended(job)) put_ended(d, job);
  TAILQ_FOREACH(job, &s->jobs.running, place) put_running(d, job);
  TAILQ_FOREACH(job, &s->jobs.held, place) {
    put_submission(d, job);
    put(d, ORR_RECORD_HELD, job->id, job->changed_at, NULL, 0);
  }
  TAILQ_FOREACH(job, &s->jobs.queue, place) {
    put_submission(d, job);
    if (job->begun) put(d, ORR_RECORD_BEGIN, job->id, job->changed_at, NULL, 0);
  }
  flush(d);
}

static void forget_oldest(struct orr_supervisor *s) {
  struct orr_job *job, *next;
  for (job = TAILQ_FIRST(&s->jobs.history); job && s->jobs.ended > KEEP_ENDED; job = next) {
    next = TAILQ_NEXT(job, history);
    if (orr_job_ended(job) && !job->owed) orr_jobs_forget(&s->jobs, job);
  }
}

/* The draft takes the journal's place. */
static void adopt_draft(struct draft *d) {
  struct orr_supervisor *s = d->s;
  const struct move *move = (const struct move *)(const void *)d->moved.data;
  for (size_t i = 0; i < d->moved.size / sizeof *move; i++) move[i].job->submission = move[i].submission;
  close(s->journal.fd);
  s->journal = d->journal;
  struct orr_job *job; /* all that ended is on record now */
  while ((job = TAILQ_FIRST(&s->jobs.owing))) {
    TAILQ_REMOVE(&s->jobs.owing, job, owing);
    job->owed = false;
  }
}

void orr_compact(struct orr_supervisor *s) {
  if (s->journal.size < s->journal.compact_at) return;
  forget_oldest(s);
  int64_t before = s->journal.size;
  struct draft d = {.s = s};
  unlink(NEW_NAME);
  d.code = orr_journal_open(&d.journal, NEW_NAME, &d.err);
  if (d.code == ORR_OK) put_all(&d);
  if (d.code == ORR_OK) d.code = orr_journal_replace(&d.journal, NEW_NAME, &d.err);
  if (d.code == ORR_OK) {
    adopt_draft(&d);
    if (s->journal.compact_at < 4 * s->journal.size) s->journal.compact_at = 4 * s->journal.size;
    orr_log(&s->log, ORR_LOG_INFO, "journal compacted", ORR_I("before", before),
            ORR_I("after", s->journal.size));
  } else {
    orr_log(&s->log, ORR_LOG_WARN, "the journal cannot be compacted", ORR_S("why", d.err.text));
    s->journal.compact_at *= 2;
    if (d.journal.fd >= 0) close(d.journal.fd);
  }
  orr_buf_free(&d.records);
  orr_buf_free(&d.moved);
}
