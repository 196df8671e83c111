/* Groups: what the writer does with the commits it took. They share one transaction and so one sync of the
   disk; each has a savepoint of its own in it, so that one that fails takes nothing with it but itself. */
#pragma once
#include <sqlite3.h>

#include "store/commit.h"
#include "store/prepared.h"

enum orr_group_word {
  ORR_BEGIN,
  ORR_COMMIT,
  ORR_ROLLBACK,
  ORR_SAVEPOINT,
  ORR_RELEASE,
  ORR_ROLLBACK_TO,
  ORR_WORDS
};

struct orr_group_connection {
  sqlite3 *db; /* owned */
  struct orr_prepared prepared;
  sqlite3_stmt *words[ORR_WORDS];
};

/* Takes over the connection. */
int orr_group_open(struct orr_group_connection *connection, sqlite3 *db, struct orr_statements *statements,
                   struct orr_err *err);
void orr_group_close(struct orr_group_connection *connection);

/* Runs the commits queued from `first` on and fills in their answers: those that are ORR_OK are on the disk
   when it returns. The number of rows they changed. */
int64_t orr_group_run(struct orr_group_connection *connection, struct orr_commit *first);

/* Runs the statements of one commit in the open transaction and fills in its answer; adds the rows changed.
   What a failed commit did is left for the caller to roll back. */
int orr_commit_apply(struct orr_commit *commit, struct orr_prepared *prepared, int64_t *changed);
