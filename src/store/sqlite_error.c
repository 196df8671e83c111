#include "store/sqlite_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether a failed write means no room (a quota is refused in another way than a full disk). The connection
   has forgotten the reason by the time a commit has failed; the write-ahead log's file has not. */
static bool no_room(sqlite3 *db) {
  int reason = sqlite3_system_errno(db);
  sqlite3_file *log = NULL;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (reason == 0 && log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &reason);
  return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
}

enum orr_code orr_sqlite_code(sqlite3 *db) {
  switch (sqlite3_errcode(db) & 0xff) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE: return ORR_OK;
  case SQLITE_CONSTRAINT: return ORR_CONFLICT;
  case SQLITE_FULL: return ORR_NO_SPACE;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return ORR_BUSY;
  case SQLITE_INTERRUPT: return ORR_TIMEOUT;
  case SQLITE_NOMEM: return ORR_NO_MEMORY;
  case SQLITE_TOOBIG: return ORR_TOO_LARGE;
  case SQLITE_IOERR: return no_room(db) ? ORR_NO_SPACE : ORR_IO;
  case SQLITE_PERM:
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_PROTOCOL:
  case SQLITE_NOLFS: return ORR_IO;
  default: return ORR_INTERNAL; /* the SQL or its use is wrong */
  }
}

static const char *remedy(enum orr_code code) {
  switch (code) {
  case ORR_NO_SPACE: return "; nothing of it was stored, and it can be tried again once there is room";
  case ORR_BUSY: return "; another program holds the database locked (a shell, a copy?): let it end";
  default: return "";
  }
}

int orr_sqlite_fail(struct orr_err *err, sqlite3 *db, const char *what, ...) {
  char doing[256];
  va_list args;
  va_start(args, what);
  vsnprintf(doing, sizeof doing, what, args);
  va_end(args);
  enum orr_code code = orr_sqlite_code(db);
  return orr_fail(err, code, "%s: %s%s", doing, sqlite3_errmsg(db), remedy(code));
}
