#include "store/open.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "store/filesystem.h"
#include "store/sqlite_error.h"

enum {
  APPLICATION_ID = 0x4f727279, /* "Orry": the place in the file that says whose database it is */
  BUSY_MS = 5000               /* for other programs; in here there is one writer */
};
static const char mark_as_ours[] = "PRAGMA application_id=0x4f727279";

/* Measured with a million rows of 450 bytes, three indexes and growing keys: inserting costs 3.2 µs of
   processor a row with a cache of 1 MB as of 64 MB, since only the right edge of each tree is touched; random
   updates and reads gained nothing from more than 2 MB either, because the kernel caches the file anyway.
   Pages of 8 and 16 KiB made random updates 1.3 and 2.5 times slower. A memory map was no faster and counted
   the whole database as resident. Overwriting what is deleted cost nothing, and jobs carry secrets. */
static const char settings[] = "PRAGMA temp_store=MEMORY;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA mmap_size=0;";
static const char writing[] = "PRAGMA page_size=4096;" /* of a new file; before the mode is set */
                              "PRAGMA journal_mode=WAL;"
                              "PRAGMA synchronous=FULL;"
                              "PRAGMA secure_delete=ON;"
                              "PRAGMA wal_autocheckpoint=0;" /* checkpoint.c does it */
                              "PRAGMA cache_size=-2000;"
                              "PRAGMA foreign_keys=ON;";
static const char reading[] = "PRAGMA cache_size=-1000;";

/* Before the first connection of the process. The statistics of memory would cost a mutex, shared by all
   threads, at every allocation; and no path of ours is a URI. */
static void configure(void) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3_config(SQLITE_CONFIG_URI, 0);
}

static int connect(const char *path, int flags, sqlite3 **db, struct orr_err *err) {
  static pthread_once_t configured = PTHREAD_ONCE_INIT;
  pthread_once(&configured, configure);
  int code = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  sqlite3_extended_result_codes(*db, 1);
  sqlite3_busy_timeout(*db, BUSY_MS);
  sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(*db, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "name" is a column, never a text */
  sqlite3_db_config(*db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
  if (code != SQLITE_OK || sqlite3_exec(*db, settings, NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, *db, "cannot open the database %s", path);
  return ORR_OK;
}

int orr_database_integer(sqlite3 *db, const char *sql, sqlite3_int64 *answer, struct orr_err *err) {
  sqlite3_stmt *statement = NULL;
  sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  int code = ORR_OK;
  if (statement && sqlite3_step(statement) == SQLITE_ROW)
    *answer = sqlite3_column_int64(statement, 0);
  else
    code = orr_sqlite_fail(err, db, "cannot read the database");
  sqlite3_finalize(statement);
  return code;
}

/* A database of ours bears our mark; one with neither mark nor tables is new. Anything else is refused before
   the first change to it. */
static int look(sqlite3 *db, const char *path, bool *is_new, struct orr_err *err) {
  sqlite3_int64 mark, tables;
  int code;
  if ((code = orr_database_integer(db, "PRAGMA application_id", &mark, err)) != ORR_OK ||
      (code = orr_database_integer(db, "SELECT count(*) FROM sqlite_schema", &tables, err)) != ORR_OK)
    return code;
  *is_new = mark == 0 && tables == 0;
  if (mark == APPLICATION_ID || *is_new) return ORR_OK;
  return orr_fail(err, ORR_INVALID,
                  "%s is the database of another program; name another file in the configuration", path);
}

static int settle(sqlite3 *db, const char *path, struct orr_err *err) {
  bool is_new;
  sqlite3_int64 in_wal_mode;
  int code = look(db, path, &is_new, err);
  if (code) return code;
  if (sqlite3_exec(db, writing, NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, db, "cannot prepare the database %s", path);
  code = orr_database_integer(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &in_wal_mode, err);
  if (code) return code;
  if (!in_wal_mode)
    return orr_fail(err, ORR_IO, "%s cannot have a write-ahead log: its file system has no shared memory",
                    path);
  if (is_new && sqlite3_exec(db, mark_as_ours, NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, db, "cannot mark the new database %s as ours", path);
  return ORR_OK;
}

int orr_database_open(const char *path, sqlite3 **db, struct orr_err *err) {
  *db = NULL;
  int code = orr_filesystem_check(path, err);
  if (code) return code;
  /* SQLite would let the umask decide who may read it; the log beside it takes the mode over */
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0)
    close(fd);
  else if (errno != EEXIST)
    return orr_fail(err, ORR_IO, "cannot make the database %s: %s", path, strerror(errno));
  code = connect(path, SQLITE_OPEN_READWRITE, db, err);
  if (code == ORR_OK) code = settle(*db, path, err);
  if (code) {
    sqlite3_close(*db);
    *db = NULL;
  }
  return code;
}

int orr_database_open_reading(const char *path, sqlite3 **db, struct orr_err *err) {
  int code = connect(path, SQLITE_OPEN_READONLY, db, err);
  if (code == ORR_OK && sqlite3_exec(*db, reading, NULL, NULL, NULL) != SQLITE_OK)
    code = orr_sqlite_fail(err, *db, "cannot read the database %s", path);
  if (code) {
    sqlite3_close(*db);
    *db = NULL;
  }
  return code;
}
