/* Connections: the only place that opens a database of ours, and so the only place that decides how SQLite
   behaves. A connection belongs to one thread at a time. */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

/* Opens the database for writing, and makes it if there is none (readable by its owner alone). A file that is
   something else is refused. Foreign keys are enforced. */
int orr_database_open(const char *path, sqlite3 **db, struct orr_err *err);
/* Opens a database that exists, for reading. */
int orr_database_open_reading(const char *path, sqlite3 **db, struct orr_err *err);
/* The integer that `sql` answers in its first row and column. */
int orr_database_integer(sqlite3 *db, const char *sql, sqlite3_int64 *answer, struct orr_err *err);
