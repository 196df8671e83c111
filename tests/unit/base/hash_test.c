/* The hash: which bytes count, and whether they spread. */
#include "base/hash.h"

#include "unit.h"

static void equal_bytes_hash_equal(void **state) {
  (void)state;
  char a[64], b[65];
  for (size_t size = 0; size <= sizeof a; size++) {
    memset(a, 'x', size);
    memset(b + 1, 'x', size); /* wherever they lie */
    assert_true(orr_hash(a, size) == orr_hash(b + 1, size));
  }
  assert_true(orr_hash(NULL, 0) == orr_hash("", 0));
}

/* Of 64 bytes, each byte, the length, and a NUL at the end make a difference. */
static void every_byte_counts(void **state) {
  (void)state;
  char bytes[65] = {0};
  uint64_t seen[65 * 2];
  size_t count = 0;
  for (size_t size = 0; size <= 64; size++) seen[count++] = orr_hash(bytes, size);
  for (size_t at = 0; at < 64; at++) {
    bytes[at] = 1;
    seen[count++] = orr_hash(bytes, 64);
    bytes[at] = 0;
  }
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++) assert_true(seen[i] != seen[k]);
}

/* Texts that differ in a counter, put into a table of as many slots, fill about 1 - 1/e of them by any bits. */
static void counters_spread(void **state) {
  (void)state;
  enum { SLOTS = 4096 };
  for (int shift = 0; shift <= 52; shift += 13) {
    char used[SLOTS] = {0}, text[64];
    int filled = 0;
    for (int i = 0; i < SLOTS; i++) {
      int size = snprintf(text, sizeof text, "simulations/heat/jobs/%d", i);
      used[orr_hash(text, (size_t)size) >> shift & (SLOTS - 1)] = 1;
    }
    for (int i = 0; i < SLOTS; i++) filled += used[i];
    assert_in_range(filled, SLOTS * 60 / 100, SLOTS * 67 / 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_bytes_hash_equal),
      cmocka_unit_test(every_byte_counts),
      cmocka_unit_test(counters_spread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
