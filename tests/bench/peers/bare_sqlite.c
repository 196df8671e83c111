/* The most that SQLite in C can store and find on this disk: jobs inserted durably (write-ahead log,
   synchronous=FULL) many to a transaction into a table with two indexes, and read by their key.
   usage: bare_sqlite FILE JOBS BATCH     prints inserts a second and reads a second */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPEC_SIZE = 400, READS = 200000 };

static const char schema[] = "PRAGMA journal_mode=WAL;"
                             "PRAGMA synchronous=FULL;"
                             "CREATE TABLE jobs(key INTEGER PRIMARY KEY, simulation INTEGER, state TEXT,"
                             "                  created_at INTEGER, spec TEXT);"
                             "CREATE INDEX jobs_by_simulation ON jobs(simulation, key);"
                             "CREATE INDEX jobs_by_state ON jobs(state, key);";

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(sqlite3 *db, int good) {
  if (good) return;
  fprintf(stderr, "bare_sqlite: %s\n", sqlite3_errmsg(db));
  exit(1);
}

static void execute(sqlite3 *db, const char *sql) {
  check(db, sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement;
  check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
  return statement;
}

static double insert_all(sqlite3 *db, int jobs, int batch) {
  char spec[SPEC_SIZE];
  memset(spec, 's', sizeof spec);
  sqlite3_stmt *insert =
      prepare(db, "INSERT INTO jobs(simulation, state, created_at, spec) VALUES(1, 'PENDING', ?, ?)");
  double began = seconds();
  for (int first = 0; first < jobs; first += batch) {
    execute(db, "BEGIN IMMEDIATE");
    for (int i = first; i < first + batch && i < jobs; i++) {
      sqlite3_bind_int(insert, 1, i);
      sqlite3_bind_text(insert, 2, spec, sizeof spec, SQLITE_STATIC);
      check(db, sqlite3_step(insert) == SQLITE_DONE);
      sqlite3_reset(insert);
    }
    execute(db, "COMMIT");
  }
  double took = seconds() - began;
  sqlite3_finalize(insert);
  return jobs / took;
}

static double read_many(sqlite3 *db, int jobs) {
  sqlite3_stmt *read = prepare(db, "SELECT key, simulation, state, created_at, spec FROM jobs WHERE key = ?");
  double began = seconds();
  for (uint32_t i = 0; i < READS; i++) {
    sqlite3_bind_int64(read, 1, 1 + i * UINT32_C(2654435761) % (uint32_t)jobs); /* scattered over all */
    check(db, sqlite3_step(read) == SQLITE_ROW && sqlite3_column_bytes(read, 4) == SPEC_SIZE);
    sqlite3_reset(read);
  }
  double took = seconds() - began;
  sqlite3_finalize(read);
  return READS / took;
}

int main(int argc, char **argv) {
  int jobs = argc == 4 ? atoi(argv[2]) : 0, batch = argc == 4 ? atoi(argv[3]) : 0;
  if (jobs <= 0 || batch <= 0) return 64;
  sqlite3 *db;
  check(NULL, sqlite3_open(argv[1], &db) == SQLITE_OK);
  execute(db, schema);
  double inserts = insert_all(db, jobs, batch);
  printf("%.0f %.0f\n", inserts, read_many(db, jobs));
  sqlite3_close(db);
  return 0;
}
