/* A place for the tests of the store: a temporary folder with a database and migrations in it, and short ways
   to write and read. Included by each test program. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define INT(n) ((struct orr_cell){.kind = ORR_CELL_INT, .integer = (n)})
#define TEXT(t) ((struct orr_cell){.kind = ORR_CELL_TEXT, .text = (t), .size = strlen(t)})
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct place {
  char folder[64], database[128], migrations[128];
  struct orr_log log;
  struct orr_store *store;
};

/* --- files --- */

/* The path of a file in a folder, in memory that lives as long as the caller's function. */
#define PATH_OF(folder, name) path_of((char[256]){0}, folder, name)
static inline const char *path_of(char *path, const char *folder, const char *name) {
  snprintf(path, 256, "%s/%s", folder, name);
  return path;
}

static inline void write_file(const char *folder, const char *name, const char *text) {
  FILE *file = fopen(PATH_OF(folder, name), "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
}

static inline void remove_file(const char *folder, const char *name) {
  assert_int_equal(unlink(PATH_OF(folder, name)), 0);
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)kind, (void)walk;
  return remove(path);
}

/* An empty temporary folder, and what belongs into it: one migration, `schema`. */
static inline void place_make_folder(struct place *place) {
  snprintf(place->folder, sizeof place->folder, "/tmp/orrery-store-XXXXXX");
  assert_non_null(mkdtemp(place->folder));
  snprintf(place->database, sizeof place->database, "%s/test.db", place->folder);
  snprintf(place->migrations, sizeof place->migrations, "%s/migrations", place->folder);
  place->store = NULL;
}

static inline void place_furnish(struct place *place, const char *schema) {
  assert_int_equal(mkdir(place->migrations, 0700), 0);
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
  nftw(place->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
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
