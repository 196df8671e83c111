/* A commit's body: the statements in the order they were added, each a head and then its cells, row by row.
   It is written by whoever asks and read in place by the writer. */
#pragma once
#include "store/store.h"

struct orr_commit_entry {
  int statement, expect;
  size_t count, rows; /* cells in a row, rows */
};

/* Both take from `*at`, which begins at `body.data`, and move it on. A cell's text stays in the body. */
void orr_commit_take_entry(const char **at, struct orr_commit_entry *entry);
void orr_commit_take_cell(const char **at, struct orr_cell *cell);

/* The commit queued behind this one. */
static inline struct orr_commit *orr_commit_next(const struct orr_commit *commit) {
  return (struct orr_commit *)(void *)commit->message.next;
}
