/* Fuzzing JSON bodies: whatever is read is written and read again, and must come out the same. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct orr_arena *arena = orr_arena_create();
  struct orr_buf once = {0}, twice = {0};
  struct orr_err err;
  size_t where;
  struct orrery_value *value = orr_json_read(arena, (const char *)data, size, &where, &err);
  if (where > size) abort();
  if (value) {
    orr_json_put(&once, value);
    struct orrery_value *again = orr_json_read(arena, once.data, once.size, NULL, &err);
    if (!again) abort();
    orr_json_put(&twice, again);
    if (once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0) abort();
  }
  orr_buf_free(&once);
  orr_buf_free(&twice);
  orr_arena_destroy(arena);
  return 0;
}
