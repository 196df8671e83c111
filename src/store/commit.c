#include "store/commit.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

_Static_assert(offsetof(struct orr_commit, message) == 0, "a commit is queued and answered by its message");

struct orr_commit *orr_commit_create(struct orr_loop *loop, void (*deliver)(struct orr_message *message),
                                     void *user) {
  struct orr_commit *commit = orr_alloc(sizeof *commit);
  *commit = (struct orr_commit){.message = {.deliver = deliver}, .loop = loop, .failed = -1, .user = user};
  return commit;
}

void orr_commit_destroy(struct orr_commit *commit) {
  if (!commit) return;
  orr_buf_free(&commit->body);
  free(commit);
}

/* A byte for the kind, then the number, or the size and the bytes. */
static void put_cell(struct orr_buf *body, const struct orr_cell *cell) {
  orr_buf_putc(body, (char)cell->kind);
  switch (cell->kind) {
  case ORR_CELL_NULL: break;
  case ORR_CELL_INT: orr_buf_put(body, &cell->integer, sizeof cell->integer); break;
  case ORR_CELL_REAL: orr_buf_put(body, &cell->real, sizeof cell->real); break;
  case ORR_CELL_TEXT:
  case ORR_CELL_BLOB:
    orr_buf_put(body, &cell->size, sizeof cell->size);
    orr_buf_put(body, cell->text, cell->size);
  }
}

void orr_commit_add(struct orr_commit *commit, int statement, int expect, const struct orr_cell *cells,
                    size_t count, size_t rows) {
  struct orr_commit_entry entry = {statement, expect, count, rows};
  orr_buf_put(&commit->body, &entry, sizeof entry);
  for (size_t i = 0; i < count * rows; i++) {
    put_cell(&commit->body, &cells[i]);
    if (cells[i].kind == ORR_CELL_INT) orr_key_set_add(&commit->concerns, cells[i].integer);
  }
  commit->statements++;
  commit->rows += rows;
}

static void take(const char **at, void *out, size_t size) {
  memcpy(out, *at, size);
  *at += size;
}

void orr_commit_take_entry(const char **at, struct orr_commit_entry *entry) {
  take(at, entry, sizeof *entry);
}

void orr_commit_take_cell(const char **at, struct orr_cell *cell) {
  cell->kind = (enum orr_cell_kind) * (*at)++;
  switch (cell->kind) {
  case ORR_CELL_NULL: break;
  case ORR_CELL_INT: take(at, &cell->integer, sizeof cell->integer); break;
  case ORR_CELL_REAL: take(at, &cell->real, sizeof cell->real); break;
  case ORR_CELL_TEXT:
  case ORR_CELL_BLOB:
    take(at, &cell->size, sizeof cell->size);
    cell->text = *at;
    *at += cell->size;
  }
}
