/* The store: one SQLite database, one writer, a read connection for every thread that reads. This header is
   all that the rest of the house sees of it.

   Statements are registered once for the whole process and known by number; each connection prepares a
   statement the first time it meets it and keeps it, so running one costs no hashing and no parsing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/key_set.h"
#include "base/log.h"
#include "loop/loop.h"

struct orr_store;

struct orr_store_options {
  const char *path;       /* the database file */
  const char *migrations; /* the folder of NNNN_name.sql */
  const struct orr_log *log;
  int64_t wal_limit; /* bytes, 0: 64 MiB; checkpoints start well before */
};

/* Opens or creates the database, refuses a network file system with advice, migrates, starts the writer and
   the checkpointer. The caller has locked the data directory. */
struct orr_store *orr_store_open(const struct orr_store_options *options, struct orr_err *err);
/* Ends the writer after what is queued, checkpoints, closes. Readers must be gone. NULL is legal. */
void orr_store_close(struct orr_store *store);

/* Applies what is missing and stops (`orrery migrate`); `applied` (may be NULL) is how many were. Each
   migration runs in a transaction of its own and is recorded with its SHA-256; a recorded one whose file has
   changed or vanished, a gap in the numbers, or a database newer than the folder is refused in words. */
int orr_store_migrate(const char *path, const char *migrations, const struct orr_log *log, int *applied,
                      struct orr_err *err);
/* A consistent copy of a live database, by SQLite's backup interface, into a new file (one that exists is
   refused). Needs no server and disturbs none. */
int orr_store_backup(const char *path, const char *target, struct orr_err *err);

/* The number of a statement: the same SQL text gives the same number. Any thread. Never freed before the
   store. One statement that reads or changes rows; transactions are the store's business. */
int orr_store_statement(struct orr_store *store, const char *sql, size_t size);
const char *orr_store_sql(struct orr_store *store, int statement);

/* --- values --- */

enum orr_cell_kind { ORR_CELL_NULL, ORR_CELL_INT, ORR_CELL_REAL, ORR_CELL_TEXT, ORR_CELL_BLOB };

struct orr_cell {
  enum orr_cell_kind kind;
  union {
    int64_t integer;
    double real;
    struct {
      const char *text;
      size_t size;
    };
  };
};

/* --- reading: in place, on the caller's own connection --- */

struct orr_reader; /* belongs to one thread */
struct orr_reader *orr_reader_open(struct orr_store *store, struct orr_err *err);
void orr_reader_close(struct orr_reader *reader);
/* From now on the reads of one turn of the loop, which is that of the reader's thread, share a transaction, so
   that they cost less. A read still sees all that was answered before it began. */
int orr_reader_follow(struct orr_reader *reader, struct orr_loop *loop, struct orr_err *err);

/* One running statement. Rows are valid until the next step. A cursor must be ended before the thread goes
   back to its loop: no read statement survives a yield. */
struct orr_cursor {
  void *statement;
  int columns;
};
/* What the parameters point to is not copied: it must live until the cursor is ended. A failed begin leaves
   nothing to end, and ending it all the same is legal. */
int orr_read_begin(struct orr_reader *reader, int statement, const struct orr_cell *parameters, size_t count,
                   struct orr_cursor *cursor, struct orr_err *err);
int orr_read_step(struct orr_cursor *cursor, struct orr_err *err); /* 1: a row, 0: no more, negative: error */
void orr_read_cell(const struct orr_cursor *cursor, int column, struct orr_cell *cell);
const char *orr_read_name(const struct orr_cursor *cursor, int column); /* the column's name */
void orr_read_end(struct orr_cursor *cursor);

/* --- writing: one commit is a list of guarded statements --- */

/* A commit is built by one thread, then handed to the writer. All of it takes effect, durably, or none.
   `expect` is the number of rows the statement must change (of a SELECT: must answer; ORR_ANY: not looked
   at); another number, or a broken constraint, rolls back this commit alone and answers ORR_CONFLICT with the
   index of the statement.

   Commits take effect in the order in which they were handed over, but one of many rows (over 100) gives way
   to small ones, so that a person's request does not wait behind a sweep. Who needs an order across sizes
   waits for the answer. At most about 1,000 rows belong in one commit. */
struct orr_commit {
  struct orr_message message; /* posts the answer to `loop`; `message.deliver` is set by the caller */
  struct orr_loop *loop;      /* who asked; it must outlive the store. NULL: the writer's thread delivers */
  int code;                   /* the answer: ORR_OK, ORR_CONFLICT, ORR_NO_SPACE, ORR_IO … */
  int failed;                 /* which statement, from 0; -1: none in particular */
  int64_t *inserted; /* room for `statements`: last_insert_rowid() after each (not owned, may be NULL) */
  struct orr_err err;
  struct orr_buf body; /* the encoded statements; filled by orr_commit_add */
  int statements;
  size_t rows; /* that the statements run with, together */
  struct orr_key_set
      concerns; /* every integer among the parameters: whatever is changed is named by its key */
  void *user;
};

enum { ORR_ANY = -1 };

struct orr_commit *orr_commit_create(struct orr_loop *loop, void (*deliver)(struct orr_message *message),
                                     void *user);
void orr_commit_destroy(struct orr_commit *commit);
/* Adds a statement that runs `rows` times, with `count` parameters each (cells row by row); everything is
   copied. `expect` counts the changes of all its rows together. */
void orr_commit_add(struct orr_commit *commit, int statement, int expect, const struct orr_cell *cells,
                    size_t count, size_t rows);
/* Hands it over. The answer comes as a message, after COMMIT has returned OK and the log is on the disk. */
void orr_store_commit(struct orr_store *store, struct orr_commit *commit);
/* The same for threads without a loop, and for start-up: waits. */
int orr_store_commit_wait(struct orr_store *store, struct orr_commit *commit);

/* Calls `changed(data, keys)` from the writer's thread after every group that committed something: what its
   commits concern. The callee only posts a message. Subscribe before threads run. */
typedef void orr_store_changed(void *data, const struct orr_key_set *keys);
void orr_store_subscribe(struct orr_store *store, orr_store_changed *changed, void *data);

struct orr_store_stats {
  int64_t commits, groups, conflicts, errors, rows; /* since the start */
  int64_t queued;                                   /* commits waiting now */
  int64_t group_ns_max;                             /* the slowest group so far */
  int64_t wal_bytes;
  struct orr_err trouble; /* why nothing can be stored at present; its code is ORR_OK when it can */
};
void orr_store_stats(struct orr_store *store, struct orr_store_stats *stats);
