/* Values, through the functions that plug-ins have and those that the house has. */
#include "base/value.h"

#include "unit.h"

static struct orr_arena *arena;

static int start(void **state) {
  (void)state;
  arena = orr_arena_create();
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_arena_destroy(arena);
  return 0;
}

static void what_is_set_is_read(void **state) {
  (void)state;
  struct orrery_value *map = orr_value_map(arena);
  size_t size;
  orrery_set_bool(map, "yes", true);
  orrery_set_int(map, "int", INT64_MIN);
  orrery_set_real(map, "real", 0.5);
  orrery_set_text(map, "text", "gr\xc3\xbc\xc3\x9f");
  assert_int_equal(orrery_count(map), 4);
  assert_true(orrery_bool(orrery_get(map, "yes"), false));
  assert_int_equal(orrery_int(orrery_get(map, "int"), 0), INT64_MIN);
  assert_true(orrery_real(orrery_get(map, "real"), 0) == 0.5);
  assert_string_equal(orrery_text(orrery_get(map, "text"), &size, NULL), "gr\xc3\xbc\xc3\x9f");
  assert_int_equal(size, 6);
  orrery_set_int(map, "yes", 7); /* a key is set anew, with another kind */
  assert_int_equal(orrery_count(map), 4);
  assert_int_equal(orrery_int(orrery_get(map, "yes"), 0), 7);
  assert_string_equal(orrery_key_at(map, 0), "yes");
  assert_string_equal(orrery_key_at(map, 3), "text");
  assert_null(orrery_key_at(map, 4));
  orrery_set_text(map, "absent", NULL);
  assert_null(orrery_get(map, "absent"));
}

static void what_is_not_there_reads_as_null(void **state) {
  (void)state;
  struct orrery_value *map = orr_value_map(arena);
  size_t size = 99;
  orrery_set_text(map, "text", "x");
  const struct orrery_value *text = orrery_get(map, "text");
  assert_int_equal(orrery_kind(NULL), ORRERY_NULL);
  assert_int_equal(orrery_int(text, -3), -3);
  assert_true(orrery_real(text, 1.5) == 1.5);
  assert_true(orrery_bool(NULL, true));
  assert_null(orrery_text(NULL, &size, NULL));
  assert_int_equal(size, 0);
  assert_string_equal(orrery_text(map, &size, "other"), "other");
  assert_int_equal(size, 5);
  assert_int_equal(orrery_count(text), 0);
  assert_null(orrery_at(text, 0));
  assert_null(orrery_at(NULL, 0));
  assert_null(orrery_get(NULL, "a.b"));
  assert_null(orrery_get(text, "a"));
  orrery_set_int(map, "int", 3);
  assert_true(orrery_real(orrery_get(map, "int"), 0) == 3.0); /* an integer is a number, too */
  orrery_set_real(map, "real", 3.0);
  assert_int_equal(orrery_int(orrery_get(map, "real"), -1), -1); /* a real is no integer */
}

static void paths_lead_down(void **state) {
  (void)state;
  struct orrery_value *map = orr_value_map(arena);
  struct orrery_value *inner = orrery_set_map(orrery_set_map(map, "a"), "b");
  orrery_set_int(inner, "c", 1);
  orrery_set_int(inner, "", 2);
  *orr_value_add(map, "a.b", 3) = (struct orrery_value){.kind = ORRERY_INT, .integer = 3};
  assert_int_equal(orrery_int(orrery_get(map, "a.b.c"), 0), 1);
  assert_int_equal(orrery_int(orrery_get(map, "a.b."), 0), 2);
  assert_null(orrery_get(map, "a.x.c"));
  assert_null(orrery_get(map, "a.b.c.d"));
  assert_int_equal(orrery_int(orr_value_find(map, "a.b", 3), 0), 3); /* here a dot means nothing */
  assert_null(orr_value_find(map, "a.", 2));
  assert_non_null(orr_value_find(map, "a.b", 1));
}

static void lists_keep_their_order(void **state) {
  (void)state;
  struct orrery_value *map = orr_value_map(arena), *list = orrery_set_list(map, "list");
  for (int i = 0; i < 1000; i++) orrery_add_int(list, i);
  orrery_add_text(list, "last");
  orrery_set_int(orrery_add_map(list), "inner", 5);
  list = (struct orrery_value *)orrery_get(map, "list");
  assert_int_equal(orrery_count(list), 1002);
  for (size_t i = 0; i < 1000; i++) assert_int_equal(orrery_int(orrery_at(list, i), -1), (int64_t)i);
  assert_string_equal(orrery_text(orrery_at(list, 1000), NULL, NULL), "last");
  assert_int_equal(orrery_int(orrery_get(orrery_at(list, 1001), "inner"), 0), 5);
  assert_null(orrery_at(list, 1002));
  assert_null(orrery_key_at(list, 0));
}

static void a_copy_stands_alone(void **state) {
  (void)state;
  struct orr_arena *other = orr_arena_create();
  struct orrery_value *map = orr_value_map(other), copy;
  orrery_set_text(map, "text", "kept");
  orrery_add_text(orrery_set_list(orrery_set_map(map, "deep"), "list"), "below");
  orrery_set_list(map, "empty");
  orr_value_copy(&copy, arena, map);
  orrery_set_text(map, "text", "changed");
  orr_arena_destroy(other);
  assert_string_equal(orrery_text(orrery_get(&copy, "text"), NULL, NULL), "kept");
  assert_string_equal(orrery_text(orrery_at(orrery_get(&copy, "deep.list"), 0), NULL, NULL), "below");
  assert_int_equal(orrery_kind(orrery_get(&copy, "empty")), ORRERY_LIST);
  orrery_set_int(&copy, "more", 1); /* and grows in its own arena */
  assert_int_equal(orrery_count(&copy), 4);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(what_is_set_is_read), TEST(what_is_not_there_reads_as_null),
      TEST(paths_lead_down),     TEST(lists_keep_their_order),
      TEST(a_copy_stands_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
