/* The prepared statements of one connection, by the number of their text. A statement is prepared when it is
   first asked for and kept; of very many, those not used for a while give way. */
#pragma once
#include <sqlite3.h>

#include "store/statement.h"
#include "store/store.h"

struct orr_prepared {
  sqlite3 *db;                       /* not owned */
  struct orr_statements *statements; /* not owned */
  struct orr_prepared_slot *slots;
  int room, kept, hand;
};

/* The statement, idle and ready to be bound to exactly `count` parameters. It stays the collection's. */
int orr_prepared_get(struct orr_prepared *prepared, int number, size_t count, sqlite3_stmt **statement,
                     struct orr_err *err);
/* Gives all back; before the connection is closed. */
void orr_prepared_clear(struct orr_prepared *prepared);

/* Binds one parameter, counted from 0. The cell's text is not copied: it must live until the statement is
   reset. */
int orr_prepared_bind(sqlite3_stmt *statement, size_t parameter, const struct orr_cell *cell,
                      struct orr_err *err);
