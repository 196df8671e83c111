#include "store/group.h"

#include <stdbool.h>

#include "store/sqlite_error.h"

static const char *const words[ORR_WORDS] = {
    [ORR_BEGIN] = "BEGIN IMMEDIATE", [ORR_COMMIT] = "COMMIT",     [ORR_ROLLBACK] = "ROLLBACK",
    [ORR_SAVEPOINT] = "SAVEPOINT c", [ORR_RELEASE] = "RELEASE c", [ORR_ROLLBACK_TO] = "ROLLBACK TO c",
};

int orr_group_open(struct orr_group_connection *connection, sqlite3 *db, struct orr_statements *statements,
                   struct orr_err *err) {
  *connection = (struct orr_group_connection){.db = db, .prepared = {.db = db, .statements = statements}};
  for (int i = 0; i < ORR_WORDS; i++)
    if (sqlite3_prepare_v3(db, words[i], -1, SQLITE_PREPARE_PERSISTENT, &connection->words[i], NULL) !=
        SQLITE_OK)
      return orr_sqlite_fail(err, db, "cannot prepare \"%s\"", words[i]);
  return ORR_OK;
}

void orr_group_close(struct orr_group_connection *connection) {
  for (int i = 0; i < ORR_WORDS; i++) sqlite3_finalize(connection->words[i]);
  orr_prepared_clear(&connection->prepared);
  sqlite3_close(connection->db);
}

static bool say(struct orr_group_connection *connection, enum orr_group_word word) {
  sqlite3_stmt *statement = connection->words[word];
  bool done = sqlite3_step(statement) == SQLITE_DONE;
  sqlite3_reset(statement); /* keeps the message of an error */
  return done;
}

/* SQLite rolls back by itself after some errors (a full disk, a failed write). */
static void leave_transaction(struct orr_group_connection *connection) {
  if (!sqlite3_get_autocommit(connection->db)) say(connection, ORR_ROLLBACK);
}

/* One commit in a savepoint. False: the transaction is not to be trusted any more. */
static bool run_in_savepoint(struct orr_group_connection *connection, struct orr_commit *commit,
                             int64_t *changed) {
  int64_t before = *changed;
  if (!say(connection, ORR_SAVEPOINT)) return false;
  if (orr_commit_apply(commit, &connection->prepared, changed) != ORR_OK) {
    if (commit->code != ORR_CONFLICT) return false;
    *changed = before;
    if (!say(connection, ORR_ROLLBACK_TO)) return false; /* OR ROLLBACK has taken the savepoint, too */
  }
  return say(connection, ORR_RELEASE);
}

/* All in one transaction. False: nothing was stored, nobody has an answer. */
static bool run_together(struct orr_group_connection *connection, struct orr_commit *first,
                         int64_t *changed) {
  if (!say(connection, ORR_BEGIN)) return false;
  bool sound = true;
  for (struct orr_commit *commit = first; commit && sound; commit = orr_commit_next(commit))
    sound = run_in_savepoint(connection, commit, changed);
  if (sound && say(connection, ORR_COMMIT)) return true;
  leave_transaction(connection);
  return false;
}

static int64_t run_alone(struct orr_group_connection *connection, struct orr_commit *commit) {
  int64_t changed = 0;
  if (orr_commit_apply(commit, &connection->prepared, &changed) == ORR_OK) {
    if (say(connection, ORR_COMMIT)) return changed;
    commit->code = orr_sqlite_fail(&commit->err, connection->db, "cannot commit");
  }
  leave_transaction(connection);
  return 0;
}

/* Each in a transaction of its own, so that each gets the answer that is its own. Who cannot even begin
   speaks for all behind it. */
static int64_t run_singly(struct orr_group_connection *connection, struct orr_commit *first) {
  int64_t changed = 0;
  struct orr_commit *commit = first;
  for (; commit && say(connection, ORR_BEGIN); commit = orr_commit_next(commit))
    changed += run_alone(connection, commit);
  for (; commit; commit = orr_commit_next(commit)) {
    commit->failed = -1;
    commit->code = orr_sqlite_fail(&commit->err, connection->db, "cannot begin to store");
  }
  return changed;
}

int64_t orr_group_run(struct orr_group_connection *connection, struct orr_commit *first) {
  int64_t changed = 0;
  if (orr_commit_next(first) && run_together(connection, first, &changed)) return changed;
  return run_singly(connection, first);
}
