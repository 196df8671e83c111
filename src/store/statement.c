#include "store/statement.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/hash.h"

struct entry {
  const char *sql;
  size_t size;
};

struct orr_statements {
  pthread_mutex_t mutex;
  struct orr_arena *texts;
  struct entry *entries; /* by number */
  size_t count;
  int *table; /* open addressing: number + 1, or 0; a power of two, at most half full */
  size_t slots;
};

struct orr_statements *orr_statements_create(void) {
  struct orr_statements *statements = orr_zalloc(sizeof *statements);
  pthread_mutex_init(&statements->mutex, NULL);
  statements->texts = orr_arena_create();
  return statements;
}

void orr_statements_destroy(struct orr_statements *statements) {
  if (!statements) return;
  pthread_mutex_destroy(&statements->mutex);
  orr_arena_destroy(statements->texts);
  free(statements->entries);
  free(statements->table);
  free(statements);
}

/* Where the text is in the table, or where it would go. */
static int *slot_of(struct orr_statements *statements, const char *sql, size_t size) {
  size_t mask = statements->slots - 1, at = orr_hash(sql, size) & mask;
  for (; statements->table[at]; at = (at + 1) & mask) {
    const struct entry *have = &statements->entries[statements->table[at] - 1];
    if (have->size == size && memcmp(have->sql, sql, size) == 0) break;
  }
  return &statements->table[at];
}

static void grow(struct orr_statements *statements) {
  free(statements->table);
  statements->slots = statements->slots ? statements->slots * 2 : 256;
  statements->table = orr_zalloc(statements->slots * sizeof *statements->table);
  statements->entries = orr_realloc(statements->entries, statements->slots / 2 * sizeof *statements->entries);
  for (size_t i = 0; i < statements->count; i++)
    *slot_of(statements, statements->entries[i].sql, statements->entries[i].size) = (int)i + 1;
}

int orr_statements_number(struct orr_statements *statements, const char *sql, size_t size) {
  pthread_mutex_lock(&statements->mutex);
  if (statements->count * 2 == statements->slots) grow(statements);
  int *slot = slot_of(statements, sql, size);
  if (!*slot) {
    statements->entries[statements->count++] =
        (struct entry){.sql = orr_arena_dup(statements->texts, sql, size), .size = size};
    *slot = (int)statements->count;
  }
  int number = *slot - 1;
  pthread_mutex_unlock(&statements->mutex);
  return number;
}

const char *orr_statements_sql(struct orr_statements *statements, int number) {
  pthread_mutex_lock(&statements->mutex);
  const char *sql =
      number >= 0 && (size_t)number < statements->count ? statements->entries[number].sql : NULL;
  pthread_mutex_unlock(&statements->mutex);
  return sql;
}
