/* Templates: what is filled stays JSON, whatever the parameters are. */
#include "base/template.h"

#include "base/json.h"
#include "unit.h"

static int fill(struct orr_buf *out, const char *text, const char *parameters, struct orr_err *err) {
  out->size = 0;
  return orr_template_fill(out, text, strlen(text), parameters, strlen(parameters), err);
}

static void expect(const char *text, const char *parameters, const char *expected) {
  struct orr_buf out = {0};
  struct orr_err err = {0};
  if (fill(&out, text, parameters, &err)) fail_msg("%s: %s", text, err.text);
  assert_string_equal(orr_buf_text(&out), expected);
  orr_buf_free(&out);
}

static void refuse(const char *text, const char *parameters, const char *why) {
  struct orr_buf out = {0};
  struct orr_err err = {0};
  assert_int_equal(fill(&out, text, parameters, &err), ORR_INVALID);
  if (!strstr(err.text, why)) fail_msg("%s: %s", text, err.text);
  orr_buf_free(&out);
}

static void inside_a_text(void **state) {
  (void)state;
  expect("[\"--k=${k}\"]", "{\"k\":0.5}", "[\"--k=0.5\"]");
  expect("\"${a}${b}${a}\"", "{\"a\":\"x\",\"b\":-3}", "\"x-3x\"");
  expect("\"${t},${n}\"", "{\"t\":true,\"n\":null}", "\"true,null\"");
  expect("{\"${k}\":1}", "{\"k\":\"key\"}", "{\"key\":1}");
  expect("\"${a.b}\"", "{\"a.b\":1}", "\"1\"");
}

static void in_place_of_a_value(void **state) {
  (void)state;
  expect("{\"n\":${n},\"t\":${t}}", "{\"n\":12,\"t\":\"x\"}", "{\"n\":12,\"t\":\"x\"}");
  expect("[${a},${b}]", "{\"a\":1.5,\"b\":false}", "[1.5,false]");
  expect("${a}", "{\"a\":9007199254740993}", "9007199254740993");
}

static void what_is_no_placeholder_stays(void **state) {
  (void)state;
  expect("", "{}", "");
  expect("{\"a\":[1,{}],\"b\":null}", "{}", "{\"a\":[1,{}],\"b\":null}");
  expect("\"$5, 100$, $, {x}, }\"", "{}", "\"$5, 100$, $, {x}, }\"");
  expect("\"\\\"${k}\\\" \\\\\"", "{\"k\":1}", "\"\\\"1\\\" \\\\\"");
  expect("\"a\\\\${k}\"", "{\"k\":1}", "\"a\\\\1\"");
}

static void a_literal_can_be_written(void **state) {
  (void)state;
  expect("\"$${k}\"", "{\"k\":1}", "\"${k}\"");
  expect("\"$$${k}\"", "{\"k\":1}", "\"$${k}\"");
  expect("\"$${${k}}\"", "{\"k\":1}", "\"${1}\"");
  expect("\"$$\"", "{}", "\"$$\"");
  expect("\"$${}\"", "{}", "\"${}\"");
}

/* Quotes, line ends and control characters of a parameter do not break out of the text it goes into. */
static void texts_are_escaped(void **state) {
  (void)state;
  expect("[\"${a}\",${a}]", "{\"a\":\"\\\",\\\"x\\n\\\\\\u0001\"}",
         "[\"\\\",\\\"x\\n\\\\\\u0001\",\"\\\",\\\"x\\n\\\\\\u0001\"]");
  expect("\"${a}\"", "{\"a\":\"${b}\",\"b\":1}", "\"${b}\""); /* what is filled in is not filled again */
  struct orr_arena *arena = orr_arena_create();
  struct orr_buf out = {0};
  for (int c = 1; c < 256; c++) {
    char parameters[64];
    struct orr_buf json = {0};
    char byte = (char)c;
    orr_json_put_text(&json, &byte, 1);
    snprintf(parameters, sizeof parameters, "{\"a\":%s}", orr_buf_text(&json));
    assert_int_equal(fill(&out, "{\"x\":\"-${a}-\",\"y\":${a}}", parameters, NULL), ORR_OK);
    assert_non_null(orr_json_read(arena, out.data, out.size, NULL, NULL));
    orr_buf_free(&json);
  }
  orr_buf_free(&out);
  orr_arena_destroy(arena);
}

static void what_is_wrong_is_told(void **state) {
  (void)state;
  refuse("\"${k}\"", "{}", "${k} is not a parameter");
  refuse("${k}", "{\"K\":1}", "${k} is not a parameter");
  refuse("\"${}\"", "{\"k\":1}", "${} is not a parameter");
  refuse("\"${k\"", "{\"k\":1}", "without its }");
  refuse("[${k]", "{\"k\":1}", "without its }");
  refuse("\"${k}", "{\"k\":1}", "closing quote");
  refuse("\"\\", "{}", "closing quote");
  refuse("\"\\\"", "{}", "closing quote");
  refuse("\"${k}\"", "[1]", "not a parameter");
  refuse("\"x\"", "{", "document ends");
  refuse("\"x\"", "", "document ends");
}

/* Otherwise a few kilobytes of a request would be gigabytes. */
static void what_grows_without_measure_is_refused(void **state) {
  (void)state;
  enum { MIB = 1 << 20, MANY = 16 };
  struct orr_buf out = {0}, template = {0}, parameters = {0};
  struct orr_err err = {0};
  char *text = malloc(MIB);
  memset(text, 'x', MIB);
  ORR_BUF_LIT(&parameters, "{\"k\":\"");
  orr_buf_put(&parameters, text, MIB);
  ORR_BUF_LIT(&parameters, "\"}");
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(fill(&out, orr_buf_text(&template), orr_buf_text(&parameters), &err), ORR_OK);
    ORR_BUF_LIT(&template, "\"${k}\"");
  }
  assert_int_equal(fill(&out, orr_buf_text(&template), orr_buf_text(&parameters), &err), ORR_INVALID);
  assert_non_null(strstr(err.text, "larger than 16 MiB"));
  free(text);
  orr_buf_free(&out), orr_buf_free(&template), orr_buf_free(&parameters);
}

/* Every beginning of a template, in memory of its own size: nothing is read beyond it. */
static void no_byte_beyond_the_end_is_read(void **state) {
  (void)state;
  static const char text[] = "{\"a\\\"\":[\"$${x}${k}\\\\\",${k},\"$\"]}";
  struct orr_buf out = {0};
  for (size_t size = 0; size < sizeof text - 1; size++) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    out.size = 0;
    int code = orr_template_fill(&out, copy, size, "{\"k\":1}", 7, NULL);
    assert_true(code == ORR_OK || code == ORR_INVALID);
    free(copy);
  }
  assert_int_equal(fill(&out, text, "{\"k\":1}", NULL), ORR_OK);
  assert_string_equal(orr_buf_text(&out), "{\"a\\\"\":[\"${x}1\\\\\",1,\"$\"]}");
  orr_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inside_a_text),
      cmocka_unit_test(in_place_of_a_value),
      cmocka_unit_test(what_is_no_placeholder_stays),
      cmocka_unit_test(a_literal_can_be_written),
      cmocka_unit_test(texts_are_escaped),
      cmocka_unit_test(what_is_wrong_is_told),
      cmocka_unit_test(what_grows_without_measure_is_refused),
      cmocka_unit_test(no_byte_beyond_the_end_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
