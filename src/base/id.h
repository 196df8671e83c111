/* Identifiers: a row's key is a 60-bit integer (48 bits of milliseconds, 12 bits of counter), always growing,
   so it is the primary key, the order of creation and the page cursor at once. Towards the world it is
   written as a UUIDv7 whose last 62 bits, the tail, are one random number per database: text and key map to
   each other without an index, and an identifier of another installation is recognised as foreign. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORR_ID_TEXT = 37 }; /* 36 characters and a NUL */

struct orr_ids {
  uint64_t tail;        /* 62 bits, from the database */
  _Atomic int64_t last; /* newest key given out; all threads draw from it */
};

/* `newest` is the largest key in the database: a clock set back never repeats a key. */
void orr_ids_init(struct orr_ids *ids, uint64_t tail, int64_t newest);
int64_t orr_id_range(struct orr_ids *ids, int64_t count); /* first of `count` consecutive keys */
static inline int64_t orr_id_next(struct orr_ids *ids) { return orr_id_range(ids, 1); }
void orr_id_text(const struct orr_ids *ids, int64_t key, char out[ORR_ID_TEXT]);
/* False for what is not a UUID of this database. Upper case is accepted. */
bool orr_id_parse(const struct orr_ids *ids, const char *text, size_t size, int64_t *key);
static inline int64_t orr_id_time(int64_t key) { return key >> 12; } /* wall milliseconds */
