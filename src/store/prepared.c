#include "store/prepared.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/sqlite_error.h"

enum { KEPT_MAX = 500 }; /* of 2 to 6 KB each */

struct orr_prepared_slot {
  sqlite3_stmt *statement;
  bool used; /* since the hand last came by */
};

/* Takes back one statement by second chance: the hand goes round, spares what was used since its last visit,
   and takes the first that was not. */
static void make_room(struct orr_prepared *prepared) {
  for (int looked = 0; looked < 2 * prepared->room; looked++) {
    struct orr_prepared_slot *slot = &prepared->slots[prepared->hand];
    prepared->hand = (prepared->hand + 1) % prepared->room;
    if (!slot->statement || sqlite3_stmt_busy(slot->statement)) continue;
    if (slot->used) {
      slot->used = false;
      continue;
    }
    sqlite3_finalize(slot->statement);
    slot->statement = NULL;
    prepared->kept--;
    return;
  }
}

/* Transactions are the store's business: a BEGIN of a caller would hold a reader's view for ever, its COMMIT
   tear the writer's group apart. What controls them changes no row and answers none. */
static bool is_control(sqlite3_stmt *statement) {
  return sqlite3_stmt_readonly(statement) && sqlite3_column_count(statement) == 0;
}

static int prepare(struct orr_prepared *prepared, int number, sqlite3_stmt **statement, struct orr_err *err) {
  const char *sql = orr_statements_sql(prepared->statements, number), *rest;
  if (!sql) return orr_fail(err, ORR_INTERNAL, "there is no statement of number %d", number);
  if (sqlite3_prepare_v3(prepared->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, &rest) != SQLITE_OK)
    return orr_sqlite_fail(err, prepared->db, "cannot prepare \"%.120s\"", sql);
  if (*statement && !rest[strspn(rest, " \t\n;")] && !is_control(*statement)) return ORR_OK;
  sqlite3_finalize(*statement);
  return orr_fail(err, ORR_INTERNAL, "one statement that reads or changes rows is wanted, not \"%.120s\"",
                  sql);
}

static void make_slots(struct orr_prepared *prepared, int number) {
  int room = prepared->room ? prepared->room : 64;
  while (room <= number) room *= 2;
  prepared->slots = orr_realloc(prepared->slots, (size_t)room * sizeof *prepared->slots);
  memset(prepared->slots + prepared->room, 0, (size_t)(room - prepared->room) * sizeof *prepared->slots);
  prepared->room = room;
}

int orr_prepared_get(struct orr_prepared *prepared, int number, size_t count, sqlite3_stmt **statement,
                     struct orr_err *err) {
  if (number < 0 || number >= prepared->room || !prepared->slots[number].statement) {
    int code = prepare(prepared, number, statement, err);
    if (code) return code;
    if (prepared->kept >= KEPT_MAX) make_room(prepared);
    if (number >= prepared->room) make_slots(prepared, number);
    prepared->slots[number].statement = *statement;
    prepared->kept++;
  }
  struct orr_prepared_slot *slot = &prepared->slots[number];
  slot->used = true;
  *statement = slot->statement;
  if (sqlite3_stmt_busy(*statement))
    return orr_fail(err, ORR_INTERNAL, "the statement \"%.120s\" is running already: end its cursor first",
                    sqlite3_sql(*statement));
  int wanted = sqlite3_bind_parameter_count(*statement);
  if ((size_t)wanted != count)
    return orr_fail(err, ORR_INTERNAL, "%zu parameters are given for the %d of \"%.120s\"", count, wanted,
                    sqlite3_sql(*statement));
  return ORR_OK;
}

void orr_prepared_clear(struct orr_prepared *prepared) {
  for (int i = 0; i < prepared->room; i++) sqlite3_finalize(prepared->slots[i].statement);
  free(prepared->slots);
  prepared->slots = NULL;
  prepared->room = prepared->kept = prepared->hand = 0;
}

/* Where a text or blob begins; an empty one may come without an address, which SQLite would take for NULL. */
static const char *text_of(const struct orr_cell *cell) { return cell->text ? cell->text : ""; }

int orr_prepared_bind(sqlite3_stmt *statement, size_t parameter, const struct orr_cell *cell,
                      struct orr_err *err) {
  int number = (int)parameter + 1, code = SQLITE_OK;
  switch (cell->kind) {
  case ORR_CELL_NULL: code = sqlite3_bind_null(statement, number); break;
  case ORR_CELL_INT: code = sqlite3_bind_int64(statement, number, cell->integer); break;
  case ORR_CELL_REAL: code = sqlite3_bind_double(statement, number, cell->real); break;
  case ORR_CELL_TEXT:
    code = sqlite3_bind_text64(statement, number, text_of(cell), cell->size, SQLITE_STATIC, SQLITE_UTF8);
    break;
  case ORR_CELL_BLOB:
    code = sqlite3_bind_blob64(statement, number, text_of(cell), cell->size, SQLITE_STATIC);
    break;
  }
  if (code == SQLITE_OK) return ORR_OK;
  return orr_sqlite_fail(err, sqlite3_db_handle(statement), "cannot bind parameter %d of \"%.120s\"", number,
                         sqlite3_sql(statement));
}
