#include "supervisor/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { FIRST_BUCKETS = 1024 };

/* Ids and pids count upwards; their low bits spread them well enough. */
static size_t id_bucket(const struct orr_jobs *jobs, int64_t id) { return (size_t)id & (jobs->buckets - 1); }
static size_t tag_bucket(const struct orr_jobs *jobs, const char *tag, size_t size) {
  return orr_hash(tag, size) & (jobs->buckets - 1);
}

static void chain(struct orr_jobs *jobs, struct orr_job *job) {
  struct orr_job **id = &jobs->by_id[id_bucket(jobs, job->id)];
  job->next_by_id = *id, *id = job;
  struct orr_job **tag = &jobs->by_tag[tag_bucket(jobs, job->tag, strlen(job->tag))];
  job->next_by_tag = *tag, *tag = job;
}

static void chain_pid(struct orr_jobs *jobs, struct orr_job *job) {
  struct orr_job **pid = &jobs->by_pid[id_bucket(jobs, job->run->pid)];
  job->next_by_pid = *pid, *pid = job;
}

static void unchain_pid(struct orr_jobs *jobs, struct orr_job *job) {
  struct orr_job **pid = &jobs->by_pid[id_bucket(jobs, job->run->pid)];
  while (*pid != job) pid = &(*pid)->next_by_pid;
  *pid = job->next_by_pid;
}

static void rehash(struct orr_jobs *jobs, size_t buckets) {
  struct orr_jobs old = *jobs;
  jobs->buckets = buckets;
  jobs->by_id = orr_zalloc(buckets * sizeof(struct orr_job *));
  jobs->by_tag = orr_zalloc(buckets * sizeof(struct orr_job *));
  jobs->by_pid = orr_zalloc(buckets * sizeof(struct orr_job *));
  for (size_t i = 0; i < old.buckets; i++)
    for (struct orr_job *job = old.by_id[i], *next; job; job = next) {
      next = job->next_by_id;
      chain(jobs, job);
    }
  struct orr_job *job;
  TAILQ_FOREACH(job, &jobs->running, place) chain_pid(jobs, job);
  free(old.by_id), free(old.by_tag), free(old.by_pid);
}

void orr_jobs_init(struct orr_jobs *jobs) {
  *jobs = (struct orr_jobs){.next_id = 1};
  TAILQ_INIT(&jobs->queue);
  TAILQ_INIT(&jobs->held);
  TAILQ_INIT(&jobs->running);
  TAILQ_INIT(&jobs->history);
  TAILQ_INIT(&jobs->owing);
  rehash(jobs, FIRST_BUCKETS);
}

static void changed(struct orr_jobs *jobs, struct orr_job *job, int64_t at) {
  if (job->change) TAILQ_REMOVE(&jobs->history, job, history);
  TAILQ_INSERT_TAIL(&jobs->history, job, history);
  job->change = ++jobs->last_change;
  job->changed_at = at;
}

struct orr_job *orr_jobs_add(struct orr_jobs *jobs, int64_t id, const char *tag, size_t tag_size) {
  if (jobs->count == jobs->buckets) rehash(jobs, jobs->buckets * 2);
  struct orr_job *job = orr_zalloc(sizeof *job + tag_size + 1);
  memcpy(job->tag, tag, tag_size);
  job->id = id;
  job->end = (struct orr_end){.exit_code = -1, .wall_ms = -1, .cpu_ms = -1, .memory = -1};
  if (id >= jobs->next_id) jobs->next_id = id + 1;
  jobs->count++, jobs->queued++;
  TAILQ_INSERT_TAIL(&jobs->queue, job, place);
  chain(jobs, job);
  return job;
}

struct orr_job *orr_jobs_find(const struct orr_jobs *jobs, int64_t id) {
  struct orr_job *job = jobs->by_id[id_bucket(jobs, id)];
  while (job && job->id != id) job = job->next_by_id;
  return job;
}

struct orr_job *orr_jobs_find_tag(const struct orr_jobs *jobs, const char *tag, size_t size) {
  struct orr_job *job = jobs->by_tag[tag_bucket(jobs, tag, size)];
  while (job && (strncmp(job->tag, tag, size) != 0 || job->tag[size] != 0)) job = job->next_by_tag;
  return job;
}

struct orr_job *orr_jobs_find_pid(const struct orr_jobs *jobs, int64_t pid) {
  struct orr_job *job = jobs->by_pid[id_bucket(jobs, pid)];
  while (job && job->run->pid != pid) job = job->next_by_pid;
  return job;
}

/* Out of the list it is in. */
static void displace(struct orr_jobs *jobs, struct orr_job *job) {
  if (job->state == ORR_JOB_QUEUED) {
    TAILQ_REMOVE(&jobs->queue, job, place);
    jobs->queued--;
  } else if (job->state == ORR_JOB_HELD) {
    TAILQ_REMOVE(&jobs->held, job, place);
  } else {
    TAILQ_REMOVE(&jobs->running, job, place);
    unchain_pid(jobs, job);
    free(job->run);
    job->run = NULL;
  }
}

void orr_jobs_forget(struct orr_jobs *jobs, struct orr_job *job) {
  struct orr_job **id = &jobs->by_id[id_bucket(jobs, job->id)];
  while (*id != job) id = &(*id)->next_by_id;
  *id = job->next_by_id;
  struct orr_job **tag = &jobs->by_tag[tag_bucket(jobs, job->tag, strlen(job->tag))];
  while (*tag != job) tag = &(*tag)->next_by_tag;
  *tag = job->next_by_tag;
  if (job->change) TAILQ_REMOVE(&jobs->history, job, history);
  if (orr_job_ended(job))
    jobs->ended--;
  else
    displace(jobs, job);
  jobs->count--;
  free(job->message);
  free(job);
}

void orr_jobs_free(struct orr_jobs *jobs) {
  for (size_t i = 0; i < jobs->buckets; i++)
    while (jobs->by_id[i]) orr_jobs_forget(jobs, jobs->by_id[i]);
  free(jobs->by_id), free(jobs->by_tag), free(jobs->by_pid);
}

void orr_job_queue(struct orr_jobs *jobs, struct orr_job *job, int64_t at) {
  displace(jobs, job);
  job->state = ORR_JOB_QUEUED;
  TAILQ_INSERT_TAIL(&jobs->queue, job, place);
  jobs->queued++;
  changed(jobs, job, at);
}

void orr_job_hold(struct orr_jobs *jobs, struct orr_job *job, int64_t at) {
  displace(jobs, job);
  job->state = ORR_JOB_HELD;
  TAILQ_INSERT_TAIL(&jobs->held, job, place);
  changed(jobs, job, at);
}

struct orr_run *orr_job_start(struct orr_jobs *jobs, struct orr_job *job, int64_t pid, int64_t at) {
  displace(jobs, job);
  job->state = ORR_JOB_ACTIVE;
  job->end.started_at = at;
  job->run = orr_zalloc(sizeof *job->run);
  *job->run = (struct orr_run){.job = job, .pid = pid, .pidfd = -1, .deadline = INT64_MAX};
  chain_pid(jobs, job);
  TAILQ_INSERT_TAIL(&jobs->running, job, place);
  changed(jobs, job, at);
  return job->run;
}

void orr_job_suspend(struct orr_jobs *jobs, struct orr_job *job, int64_t at) {
  job->state = ORR_JOB_SUSPENDED;
  changed(jobs, job, at);
}

void orr_job_resume(struct orr_jobs *jobs, struct orr_job *job, int64_t at) {
  job->state = ORR_JOB_ACTIVE;
  changed(jobs, job, at);
}

void orr_job_end(struct orr_jobs *jobs, struct orr_job *job, const struct orr_end *end, char *message,
                 int64_t at) {
  displace(jobs, job);
  job->state = (enum orr_job_state)end->state;
  job->end = *end;
  job->message = message;
  jobs->ended++;
  changed(jobs, job, at);
}
