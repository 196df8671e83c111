/* Starting a program: vfork, so that it costs the same however much memory the supervisor has, and the child
   runs in the supervisor's memory until it executes the program, so that it can tell in words why it could
   not. The program is the leader of its own session and process group: were it in the supervisor's session,
   the supervisor's death would send SIGHUP to a suspended one. */
#pragma once
#include "base/err.h"
#include "supervisor/journal.h"

struct orr_launch {
  const char *program;                    /* the file to execute; NULL: what argv[0] names */
  char *const *argv, *const *environment; /* end with NULL */
  const char *path;                       /* where argv[0] is looked for if it has no slash */
  const char *directory;                  /* to start in */
  const char *input, *output, *error;     /* files; output and error are emptied, and may be the same */
  struct orr_journal *journal;            /* gets a STARTED of `job` before the program runs; NULL: none */
  int64_t job;
  /* Set by orr_launch. */
  int64_t pid, at;                 /* `at`: wall time, ms */
  int64_t born_after, born_before; /* CLOCK_BOOTTIME, ns */
  /* How the child tells what became of it. */
  const char *doing, *to; /* what it could not do: "open", "/some/file"; NULL: it runs */
  int problem;            /* errno */
  bool no_room;           /* in the journal */
};

/* ORR_BUSY: the machine or the journal has no room now, and the program certainly did not run. Any other
   error is the launch's own. */
int orr_launch(struct orr_launch *launch, struct orr_err *err);
