/* A place for the tests of the store: a temporary folder with a database and migrations in it, and short ways
   to write and read. Included by each test program. */
#pragma once
#include "../base/folder.h"
#include "store/store.h"

#define INT(n) ((struct orr_cell){.kind = ORR_CELL_INT, .integer = (n)})
#define TEXT(t) ((struct orr_cell){.kind = ORR_CELL_TEXT, .text = (t), .size = strlen(t)})

struct place {
  char folder[FOLDER_ROOM], database[128], migrations[128];
  struct orr_log log;
  struct orr_store *store;
};

/* An empty temporary folder, and what belongs into it: one migration, `schema`. */
static inline void place_make_folder(struct place *place) {
  folder_make(place->folder);
  snprintf(place->database, sizeof place->database, "%s/test.db", place->folder);
  snprintf(place->migrations, sizeof place->migrations, "%s/migrations", place->folder);
  place->store = NULL;
}

static inline void place_furnish(struct place *place, const char *schema) {
  make_folder(place->folder, "migrations");
  write_file(place->migrations, "0001_first.sql", schema);
  place->log = (struct orr_log){.fd = open(PATH_OF(place->folder, "log"), O_RDWR | O_CREAT | O_APPEND, 0600)};
}

static inline void place_make(struct place *place, const char *schema) {
  place_make_folder(place);
  place_furnish(place, schema);
}

static inline struct orr_store *place_try(struct place *place, int64_t wal_limit, struct orr_err *err) {
  struct orr_store_options options = {
      .path = place->database, .migrations = place->migrations, .log = &place->log, .wal_limit = wal_limit};
  return orr_store_open(&options, err);
}

static inline void place_open(struct place *place, int64_t wal_limit) {
  struct orr_err err = {0};
  place->store = place_try(place, wal_limit, &err);
  if (!place->store) fail_msg("%s", err.text);
}

static inline void place_close(struct place *place) {
  orr_store_close(place->store);
  place->store = NULL;
}

static inline void place_remove(struct place *place) {
  place_close(place);
  close(place->log.fd);
  folder_remove(place->folder);
}

/* --- writing and reading --- */

static inline int statement(struct place *place, const char *sql) {
  return orr_store_statement(place->store, sql, strlen(sql));
}

/* Adds one row of a statement to a commit. */
static inline void add(struct place *place, struct orr_commit *commit, int expect, const char *sql,
                       const struct orr_cell *cells, size_t count) {
  orr_commit_add(commit, statement(place, sql), expect, cells, count, 1);
}
#define ADD(place, commit, expect, sql, ...)                                                                 \
  add(place, commit, expect, sql, (struct orr_cell[]){__VA_ARGS__}, COUNT(((struct orr_cell[]){__VA_ARGS__})))

/* A commit of one statement; its code. */
static inline int store_cells(struct place *place, const char *sql, const struct orr_cell *cells,
                              size_t count) {
  struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
  add(place, commit, ORR_ANY, sql, cells, count);
  int code = orr_store_commit_wait(place->store, commit);
  orr_commit_destroy(commit);
  return code;
}
#define STORE(place, sql, ...)                                                                               \
  store_cells(place, sql, (struct orr_cell[]){__VA_ARGS__}, COUNT(((struct orr_cell[]){__VA_ARGS__})))

/* The integer, or the text copied to `text`, in the first row and column. */
static inline int64_t ask_text(struct place *place, const char *sql, char *text, size_t room) {
  struct orr_err err = {0};
  struct orr_reader *reader = orr_reader_open(place->store, &err);
  if (!reader) fail_msg("%s", err.text);
  struct orr_cursor cursor;
  struct orr_cell cell;
  if (orr_read_begin(reader, statement(place, sql), NULL, 0, &cursor, &err)) fail_msg("%s", err.text);
  if (orr_read_step(&cursor, &err) != 1) fail_msg("no row: %s", err.text);
  orr_read_cell(&cursor, 0, &cell);
  int64_t integer = cell.kind == ORR_CELL_INT ? cell.integer : -1;
  if (cell.kind == ORR_CELL_TEXT && text) snprintf(text, room, "%.*s", (int)cell.size, cell.text);
  orr_read_end(&cursor);
  orr_reader_close(reader);
  return integer;
}
static inline int64_t ask(struct place *place, const char *sql) { return ask_text(place, sql, NULL, 0); }

static inline int64_t wal_bytes(struct place *place) {
  struct orr_store_stats stats;
  orr_store_stats(place->store, &stats);
  return stats.wal_bytes;
}
