/* Buffers. */
#include "base/buf.h"

#include "unit.h"

static void it_grows_by_what_is_put(void **state) {
  (void)state;
  struct orr_buf buf = {0};
  assert_string_equal(orr_buf_text(&buf), "");
  assert_int_equal(buf.size, 0);
  for (int i = 0; i < 10000; i++) orr_buf_putc(&buf, (char)('a' + i % 26));
  orr_buf_put(&buf, "\0x", 2);
  orr_buf_puts(&buf, "end");
  ORR_BUF_LIT(&buf, "!");
  orr_buf_put(&buf, NULL, 0);
  assert_int_equal(buf.size, 10006);
  for (int i = 0; i < 10000; i++) assert_int_equal(buf.data[i], 'a' + i % 26);
  assert_memory_equal(buf.data + 10000, "\0xend!", 6);
  assert_int_equal(orr_buf_text(&buf)[buf.size], 0);
  orr_buf_free(&buf);
  assert_null(buf.data);
  orr_buf_puts(&buf, "usable");
  assert_string_equal(orr_buf_text(&buf), "usable");
  orr_buf_free(&buf);
}

static void reserved_room_can_be_written(void **state) {
  (void)state;
  struct orr_buf buf = {0};
  for (size_t size = 1; size < 100000; size = size * 3 + 1) {
    memset(orr_buf_reserve(&buf, size), 'r', size);
    buf.size += size;
  }
  assert_null(memchr(buf.data, 0, buf.size));
  orr_buf_free(&buf);
}

static void the_front_can_be_dropped(void **state) {
  (void)state;
  struct orr_buf buf = {0};
  orr_buf_puts(&buf, "0123456789");
  orr_buf_drop(&buf, 4);
  assert_string_equal(orr_buf_text(&buf), "456789");
  orr_buf_drop(&buf, 0);
  assert_int_equal(buf.size, 6);
  orr_buf_drop(&buf, 6);
  assert_int_equal(buf.size, 0);
  orr_buf_puts(&buf, "again");
  assert_string_equal(orr_buf_text(&buf), "again");
  orr_buf_free(&buf);
}

static void it_prints(void **state) {
  (void)state;
  struct orr_buf buf = {0};
  for (int i = 0; i < 200; i++) orr_buf_printf(&buf, "%03d,%s;", i, "x");
  assert_int_equal(buf.size, 200 * 6);
  assert_memory_equal(buf.data + 199 * 6, "199,x;", 6);
  orr_buf_printf(&buf, "%s", "");
  assert_int_equal(buf.size, 200 * 6);
  orr_buf_printf(&buf, "%10000d", 5);
  assert_int_equal(buf.size, 200 * 6 + 10000);
  orr_buf_free(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_grows_by_what_is_put),
      cmocka_unit_test(reserved_room_can_be_written),
      cmocka_unit_test(the_front_can_be_dropped),
      cmocka_unit_test(it_prints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
