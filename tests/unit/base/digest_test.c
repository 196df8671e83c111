/* SHA-256, by the examples of FIPS 180-4 and of NIST's test vectors. */
#include "base/digest.h"

#include "unit.h"

static void expect(const void *bytes, size_t size, const char *expected) {
  char text[ORR_SHA256_TEXT];
  orr_sha256_text(bytes, size, text);
  assert_string_equal(text, expected);
}

static void known_answers(void **state) {
  (void)state;
  expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  expect("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmno"
         "pqrst"
         "nopqrstu",
         112, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  expect("\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
  expect("\xc9\x8c\x8e\x55", 4, "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504");
}

static void long_input(void **state) {
  (void)state;
  char *million = malloc(1000000);
  memset(million, 'a', 1000000);
  expect(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  memset(million, 0, 1000000);
  expect(million, 1000000, "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025");
  free(million);
}

static void bytes_and_text_agree(void **state) {
  (void)state;
  unsigned char bytes[ORR_SHA256_SIZE];
  char text[ORR_SHA256_TEXT], two[3];
  orr_sha256("abc", 3, bytes);
  orr_sha256_text("abc", 3, text);
  for (size_t i = 0; i < sizeof bytes; i++) {
    snprintf(two, sizeof two, "%02x", bytes[i]);
    assert_memory_equal(text + 2 * i, two, 2);
  }
}

/* RFC 4231, test cases 1, 2 and 6. */
static void keyed_answers(void **state) {
  (void)state;
  static const unsigned char first[4] = {0xb0, 0x34, 0x4c, 0x61}, second[4] = {0x5b, 0xdc, 0xc1, 0x46},
                             sixth[4] = {0x60, 0xe4, 0x31, 0x59};
  unsigned char key[131], out[ORR_SHA256_SIZE];
  memset(key, 0x0b, 20);
  orr_sha256_keyed(key, 20, "Hi There", 8, out);
  assert_memory_equal(out, first, 4);
  orr_sha256_keyed("Jefe", 4, "what do ya want for nothing?", 28, out);
  assert_memory_equal(out, second, 4);
  memset(key, 0xaa, 131);
  orr_sha256_keyed(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
  assert_memory_equal(out, sixth, 4);
}

static void base64_comes_back(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},
                                         {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
  static const char *const wrong[] = {"Zg", "Zg=", "Zh==", "Zm9v\n", "Z g=", "====", "Zg==Zg==", "Zm-_", "    "};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    struct orr_buf text = {0}, bytes = {0};
    orr_base64_put(&text, pairs[i][0], strlen(pairs[i][0]));
    assert_string_equal(orr_buf_text(&text), pairs[i][1]);
    assert_int_equal(orr_base64_read(&bytes, text.data, text.size), 0);
    assert_string_equal(orr_buf_text(&bytes), pairs[i][0]);
    orr_buf_free(&text);
    orr_buf_free(&bytes);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct orr_buf bytes = {0};
    if (orr_base64_read(&bytes, wrong[i], strlen(wrong[i])) == 0) fail_msg("%s is taken", wrong[i]);
    assert_int_equal(bytes.size, 0);
    orr_buf_free(&bytes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(long_input),
      cmocka_unit_test(bytes_and_text_agree),
      cmocka_unit_test(keyed_answers),
      cmocka_unit_test(base64_comes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
