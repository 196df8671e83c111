/* Jobs: everything the supervisor knows about them, and the tables to find them by. A job is made when it is
   submitted or replayed, and forgotten only by compaction, long after it ended. A hundred thousand waiting
   jobs are ordinary, so a waiting job is small (its submission stays in the journal) and every step on the
   way of one job takes the same time however many others there are. */
#pragma once
#include <stdbool.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "supervisor/watch.h"

enum orr_job_state {
  ORR_JOB_QUEUED,
  ORR_JOB_HELD,
  ORR_JOB_ACTIVE,
  ORR_JOB_SUSPENDED,
  ORR_JOB_COMPLETED,
  ORR_JOB_FAILED,
  ORR_JOB_CANCELED
};

enum orr_reason {
  ORR_REASON_NONE,
  ORR_REASON_EXIT_CODE,
  ORR_REASON_SIGNAL,
  ORR_REASON_TIMEOUT,
  ORR_REASON_LAUNCH_FAILED,
  ORR_REASON_LOST
};

enum orr_stop { ORR_STOP_NOT, ORR_STOP_CANCEL, ORR_STOP_TIMEOUT };

/* How a job ended; also a record's body. */
struct orr_end {
  int32_t state, reason;     /* orr_job_state, orr_reason */
  int32_t exit_code, signal; /* -1 and 0 where there is none */
  int64_t started_at;        /* wall time, ms; 0: never started */
  int64_t ended_at;
  int64_t wall_ms, cpu_ms; /* -1: unknown */
  int64_t memory;          /* bytes, the peak; -1: unknown */
};

/* A job's process, from its start to its end. */
struct orr_run {
  struct orr_source watch; /* of an adopted job's pidfd */
  struct orr_job *job;
  int64_t pid;                     /* also its process group and session */
  int64_t born_after, born_before; /* see orr_record_started */
  int pidfd;                       /* -1: our own child, whose end SIGCHLD tells */
  uint32_t cores;                  /* slots it has */
  enum orr_stop stopping;          /* it was told to end, and why */
  int64_t suspended_at;            /* CLOCK_BOOTTIME, ms; 0: not suspended */
  int64_t suspended_ms;            /* earlier suspensions, all together */
  int64_t deadline;                /* CLOCK_BOOTTIME, ms; when something is to be done to it */
};

TAILQ_HEAD(orr_job_list, orr_job);

struct orr_job {
  struct orr_job *next_by_id, *next_by_tag, *next_by_pid; /* chains of the tables */
  TAILQ_ENTRY(orr_job) place;                             /* in the queue, among the held or the running */
  TAILQ_ENTRY(orr_job) history;                           /* by last change; not those just submitted */
  TAILQ_ENTRY(orr_job) owing;                             /* ended, but the journal had no room to say so */
  int64_t id;
  uint64_t change;    /* number of the last change; 0: none since it was submitted */
  int64_t changed_at; /* wall time, ms */
  int64_t limit_ms;   /* how long it may run */
  int64_t submission; /* where in the journal its submission lies */
  uint32_t submission_size;
  uint32_t cores;
  enum orr_job_state state;
  bool login;          /* wants the account's login environment */
  bool begun;          /* its BEGIN is durable */
  bool owed;           /* is among the owing */
  struct orr_run *run; /* NULL: not running */
  struct orr_end end;  /* started_at from the start on, the rest from the end on */
  char *message;       /* of the end, or NULL */
  char tag[];
};

static inline bool orr_job_ended(const struct orr_job *job) { return job->state >= ORR_JOB_COMPLETED; }

struct orr_jobs {
  struct orr_job **by_id, **by_tag, **by_pid; /* chained hash tables, all of `buckets` buckets */
  size_t buckets, count;
  size_t ended, queued; /* the rest are held or running */
  int64_t next_id;
  uint64_t last_change;
  struct orr_job_list queue, held, running, history, owing;
};

void orr_jobs_init(struct orr_jobs *jobs);
void orr_jobs_free(struct orr_jobs *jobs);
/* Makes a queued job, at the end of the queue. The tag need not be terminated. */
struct orr_job *orr_jobs_add(struct orr_jobs *jobs, int64_t id, const char *tag, size_t tag_size);
/* Forgets a job that ended long ago, or that after all was not submitted. */
void orr_jobs_forget(struct orr_jobs *jobs, struct orr_job *job);
struct orr_job *orr_jobs_find(const struct orr_jobs *jobs, int64_t id);
struct orr_job *orr_jobs_find_tag(const struct orr_jobs *jobs, const char *tag, size_t size);
struct orr_job *orr_jobs_find_pid(const struct orr_jobs *jobs, int64_t pid);
static inline size_t orr_jobs_live(const struct orr_jobs *jobs) { return jobs->count - jobs->ended; }

/* Every change of state goes through one of these. They keep tables, lists and counts; journal, processes and
   slots are their callers' business. */
void orr_job_queue(struct orr_jobs *jobs, struct orr_job *job, int64_t at); /* released */
void orr_job_hold(struct orr_jobs *jobs, struct orr_job *job, int64_t at);
struct orr_run *orr_job_start(struct orr_jobs *jobs, struct orr_job *job, int64_t pid, int64_t at);
void orr_job_suspend(struct orr_jobs *jobs, struct orr_job *job, int64_t at);
void orr_job_resume(struct orr_jobs *jobs, struct orr_job *job, int64_t at);
/* Takes `message` over, which may be NULL; the job's run is freed. */
void orr_job_end(struct orr_jobs *jobs, struct orr_job *job, const struct orr_end *end, char *message,
                 int64_t at);
