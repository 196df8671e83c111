/* A coarse set of keys, of a fixed size: a key sets one of its bits. It may answer yes for a key that was never added,
   but never no for one that was. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ORR_KEY_SET_WORDS = 64 };

struct orr_key_set {
  uint64_t words[ORR_KEY_SET_WORDS];
};

static inline unsigned orr_key_set_bit(int64_t key) {
  return (unsigned)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >>
                    52); /* the upper bits are the mixed ones */
}

static inline void orr_key_set_add(struct orr_key_set *set, int64_t key) {
  unsigned bit = orr_key_set_bit(key);
  set->words[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void orr_key_set_join(struct orr_key_set *set, const struct orr_key_set *other) {
  for (int i = 0; i < ORR_KEY_SET_WORDS; i++) set->words[i] |= other->words[i];
}

static inline bool orr_key_set_has(const struct orr_key_set *set, int64_t key) {
  unsigned bit = orr_key_set_bit(key);
  return set->words[bit / 64] >> bit % 64 & 1;
}
