/* What SQLite says, in our words: its result codes become ours, its message the end of a sentence. */
#pragma once
#include <sqlite3.h>

#include "base/err.h"

/* The code of the last failure on `db`. SQLITE_CONSTRAINT is ORR_CONFLICT, a full disk or quota ORR_NO_SPACE.
 */
enum orr_code orr_sqlite_code(sqlite3 *db);
/* Fills `err` with "WHAT: SQLite's message" and, where there is one, the remedy; returns the code. */
__attribute__((format(printf, 3, 4))) int orr_sqlite_fail(struct orr_err *err, sqlite3 *db, const char *what,
                                                          ...);
