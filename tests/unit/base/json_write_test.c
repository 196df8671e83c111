/* Writing JSON. */
#include <math.h>

#include "base/json.h"
#include "unit.h"

static struct orr_buf out;

static int stop(void **state) {
  (void)state;
  orr_buf_free(&out);
  return 0;
}

static void expect(const char *expected) {
  assert_string_equal(orr_buf_text(&out), expected);
  out.size = 0;
}

static void texts_are_escaped(void **state) {
  (void)state;
  orr_json_put_text(&out, "plain", 5);
  expect("\"plain\"");
  orr_json_put_text(&out, "", 0);
  expect("\"\"");
  orr_json_put_text(&out, "\"\\\n\r\t\b\x01\x1f/\x7f", 10);
  expect("\"\\\"\\\\\\n\\r\\t\\u0008\\u0001\\u001f/\x7f\"");
  orr_json_put_text(&out, "y\0z", 3);
  expect("\"y\xef\xbf\xbdz\"");
  orr_json_put_escaped(&out, "say \"gr\xc3\xbc\xc3\x9f\"", 12);
  expect("say \\\"gr\xc3\xbc\xc3\x9f\\\"");
}

static void broken_utf8_is_replaced(void **state) {
  (void)state;
  orr_json_put_text(&out,
                    "a\xff"
                    "b\xc3",
                    4);
  expect("\"a\xef\xbf\xbd"
         "b\xef\xbf\xbd\"");
  orr_json_put_text(&out, "\xed\xa0\x80", 3);
  expect("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void integers(void **state) {
  (void)state;
  orr_json_put_int(&out, 0);
  expect("0");
  orr_json_put_int(&out, INT64_MAX);
  expect("9223372036854775807");
  orr_json_put_int(&out, INT64_MIN);
  expect("-9223372036854775808");
}

static void reals_read_back_equal(void **state) {
  (void)state;
  static const struct {
    double real;
    const char *text;
  } cases[] = {{0.1, "0.1"},       {1, "1.0"},           {-0.0, "-0.0"}, {0.1 + 0.2, "0.30000000000000004"},
               {1e300, "1e+300"},  {100000, "100000.0"}, {NAN, "null"},  {INFINITY, "null"},
               {-INFINITY, "null"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    orr_json_put_real(&out, cases[i].real);
    expect(cases[i].text);
  }
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 200000; i++) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double real, back;
    memcpy(&real, &bits, sizeof real);
    if (!isfinite(real)) continue;
    orr_json_put_real(&out, real);
    back = strtod(orr_buf_text(&out), NULL);
    assert_memory_equal(&back, &real, sizeof real);
    out.size = 0;
  }
}

static void a_tree_comes_back_as_it_was_read(void **state) {
  (void)state;
  static const char text[] =
      "{\"a\":[1,-2500.0,true,false,null,\"x\\n\xc3\xa9\"],\"b\":{},\"c\":[],\"\":{\"k\\\"\":[[[]]]}}";
  struct orr_arena *arena = orr_arena_create();
  orr_json_put(&out, orr_json_read(arena, text, sizeof text - 1, NULL, NULL));
  expect(text);
  orr_json_put(&out, NULL);
  expect("null");
  orr_arena_destroy(arena);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, stop)
  const struct CMUnitTest tests[] = {
      TEST(texts_are_escaped),     TEST(broken_utf8_is_replaced),          TEST(integers),
      TEST(reals_read_back_equal), TEST(a_tree_comes_back_as_it_was_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
