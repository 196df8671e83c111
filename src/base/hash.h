/* A fast hash for tables in memory and for entity tags: eight bytes at a time, multiplied and folded. Not for secrets, and
   not to be stored: it differs between byte orders. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t orr_hash(const char *bytes, size_t size) {
  uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ size;
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 32;
  }
  uint64_t rest = 0;
  if (size) memcpy(&rest, bytes, size); /* an empty slice may have no address */
  hash = (hash ^ rest) * UINT64_C(0xc4ceb9fe1a85ec53);
  return hash ^ hash >> 29;
}

/* Sixteen hexadecimal digits, without a NUL. */
static inline void orr_hash_text(uint64_t hash, char out[16]) {
  for (int i = 15; i >= 0; i--, hash >>= 4) out[i] = "0123456789abcdef"[hash & 15];
}
