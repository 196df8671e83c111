/* Reading. Each reader is a connection of its own for one thread; readers neither wait for the writer nor for
   each other. To begin and end a transaction costs SQLite as much as to find a row, so a reader that follows
   a loop does it once a turn, and again when something was stored since. It never keeps one while the loop
   waits: the log could not be begun anew (checkpoint.c). */
#include <stdlib.h>

#include "base/alloc.h"
#include "store/open.h"
#include "store/prepared.h"
#include "store/private.h"
#include "store/sqlite_error.h"

struct orr_reader {
  struct orr_store *store;
  sqlite3 *db;
  struct orr_prepared prepared;
  struct orr_loop *loop; /* that it follows; NULL: each statement is a transaction of its own */
  struct orr_chore turn_ended;
  sqlite3_stmt *begin, *end;
  unsigned long long seen; /* groups that the transaction sees, at least */
};

struct orr_reader *orr_reader_open(struct orr_store *store, struct orr_err *err) {
  sqlite3 *db;
  if (orr_database_open_reading(store->path, &db, err)) return NULL;
  struct orr_reader *reader = orr_alloc(sizeof *reader);
  *reader =
      (struct orr_reader){.store = store, .db = db, .prepared = {.db = db, .statements = store->statements}};
  return reader;
}

static void say(sqlite3_stmt *word) {
  sqlite3_step(word);
  sqlite3_reset(word);
}

static void end_transaction(struct orr_reader *reader) {
  if (!sqlite3_get_autocommit(reader->db)) say(reader->end);
}

static void turn_ended(struct orr_chore *chore) {
  end_transaction((struct orr_reader *)((char *)chore - offsetof(struct orr_reader, turn_ended)));
}

int orr_reader_follow(struct orr_reader *reader, struct orr_loop *loop, struct orr_err *err) {
  if (sqlite3_prepare_v3(reader->db, "BEGIN", -1, SQLITE_PREPARE_PERSISTENT, &reader->begin, NULL) !=
          SQLITE_OK ||
      sqlite3_prepare_v3(reader->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &reader->end, NULL) !=
          SQLITE_OK)
    return orr_sqlite_fail(err, reader->db, "cannot prepare to read");
  reader->turn_ended.run = turn_ended;
  reader->loop = loop;
  return ORR_OK;
}

/* Without a transaction, should it not begin, reading goes on all the same, and costs more. */
static void be_in_transaction(struct orr_reader *reader) {
  unsigned long long stored = atomic_load(&reader->store->groups);
  if (stored != reader->seen) end_transaction(reader);
  if (!sqlite3_get_autocommit(reader->db)) return;
  reader->seen = stored;
  say(reader->begin);
  orr_loop_leave(reader->loop, &reader->turn_ended);
}

void orr_reader_close(struct orr_reader *reader) {
  if (!reader) return;
  if (reader->loop) orr_loop_forget(reader->loop, &reader->turn_ended);
  sqlite3_finalize(reader->begin);
  sqlite3_finalize(reader->end);
  orr_prepared_clear(&reader->prepared);
  sqlite3_close(reader->db);
  free(reader);
}

int orr_read_begin(struct orr_reader *reader, int statement, const struct orr_cell *parameters, size_t count,
                   struct orr_cursor *cursor, struct orr_err *err) {
  *cursor = (struct orr_cursor){0};
  sqlite3_stmt *prepared;
  if (reader->loop) be_in_transaction(reader);
  int code = orr_prepared_get(&reader->prepared, statement, count, &prepared, err);
  for (size_t i = 0; i < count && code == ORR_OK; i++)
    code = orr_prepared_bind(prepared, i, &parameters[i], err);
  if (code) return code;
  *cursor = (struct orr_cursor){.statement = prepared, .columns = sqlite3_column_count(prepared)};
  return ORR_OK;
}

int orr_read_step(struct orr_cursor *cursor, struct orr_err *err) {
  switch (sqlite3_step(cursor->statement)) {
  case SQLITE_ROW: return 1;
  case SQLITE_DONE: return 0;
  default:
    return orr_sqlite_fail(err, sqlite3_db_handle(cursor->statement), "cannot read by \"%.120s\"",
                           sqlite3_sql(cursor->statement));
  }
}

/* By the value, which is asked for once; unprotected ones are safe here: the connection is one thread's. */
void orr_read_cell(const struct orr_cursor *cursor, int column, struct orr_cell *cell) {
  sqlite3_value *value = sqlite3_column_value(cursor->statement, column);
  switch (sqlite3_value_type(value)) {
  case SQLITE_INTEGER:
    *cell = (struct orr_cell){.kind = ORR_CELL_INT, .integer = sqlite3_value_int64(value)};
    return;
  case SQLITE_FLOAT:
    *cell = (struct orr_cell){.kind = ORR_CELL_REAL, .real = sqlite3_value_double(value)};
    return;
  case SQLITE_TEXT: /* the text before its size: reading it may convert it */
    *cell = (struct orr_cell){.kind = ORR_CELL_TEXT, .text = (const char *)sqlite3_value_text(value)};
    break;
  case SQLITE_BLOB:
    *cell = (struct orr_cell){.kind = ORR_CELL_BLOB, .text = sqlite3_value_blob(value)};
    break;
  default: *cell = (struct orr_cell){.kind = ORR_CELL_NULL}; return;
  }
  cell->size = (size_t)sqlite3_value_bytes(value);
}

const char *orr_read_name(const struct orr_cursor *cursor, int column) {
  return sqlite3_column_name(cursor->statement, column);
}

void orr_read_end(struct orr_cursor *cursor) {
  sqlite3_reset(cursor->statement); /* NULL is legal; an error was told by the step */
  *cursor = (struct orr_cursor){0};
}
