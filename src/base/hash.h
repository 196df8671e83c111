/* A fast hash for tables in memory (FNV-1a, 64 bits). Not for secrets. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint64_t orr_hash(const char *bytes, size_t size) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
  return hash;
}
