/* Arenas: alignment, lifetimes, destructors. */
#include "base/arena.h"

#include "unit.h"

static void memory_is_aligned_and_apart(void **state) {
  (void)state;
  struct orr_arena *arena = orr_arena_create();
  unsigned char *blocks[500];
  for (size_t i = 0; i < COUNT(blocks); i++) {
    blocks[i] = orr_arena_alloc(arena, i);
    assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    memset(blocks[i], (int)i, i);
  }
  for (size_t i = 0; i < COUNT(blocks); i++)
    for (size_t at = 0; at < i; at++) assert_int_equal(blocks[i][at], (unsigned char)i);
  orr_arena_destroy(arena);
}

static void a_large_block_fits(void **state) {
  (void)state;
  enum { LARGE = 10 << 20 };
  struct orr_arena *arena = orr_arena_create();
  char *small = orr_arena_dup(arena, "small", 5);
  char *large = orr_arena_zalloc(arena, LARGE);
  for (size_t at = 0; at < LARGE; at += 4096) assert_int_equal(large[at], 0);
  large[LARGE - 1] = 1;
  assert_string_equal(small, "small");
  orr_arena_destroy(arena);
}

static void zeroed_memory_is_zeroed_after_a_reset(void **state) {
  (void)state;
  struct orr_arena *arena = orr_arena_create();
  memset(orr_arena_alloc(arena, 1000), 0xff, 1000);
  orr_arena_reset(arena);
  const char *memory = orr_arena_zalloc(arena, 1000);
  for (int i = 0; i < 1000; i++) assert_int_equal(memory[i], 0);
  orr_arena_destroy(arena);
}

static void texts(void **state) {
  (void)state;
  struct orr_arena *arena = orr_arena_create();
  assert_string_equal(orr_arena_dup(arena, "abcdef", 3), "abc");
  assert_string_equal(orr_arena_dup(arena, NULL, 0), "");
  assert_string_equal(orr_arena_printf(arena, "%d-%s", 42, "x"), "42-x");
  assert_string_equal(orr_arena_printf(arena, "%s", ""), "");
  char *wide = orr_arena_printf(arena, "%*d", 5000, 7); /* larger than a first block */
  assert_int_equal(strlen(wide), 5000);
  assert_int_equal(wide[4999], '7');
  orr_arena_destroy(arena);
}

static char ended[16];
static void note_end(void *data) { strcat(ended, data); }

static void destructors_run_newest_first_and_once(void **state) {
  (void)state;
  struct orr_arena *arena = orr_arena_create();
  ended[0] = 0;
  orr_arena_on_end(arena, note_end, "a");
  orr_arena_on_end(arena, note_end, "b");
  orr_arena_reset(arena);
  assert_string_equal(ended, "ba");
  orr_arena_on_end(arena, note_end, "c");
  orr_arena_destroy(arena);
  assert_string_equal(ended, "bac");
  orr_arena_destroy(NULL);
}

static void read_in_the_end(void *data) { strcat(ended, *(char **)data); }

static void a_destructor_may_use_the_arenas_memory(void **state) {
  (void)state;
  struct orr_arena *arena = orr_arena_create();
  char **text = orr_arena_alloc(arena, sizeof *text);
  orr_arena_alloc(arena, 100000);
  *text = orr_arena_dup(arena, "alive", 5); /* in a later block */
  ended[0] = 0;
  orr_arena_on_end(arena, read_in_the_end, text);
  orr_arena_destroy(arena);
  assert_string_equal(ended, "alive");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_aligned_and_apart),
      cmocka_unit_test(a_large_block_fits),
      cmocka_unit_test(zeroed_memory_is_zeroed_after_a_reset),
      cmocka_unit_test(texts),
      cmocka_unit_test(destructors_run_newest_first_and_once),
      cmocka_unit_test(a_destructor_may_use_the_arenas_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
