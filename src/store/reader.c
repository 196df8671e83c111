/* Reading. Each reader is a connection of its own for one thread; readers neither wait for the writer nor for
   each other, and each statement sees what was committed when its first step was taken. */
#include <stdlib.h>

#include "base/alloc.h"
#include "store/open.h"
#include "store/prepared.h"
#include "store/private.h"
#include "store/sqlite_error.h"

struct orr_reader {
  sqlite3 *db;
  struct orr_prepared prepared;
};

struct orr_reader *orr_reader_open(struct orr_store *store, struct orr_err *err) {
  sqlite3 *db;
  if (orr_database_open_reading(store->path, &db, err)) return NULL;
  struct orr_reader *reader = orr_alloc(sizeof *reader);
  *reader = (struct orr_reader){.db = db, .prepared = {.db = db, .statements = store->statements}};
  return reader;
}

void orr_reader_close(struct orr_reader *reader) {
  if (!reader) return;
  orr_prepared_clear(&reader->prepared);
  sqlite3_close(reader->db);
  free(reader);
}

int orr_read_begin(struct orr_reader *reader, int statement, const struct orr_cell *parameters, size_t count,
                   struct orr_cursor *cursor, struct orr_err *err) {
  *cursor = (struct orr_cursor){0};
  sqlite3_stmt *prepared;
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

void orr_read_cell(const struct orr_cursor *cursor, int column, struct orr_cell *cell) {
  sqlite3_stmt *statement = cursor->statement;
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER:
    *cell = (struct orr_cell){.kind = ORR_CELL_INT, .integer = sqlite3_column_int64(statement, column)};
    return;
  case SQLITE_FLOAT:
    *cell = (struct orr_cell){.kind = ORR_CELL_REAL, .real = sqlite3_column_double(statement, column)};
    return;
  case SQLITE_TEXT: /* the text before its size: reading it may convert it */
    *cell = (struct orr_cell){.kind = ORR_CELL_TEXT,
                              .text = (const char *)sqlite3_column_text(statement, column)};
    break;
  case SQLITE_BLOB:
    *cell = (struct orr_cell){.kind = ORR_CELL_BLOB, .text = sqlite3_column_blob(statement, column)};
    break;
  default: *cell = (struct orr_cell){.kind = ORR_CELL_NULL}; return;
  }
  cell->size = (size_t)sqlite3_column_bytes(statement, column);
}

const char *orr_read_name(const struct orr_cursor *cursor, int column) {
  return sqlite3_column_name(cursor->statement, column);
}

void orr_read_end(struct orr_cursor *cursor) {
  sqlite3_reset(cursor->statement); /* NULL is legal; an error was told by the step */
  *cursor = (struct orr_cursor){0};
}
