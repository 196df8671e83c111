/* Migrations: the files that make the schema what it is. They are numbered from 0001 without a gap, only ever
   added to, and recorded in the database with the digest of what was applied. */
#pragma once
#include <sqlite3.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"

struct orr_migration {
  int number; /* from 1 */
  const char *file;
  const char *path;
  const char *sql;
  char checksum[ORR_SHA256_TEXT];
};

/* Reads the folder into `*list`, by number and in `arena`. Refuses what would make the order doubtful: a gap,
   a number twice, a name that does not parse. */
int orr_migrations_read(struct orr_arena *arena, const char *folder, struct orr_migration **list, int *count,
                        struct orr_err *err);

/* Brings the database up to the folder; `*applied` is how many were missing. Refuses a database whose past is
   not the folder's. */
int orr_migrations_apply(sqlite3 *db, const char *folder, const struct orr_log *log, int *applied,
                         struct orr_err *err);
