/* Reading JSON: what is a document, what is not, and where it goes wrong. */
#include "base/json.h"

#include "unit.h"

static struct orr_arena *arena;
static struct orr_err err;
static size_t where;

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

/* In memory of exactly its size, so that reading past the end is seen by the sanitizers. */
static struct orrery_value *read_bytes(const char *text, size_t size) {
  char *copy = malloc(size ? size : 1);
  memcpy(copy, text, size);
  err.text[0] = 0;
  struct orrery_value *value = orr_json_read(arena, copy, size, &where, &err);
  free(copy);
  return value;
}
static struct orrery_value *read_text(const char *text) { return read_bytes(text, strlen(text)); }

static void expect_refused_bytes(const char *text, size_t size, size_t at, const char *part) {
  if (read_bytes(text, size)) fail_msg("%s was taken", text);
  assert_int_equal(err.code, ORR_INVALID);
  if (!strstr(err.text, part)) fail_msg("%s: \"%s\" lacks \"%s\"", text, err.text, part);
  if (where != at) fail_msg("%s: refused at %zu, not at %zu", text, where, at);
}
static void expect_refused(const char *text, size_t at, const char *part) {
  expect_refused_bytes(text, strlen(text), at, part);
}

static void a_whole_document(void **state) {
  (void)state;
  const struct orrery_value *value =
      read_text(" {\"a\" : [1, -2.5e3, true, false, null, "
                "\"x\\n\\u00e9\\ud83e\\udd86\"],\r\n\t\"b\":{},\"c\":[],\"\":0} ");
  assert_non_null(value);
  assert_int_equal(orrery_count(value), 4);
  const struct orrery_value *list = orrery_get(value, "a");
  assert_int_equal(orrery_count(list), 6);
  assert_int_equal(orrery_int(orrery_at(list, 0), 0), 1);
  assert_true(orrery_real(orrery_at(list, 1), 0) == -2500.0);
  assert_true(orrery_bool(orrery_at(list, 2), false));
  assert_false(orrery_bool(orrery_at(list, 3), true));
  assert_int_equal(orrery_kind(orrery_at(list, 4)), ORRERY_NULL);
  assert_string_equal(orrery_text(orrery_at(list, 5), NULL, NULL), "x\n\xc3\xa9\xf0\x9f\xa6\x86");
  assert_int_equal(orrery_kind(orrery_get(value, "b")), ORRERY_MAP);
  assert_int_equal(orrery_kind(orrery_get(value, "c")), ORRERY_LIST);
  assert_string_equal(orrery_key_at(value, 3), "");
}

static void a_scalar_is_a_document(void **state) {
  (void)state;
  assert_string_equal(orrery_text(read_text("\"\""), NULL, NULL), "");
  assert_int_equal(orrery_kind(read_text("null")), ORRERY_NULL);
  assert_true(orrery_bool(read_text("true"), false));
  assert_int_equal(orrery_int(read_text("7"), 0), 7);
}

static void numbers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t integer;
  } integers[] = {{"0", 0},
                  {"-0", 0},
                  {"9007199254740993", INT64_C(9007199254740993)}, /* no double */
                  {"9223372036854775807", INT64_MAX},
                  {"-9223372036854775808", INT64_MIN}};
  static const struct {
    const char *text;
    double real;
  } reals[] = {{"0.1", 0.1},
               {"1E2", 100},
               {"1e-2", 0.01},
               {"-0.0", -0.0},
               {"9223372036854775808", 9223372036854775808.0}, /* past 64 bits */
               {"-9223372036854775809", -9223372036854775809.0},
               {"1e308", 1e308},
               {"4.9e-324", 4.9e-324},
               {"1e-400", 0},
               {"2.2250738585072011e-308", 2.2250738585072011e-308}};
  for (size_t i = 0; i < COUNT(integers); i++) {
    const struct orrery_value *value = read_text(integers[i].text);
    assert_int_equal(orrery_kind(value), ORRERY_INT);
    assert_int_equal(orrery_int(value, -1), integers[i].integer);
  }
  for (size_t i = 0; i < COUNT(reals); i++) {
    const struct orrery_value *value = read_text(reals[i].text);
    assert_int_equal(orrery_kind(value), ORRERY_REAL);
    double real = orrery_real(value, -1);
    assert_memory_equal(&real, &reals[i].real, sizeof real);
  }
}

static void what_is_no_number(void **state) {
  (void)state;
  expect_refused("01", 1, "leading zero");
  expect_refused("-01", 2, "leading zero");
  expect_refused("-", 1, "a digit");
  expect_refused("+1", 0, "a value");
  expect_refused(".5", 0, "a value");
  expect_refused("1.", 2, "decimal point");
  expect_refused("1.e3", 2, "decimal point");
  expect_refused("1e", 2, "exponent");
  expect_refused("1e+", 3, "exponent");
  expect_refused("0x10", 1, "follows the document");
  expect_refused("NaN", 0, "a value");
  expect_refused("Infinity", 0, "a value");
  expect_refused("-Infinity", 1, "a digit");
  expect_refused("1e309", 0, "too large");
  expect_refused("[1,-1e999]", 3, "too large");
}

static void what_is_no_text(void **state) {
  (void)state;
  expect_refused("\"abc", 4, "a closing quote");
  expect_refused("'abc'", 0, "a value");
  expect_refused("\"a\nb\"", 2, "must be escaped");
  expect_refused_bytes("\"a\0b\"", 5, 2, "must be escaped");
  expect_refused("\"\\x41\"", 2, "after a backslash");
  expect_refused("\"\\", 2, "after a backslash");
  expect_refused("\"\\u12g4\"", 5, "four hexadecimal digits");
  expect_refused("\"\\u12", 5, "four hexadecimal digits");
  assert_null(read_text("\"\\u0000\"")); /* would cut the text in every C string */
  assert_non_null(strstr(err.text, "NUL"));
  static const char *const lone[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"",
                                     "\"\\ud800x\""};
  for (size_t i = 0; i < COUNT(lone); i++) {
    assert_null(read_text(lone[i]));
    assert_non_null(strstr(err.text, "surrogate"));
  }
  expect_refused("\"\xff\"", 1, "not valid UTF-8");
  expect_refused("\"ab\xc0\xaf\"", 3, "not valid UTF-8");
  expect_refused("\"\xed\xa0\x80\"", 1, "not valid UTF-8");
  expect_refused("\"\xe2\x82\"", 1, "not valid UTF-8");
  expect_refused("\xef\xbb\xbf{}", 0, "a value"); /* a byte order mark */
}

static void what_is_no_structure(void **state) {
  (void)state;
  expect_refused("", 0, "the document ends");
  expect_refused("  ", 2, "the document ends");
  expect_refused("{", 1, "the document ends");
  expect_refused("[", 1, "the document ends");
  expect_refused("[1", 2, "the document ends");
  expect_refused("[1,]", 3, "a value");
  expect_refused("[,1]", 1, "a value");
  expect_refused("[1 2]", 3, "a comma or ]");
  expect_refused("[1}", 2, "a comma or ]");
  expect_refused("{\"a\"}", 4, "a colon");
  expect_refused("{\"a\":}", 5, "a value");
  expect_refused("{\"a\":1,}", 7, "a text in double quotes");
  expect_refused("{a:1}", 1, "a text in double quotes");
  expect_refused("{1:1}", 1, "a text in double quotes");
  expect_refused("{\"a\":1 \"b\":2}", 7, "a comma or }");
  expect_refused("{}{}", 2, "follows the document");
  expect_refused("[] //", 3, "follows the document");
  expect_refused("/* */ 1", 0, "a value");
  expect_refused("tru", 0, "a value");
  expect_refused("True", 0, "a value");
  expect_refused("truex", 4, "follows the document");
  expect_refused_bytes("1\0", 2, 1, "follows the document");
}

static void a_repeated_key_is_refused(void **state) {
  (void)state;
  expect_refused("{\"a\":1,\"b\":2,\"a\":3}", 13, "\"a\" stands twice");
  expect_refused("{\"a\":1,\"\\u0061\":3}", 7, "\"a\" stands twice"); /* escaped, yet the same */
  for (int keys = 2; keys <= 3000; keys = keys * 3 / 2 + 1) { /* small ones are compared, large ones hashed */
    struct orr_buf text = {0};
    orr_buf_puts(&text, "{\"k0\":0");
    for (int i = 1; i < keys; i++) orr_buf_printf(&text, ",\"k%d\":%d", i, i);
    size_t without = text.size;
    orr_buf_puts(&text, "}");
    const struct orrery_value *map = read_bytes(text.data, text.size);
    assert_int_equal(orrery_count(map), keys);
    for (int again = 0; again < keys; again += 1 + keys / 7) {
      text.size = without;
      orr_buf_printf(&text, ",\"k%d\":0}", again);
      expect_refused_bytes(text.data, text.size, without + 1, "stands twice");
    }
    orr_buf_free(&text);
  }
}

static void depth_is_bounded(void **state) {
  (void)state;
  for (int depth = ORR_JSON_DEPTH - 1; depth <= 100000;
       depth = depth < ORR_JSON_DEPTH + 3 ? depth + 1 : depth * 10)
    for (int maps = 0; maps < 2; maps++) {
      struct orr_buf text = {0};
      for (int i = 0; i < depth; i++) orr_buf_puts(&text, maps ? "{\"a\":" : "[");
      orr_buf_puts(&text, "1");
      for (int i = 0; i < depth; i++) orr_buf_puts(&text, maps ? "}" : "]");
      bool taken = read_bytes(text.data, text.size) != NULL;
      assert_int_equal(taken, depth <= ORR_JSON_DEPTH);
      if (!taken) assert_non_null(strstr(err.text, "nested deeper than 64"));
      orr_buf_free(&text);
    }
}

static void every_cut_of_a_document_is_refused(void **state) {
  (void)state;
  static const char text[] =
      "{\"a\":[1,-2.5e+3,true,false,null,\"x\\n\\u00e9\\ud83e\\udd86\xc3\xa9\"],\"b\":{\"c\":[]}}";
  assert_non_null(read_text(text));
  for (size_t size = 0; size + 1 < sizeof text; size++) {
    if (read_bytes(text, size)) fail_msg("the first %zu bytes were taken", size);
    assert_true(where <= size);
  }
}

/* Whatever the bytes: an answer, within bounds, and what is taken reads back the same. */
static void damaged_documents(void **state) {
  (void)state;
  static const char text[] = "{\"a\":[1,-2.5e+3,true,\"x\\n\\ud83e\\udd86\xc3\xa9\"],\"b\":{\"c\":[[],0.1]}}";
  static const char bytes[] = "\"\\{}[]:,0123456789eE+-.tfnu \xff\xc3\x80"; /* and NUL */
  char damaged[sizeof text];
  uint32_t random = 12345;
  for (int round = 0; round < 200000; round++) {
    memcpy(damaged, text, sizeof text);
    for (int times = 0; times < 1 + round % 3; times++) {
      random = random * 1664525 + 1013904223;
      damaged[(random >> 8) % (sizeof text - 1)] = bytes[(random >> 20) % sizeof bytes];
    }
    orr_arena_reset(arena);
    const struct orrery_value *value = read_bytes(damaged, sizeof text - 1);
    assert_true(where <= sizeof text - 1);
    if (!value) continue;
    struct orr_buf once = {0}, twice = {0};
    orr_json_put(&once, value);
    orr_json_put(&twice, read_bytes(once.data, once.size));
    assert_string_equal(orr_buf_text(&once), orr_buf_text(&twice));
    orr_buf_free(&once);
    orr_buf_free(&twice);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_whole_document),          TEST(a_scalar_is_a_document), TEST(numbers),
      TEST(what_is_no_number),         TEST(what_is_no_text),        TEST(what_is_no_structure),
      TEST(a_repeated_key_is_refused), TEST(depth_is_bounded),       TEST(every_cut_of_a_document_is_refused),
      TEST(damaged_documents),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
