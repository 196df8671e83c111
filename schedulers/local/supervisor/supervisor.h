/* The local scheduler's supervisor: the process that owns the machine's core slots and the jobs on them. One
   for each state directory, in a session of its own, it outlives the server and is outlived by its jobs.
   Single-threaded: one loop waits for clients, ended children and time, and nothing else blocks it but the
   disk (a file system that hangs under a job's directory stops it, as it would stop any shell).

   Every file of this folder is one noun or verb of it:
     main run process watch                     its own start and end, the loop, small tools
     door request                               clients and their frames
     submit control stop report                 what clients ask for
     job queue prepare launch environment login waiting and starting
     end                                        ends, and adopting what an earlier supervisor started
     journal record replay compact              what outlives it */
#pragma once
#include <stdbool.h>

#include <orrery/value.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/door.h"
#include "supervisor/environment.h"
#include "supervisor/job.h"
#include "supervisor/journal.h"
#include "supervisor/login.h"
#include "supervisor/process.h"
#include "wire.h"

/* What the resource's configuration says; journalled, so that a supervisor that is started anew goes on with
   its predecessor's. */
struct orr_settings {
  int64_t cores;     /* slots */
  int64_t grace_ms;  /* between SIGTERM and SIGKILL */
  int64_t linger_ms; /* how long to stay with neither jobs nor clients */
};

struct orr_supervisor {
  struct orr_log log;
  int epoll, signals, lock;
  struct orr_source signals_watch;
  char boot[ORR_BOOT_ID];
  bool same_boot; /* the journal's last writer lived in this one, too */
  char host[256];
  struct orr_account account;
  struct orr_settings settings;
  struct orr_journal journal;
  struct orr_jobs jobs;
  struct orr_login login;
  struct orr_door door;
  int64_t cores_used;
  char *complaint; /* of a lack of room that still lasts; NULL: there is room */
  unsigned lease;  /* how many queued jobs to declare begun at once */
  /* When something is due, CLOCK_BOOTTIME ms, INT64_MAX: nothing. */
  int64_t deadline_at; /* no run's deadline is earlier */
  int64_t settle_at;   /* the journal is to be synced */
  int64_t retry_at;    /* the journal had no room, or the machine no process: try again */
  int64_t idle_since;  /* neither jobs nor clients */
  bool leaving;        /* ends after this round */
  char *successor;     /* the program to become instead of ending, or NULL */
};

void orr_run(struct orr_supervisor *s); /* run.c: until it is to leave */

/* replay.c: reads the journal into the tables; what needs more than reading is left to orr_adopt. */
int orr_replay(struct orr_supervisor *s, struct orr_err *err);
/* compact.c: rewrites the journal when that is worth it; a failure is logged and leaves the old one. */
void orr_compact(struct orr_supervisor *s);

/* queue.c */
void orr_queue_run(struct orr_supervisor *s);    /* starts what fits into the free slots */
void orr_queue_settle(struct orr_supervisor *s); /* syncs the journal and takes undue BEGINs back */
/* Puts the BEGIN of a job that is about to start into `records`. */
void orr_queue_begin(struct orr_job *job, int64_t at, struct orr_buf *records);

/* end.c */
/* Appends one record; false where the journal has no room. */
bool orr_note(struct orr_supervisor *s, enum orr_record_kind kind, int64_t job, const void *body,
              size_t size);
void orr_reap(struct orr_supervisor *s);  /* takes note of every child that has ended */
void orr_adopt(struct orr_supervisor *s); /* after replay: jobs that an earlier supervisor started */
/* Ends a job: journal, tables, slots. `message` is taken over. */
void orr_end(struct orr_supervisor *s, struct orr_job *job, const struct orr_end *end, char *message);
void orr_end_owing(struct orr_supervisor *s); /* journals what earlier found no room */

/* stop.c: signals and the wall time. */
bool orr_signal(const struct orr_job *job, int number); /* to the whole group; false: it is gone */
void orr_stop(struct orr_supervisor *s, struct orr_job *job, enum orr_stop why);
void orr_stop_overdue(struct orr_supervisor *s);
void orr_set_deadline(struct orr_supervisor *s, struct orr_job *job); /* of a run: when its time is over */
void orr_suspend(struct orr_supervisor *s, struct orr_job *job);
void orr_resume(struct orr_supervisor *s, struct orr_job *job);

/* The verbs: each writes a list with a report for each item. */
void orr_submit(struct orr_supervisor *s, const struct orrery_value *items,
                struct orr_buf *out); /* submit.c */
void orr_monitor(struct orr_supervisor *s, const struct orrery_value *items,
                 struct orr_buf *out);                                                          /* report.c */
void orr_find(struct orr_supervisor *s, const struct orrery_value *items, struct orr_buf *out); /* report.c */
void orr_status(struct orr_supervisor *s, struct orr_buf *out);                                 /* report.c */
/* control.c: cancel, suspend, resume, hold, release, signal. False: no such verb. */
bool orr_control(struct orr_supervisor *s, const char *verb, const struct orrery_value *request,
                 struct orr_buf *out);

/* report.c: what the verbs share. */
struct orr_job *orr_ref_job(struct orr_supervisor *s, const struct orrery_value *ref); /* NULL: no such job */
void orr_report_id(struct orr_buf *out, const struct orr_job *job);
void orr_report_problem(struct orr_buf *out, const char *error_class, const char *message);
