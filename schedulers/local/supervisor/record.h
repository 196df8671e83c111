/* The journal's records as they lie on disk, in the machine's own byte order: a head, a body by its kind, and
   for some kinds bytes that follow. A job's state is what its records say, in their order. */
#pragma once
#include <stdint.h>

/* The file's first line; another version is not read. */
#define ORR_JOURNAL_TITLE "orrery local journal 1\n"

enum orr_record_kind {
  ORR_RECORD_BOOT = 1,  /* a supervisor began to write; the boot id follows */
  ORR_RECORD_SETTINGS,  /* body: orr_settings */
  ORR_RECORD_NEXT,      /* `job` is the next id to give out; written by compaction */
  ORR_RECORD_SUBMIT,    /* body: orr_record_submit; the tag and the submission (wire.h) follow */
  ORR_RECORD_BEGIN,     /* durable before the job may start: from here on it may have run */
  ORR_RECORD_SETTLE,    /* all before is durable: what has a BEGIN but no STARTED has not started */
  ORR_RECORD_STARTED,   /* body: orr_record_started; written by the child that is about to be the job */
  ORR_RECORD_HELD,      /* waits to be released */
  ORR_RECORD_RELEASED,  /* waits at the end of the queue */
  ORR_RECORD_SUSPENDED, /* body: orr_record_moment */
  ORR_RECORD_RESUMED,   /* body: orr_record_moment */
  ORR_RECORD_STOPPING,  /* body: orr_record_stopping; was told to end */
  ORR_RECORD_ENDED      /* body: orr_end (job.h); the message follows, if there is one */
};

struct orr_record {
  uint32_t size;  /* of head, body and what follows */
  uint32_t check; /* of everything from `kind` on */
  uint32_t kind;
  uint32_t unused; /* zero */
  int64_t job;     /* 0 for records about no job */
  int64_t at;      /* wall time, ms */
};

struct orr_record_submit {
  int64_t limit_ms;  /* how long it may run */
  uint32_t cores;    /* how many it takes */
  uint32_t tag_size; /* without a NUL */
  uint32_t login;    /* 1: wants the account's login environment */
  uint32_t unused;   /* zero */
};

struct orr_record_started {
  int64_t pid;
  /* The child was born between these two instants (CLOCK_BOOTTIME, ns): with the pid they name the process
     as surely as its start time, which only /proc would tell, slowly. */
  int64_t born_after, born_before;
};

struct orr_record_moment {
  int64_t boot_ms; /* CLOCK_BOOTTIME */
};

struct orr_record_stopping {
  int64_t why; /* enum orr_stop (job.h) */
};
