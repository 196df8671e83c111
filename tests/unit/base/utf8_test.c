/* UTF-8, over every code point and against every kind of nonsense. */
#include "base/utf8.h"

#include "unit.h"

/* The textbook encoder, also of what must not be encoded. */
static size_t encode(unsigned code, size_t size, unsigned char *out) {
  static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size; i-- > 1; code >>= 6) out[i] = (unsigned char)(0x80 | (code & 63));
  out[0] = (unsigned char)(heads[size] | code);
  return size;
}

static size_t shortest(unsigned code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

static void every_code_point_in_its_shortest_form_only(void **state) {
  (void)state;
  unsigned char bytes[4];
  for (unsigned code = 0; code < 0x200000; code++) {
    bool fits = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    for (size_t size = shortest(code); size <= 4; size++) {
      encode(code, size, bytes);
      size_t expected = fits && size == shortest(code) ? size : 0;
      if (orr_utf8_length(bytes, size) != expected) fail_msg("U+%04X in %zu bytes", code, size);
      for (size_t cut = 0; cut < size; cut++) assert_int_equal(orr_utf8_length(bytes, cut), 0);
    }
  }
}

static void every_pair_of_bytes(void **state) {
  (void)state;
  for (unsigned first = 0; first < 256; first++)
    for (unsigned second = 0; second < 256; second++) {
      unsigned char bytes[] = {(unsigned char)first, (unsigned char)second};
      size_t expected = first < 0x80                                                         ? 1
                        : first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf ? 2
                                                                                             : 0;
      assert_int_equal(orr_utf8_length(bytes, 2), expected);
    }
}

static void whole_texts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool valid;
  } cases[] = {
      {"", true},
      {"plain", true},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa6\x86", true},
      {"\xc3", false},             /* cut */
      {"\xe2\x82", false},         /* cut */
      {"\xbf", false},             /* a tail alone */
      {"\xc0\xaf", false},         /* overlong / */
      {"\xe0\x80\xaf", false},     /* overlong / */
      {"\xf0\x80\x80\xaf", false}, /* overlong / */
      {"\xed\xa0\x80", false},     /* a surrogate */
      {"\xf4\x90\x80\x80", false}, /* past the end */
      {"\xf8\x88\x80\x80\x80", false},
      {"\xfe", false},
      {"ok \xff", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_int_equal(orr_utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
  assert_true(orr_utf8_valid("a\0b", 3));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_point_in_its_shortest_form_only),
      cmocka_unit_test(every_pair_of_bytes),
      cmocka_unit_test(whole_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
