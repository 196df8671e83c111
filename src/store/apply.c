/* Running one commit: its statements one after the other, each once a row, and the guards. */
#include "store/group.h"
#include "store/sqlite_error.h"

/* Runs a bound statement to its end; adds the rows it changed, or, of a SELECT, answered. */
static int run(sqlite3_stmt *statement, int64_t *rows, struct orr_err *err) {
  sqlite3 *db = sqlite3_db_handle(statement);
  int64_t answered = 0;
  int step, code = ORR_OK;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) answered++;
  if (step == SQLITE_DONE)
    *rows += sqlite3_stmt_readonly(statement) ? answered : sqlite3_changes64(db);
  else
    code = orr_sqlite_fail(err, db, "cannot store by \"%.120s\"", sqlite3_sql(statement));
  sqlite3_reset(statement);
  return code;
}

static int run_entry(struct orr_prepared *prepared, const struct orr_commit_entry *entry, const char **at,
                     int64_t *changed, struct orr_err *err) {
  sqlite3_stmt *statement;
  int64_t rows = 0;
  int code = orr_prepared_get(prepared, entry->statement, entry->count, &statement, err);
  for (size_t row = 0; row < entry->rows && code == ORR_OK; row++) {
    for (size_t i = 0; i < entry->count && code == ORR_OK; i++) {
      struct orr_cell cell;
      orr_commit_take_cell(at, &cell);
      code = orr_prepared_bind(statement, i, &cell, err);
    }
    if (code == ORR_OK) code = run(statement, &rows, err);
  }
  if (code) return code;
  if (entry->expect != ORR_ANY && rows != entry->expect)
    return orr_fail(err, ORR_CONFLICT, "%lld rows instead of %d met \"%.120s\"", (long long)rows,
                    entry->expect, sqlite3_sql(statement));
  if (!sqlite3_stmt_readonly(statement)) *changed += rows;
  return ORR_OK;
}

int orr_commit_apply(struct orr_commit *commit, struct orr_prepared *prepared, int64_t *changed) {
  const char *at = commit->body.data;
  commit->failed = -1;
  commit->code = ORR_OK;
  for (int i = 0; i < commit->statements && commit->code == ORR_OK; i++) {
    struct orr_commit_entry entry;
    orr_commit_take_entry(&at, &entry);
    commit->code = run_entry(prepared, &entry, &at, changed, &commit->err);
    if (commit->code) commit->failed = i;
    if (commit->inserted) commit->inserted[i] = sqlite3_last_insert_rowid(prepared->db);
  }
  return commit->code;
}
