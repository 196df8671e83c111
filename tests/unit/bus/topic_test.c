/* Patterns of topics. */
#include "bus/bus.h"

#include "../base/unit.h"

static void words_match_themselves(void **state) {
  (void)state;
  assert_true(orr_bus_matches("job.state", "job.state"));
  assert_false(orr_bus_matches("job.state", "job.states"));
  assert_false(orr_bus_matches("job.state", "job"));
  assert_false(orr_bus_matches("job", "job.state"));
  assert_true(orr_bus_matches("", ""));
}

static void a_star_is_one_word(void **state) {
  (void)state;
  assert_true(orr_bus_matches("*", "job"));
  assert_true(orr_bus_matches("job.*", "job.state"));
  assert_true(orr_bus_matches("*.*.c", "a.b.c"));
  assert_false(orr_bus_matches("job.*", "job"));
  assert_false(orr_bus_matches("job.*", "job.state.x"));
  assert_false(orr_bus_matches("j*", "job"));
}

static void a_hash_is_any_number_of_words(void **state) {
  (void)state;
  assert_true(orr_bus_matches("#", ""));
  assert_true(orr_bus_matches("#", "a.b.c"));
  assert_true(orr_bus_matches("job.#", "job"));
  assert_true(orr_bus_matches("job.#", "job.state.x.y"));
  assert_true(orr_bus_matches("#.state", "state"));
  assert_true(orr_bus_matches("#.state", "a.state.b.state"));
  assert_true(orr_bus_matches("#.a.#.b", "x.a.y.z.b"));
  assert_true(orr_bus_matches("a.#.#.b", "a.b"));
  assert_true(orr_bus_matches("#.*", "a"));
  assert_false(orr_bus_matches("#.a.#.b", "x.b.y.a"));
  assert_false(orr_bus_matches("job.#", "jobs.created"));
  assert_false(orr_bus_matches("#.state", "a.state.b"));
}

/* As long as a key may be; what tries every way would never end. */
static void a_hostile_pattern_ends(void **state) {
  (void)state;
  char pattern[256] = "", key[256] = "";
  for (int i = 0; i < 60; i++) strcat(pattern, "#.a."), strcat(key, "a.a.");
  strcat(pattern, "b");
  strcat(key, "c");
  assert_false(orr_bus_matches(pattern, key));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_match_themselves),
      cmocka_unit_test(a_star_is_one_word),
      cmocka_unit_test(a_hash_is_any_number_of_words),
      cmocka_unit_test(a_hostile_pattern_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
