/* Applying migrations. Each runs in a transaction together with its record, so that a file that fails leaves
   nothing of itself behind. Foreign keys are not enforced meanwhile (a table is rebuilt by dropping the old
   one), but every reference is checked before the commit. */
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "store/migration.h"
#include "store/open.h"
#include "store/sqlite_error.h"

static const char records[] = "CREATE TABLE IF NOT EXISTS migrations ("
                              "  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
                              "  applied_at INTEGER NOT NULL) STRICT";

/* A migration must not end its own transaction, nor reach other files. */
static int allow(void *data, int action, const char *a, const char *b, const char *c, const char *d) {
  (void)data, (void)a, (void)b, (void)c, (void)d;
  return action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_ATTACH ||
                 action == SQLITE_DETACH
             ? SQLITE_DENY
             : SQLITE_OK;
}

static int line_of(const char *text, const char *at) {
  int line = 1;
  for (; text < at; text++) line += *text == '\n';
  return line;
}

static int fail_at(sqlite3 *db, const struct orr_migration *migration, const char *at, struct orr_err *err) {
  int offset = sqlite3_error_offset(db); /* negative: unknown */
  int line = line_of(migration->sql, at + (offset > 0 ? offset : 0));
  bool denied = sqlite3_errcode(db) == SQLITE_AUTH;
  enum orr_code code = orr_sqlite_code(db);
  return orr_fail(err, code == ORR_INTERNAL || code == ORR_CONFLICT ? ORR_INVALID : code, "%s, line %d: %s%s",
                  migration->path, line, sqlite3_errmsg(db),
                  denied ? " (BEGIN, COMMIT, ROLLBACK, SAVEPOINT and ATTACH have no place in a migration)"
                         : "");
}

/* Runs the file's statements one by one, so that an error has a line. */
static int run_file(sqlite3 *db, const struct orr_migration *migration, struct orr_err *err) {
  int code = ORR_OK;
  for (const char *at = migration->sql, *rest; *at && code == ORR_OK; at = rest) {
    at += strspn(at, " \t\r\n");
    sqlite3_stmt *statement;
    int step = sqlite3_prepare_v2(db, at, -1, &statement, &rest);
    if (statement)
      while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
      }
    if (step != SQLITE_OK && step != SQLITE_DONE) code = fail_at(db, migration, at, err);
    sqlite3_finalize(statement);
  }
  return code;
}

static int check_references(sqlite3 *db, const struct orr_migration *migration, struct orr_err *err) {
  sqlite3_int64 broken;
  int code = orr_database_integer(db, "SELECT count(*) FROM pragma_foreign_key_check", &broken, err);
  if (code == ORR_OK && broken)
    return orr_fail(err, ORR_INVALID, "%s leaves %lld rows that refer to rows that do not exist",
                    migration->path, (long long)broken);
  return code;
}

static int record(sqlite3 *db, const struct orr_migration *migration, struct orr_err *err) {
  char *sql = sqlite3_mprintf("INSERT INTO migrations VALUES (%d, %Q, %Q, %lld)", migration->number,
                              migration->file, migration->checksum, (long long)orr_wall_ms());
  int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
  sqlite3_free(sql);
  return code == SQLITE_OK ? ORR_OK : orr_sqlite_fail(err, db, "cannot record %s", migration->path);
}

static int apply(sqlite3 *db, const struct orr_migration *migration, struct orr_err *err) {
  if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, db, "cannot begin %s", migration->path);
  sqlite3_set_authorizer(db, allow, NULL);
  int code = run_file(db, migration, err);
  sqlite3_set_authorizer(db, NULL, NULL);
  if (code == ORR_OK) code = check_references(db, migration, err);
  if (code == ORR_OK) code = record(db, migration, err);
  if (code == ORR_OK && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
    code = orr_sqlite_fail(err, db, "cannot commit %s", migration->path);
  if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return code;
}

/* What is recorded must be what the folder begins with. */
static int compare(sqlite3_stmt *recorded, const char *folder, const struct orr_migration *list, int count,
                   int at, struct orr_err *err) {
  const char *name = (const char *)sqlite3_column_text(recorded, 1);
  const char *checksum = (const char *)sqlite3_column_text(recorded, 2);
  if (at >= count)
    return orr_fail(err, ORR_INVALID,
                    "the database is newer than this program: it has had the migration %s, which %s does not "
                    "hold; start the version that made it",
                    name, folder);
  if (strcmp(name, list[at].file) != 0)
    return orr_fail(err, ORR_INVALID,
                    "migration %s was applied, but %s stands in its place in %s: put it back", name,
                    list[at].file, folder);
  if (strcmp(checksum, list[at].checksum) != 0)
    return orr_fail(err, ORR_INVALID,
                    "%s has changed since it was applied: put the old text back, and what is new into a "
                    "migration of its own",
                    list[at].path);
  return ORR_OK;
}

static int check_records(sqlite3 *db, const char *folder, const struct orr_migration *list, int count,
                         int *recorded, struct orr_err *err) {
  sqlite3_stmt *statement = NULL;
  int code = ORR_OK, step;
  sqlite3_prepare_v2(db, "SELECT number, name, checksum FROM migrations ORDER BY number", -1, &statement,
                     NULL);
  *recorded = 0;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW && code == ORR_OK)
    code = compare(statement, folder, list, count, (*recorded)++, err);
  if (code == ORR_OK && step != SQLITE_DONE)
    code = orr_sqlite_fail(err, db, "cannot read the records of migrations");
  sqlite3_finalize(statement);
  return code;
}

static int bring_up(sqlite3 *db, const char *folder, const struct orr_migration *list, int count,
                    const struct orr_log *log, int *applied, struct orr_err *err) {
  int recorded;
  if (sqlite3_exec(db, records, NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, db, "cannot make the table of migrations");
  int code = check_records(db, folder, list, count, &recorded, err);
  for (int i = recorded; i < count && code == ORR_OK; i++) {
    int64_t began = orr_clock_ms();
    code = apply(db, &list[i], err);
    if (code) break;
    ++*applied;
    orr_log(log, ORR_LOG_INFO, "migrated", ORR_S("file", list[i].file), ORR_I("ms", orr_clock_ms() - began));
  }
  return code;
}

int orr_migrations_apply(sqlite3 *db, const char *folder, const struct orr_log *log, int *applied,
                         struct orr_err *err) {
  struct orr_arena *arena = orr_arena_create();
  struct orr_migration *list;
  int count, code = orr_migrations_read(arena, folder, &list, &count, err);
  *applied = 0;
  sqlite3_exec(db, "PRAGMA foreign_keys=OFF", NULL, NULL, NULL);
  if (code == ORR_OK) code = bring_up(db, folder, list, count, log, applied, err);
  sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
  orr_arena_destroy(arena);
  return code;
}
