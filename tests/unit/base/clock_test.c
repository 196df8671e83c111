/* Time as text, against the C library's calendar. */
#include "base/clock.h"

#include <time.h>

#include "unit.h"

static void expect_like_gmtime(int64_t wall_ms) {
  char expected[64], text[ORR_TIME_TEXT];
  int64_t milli = (wall_ms % 1000 + 1000) % 1000;
  time_t second = (time_t)((wall_ms - milli) / 1000);
  struct tm parts;
  assert_non_null(gmtime_r(&second, &parts));
  snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)milli);
  orr_time_text(wall_ms, text);
  if (strcmp(text, expected) != 0) fail_msg("%lld: %s instead of %s", (long long)wall_ms, text, expected);
}

/* The years 0001 to 9999 are those that four digits write. */
static const int64_t FIRST = INT64_C(-62135596800000), LAST = INT64_C(253402300799999);

static void every_day(void **state) {
  (void)state;
  for (int64_t day = FIRST; day <= LAST; day += 86400000) {
    expect_like_gmtime(day);
    expect_like_gmtime(day + 86399999);
  }
}

static void odd_moments(void **state) {
  (void)state;
  for (int64_t wall_ms = FIRST; wall_ms <= LAST; wall_ms += INT64_C(100000000007) / 97)
    expect_like_gmtime(wall_ms);
  for (int64_t wall_ms = -5000; wall_ms <= 5000; wall_ms++) expect_like_gmtime(wall_ms);
}

static void known_moments(void **state) {
  (void)state;
  char text[ORR_TIME_TEXT];
  orr_time_text(0, text);
  assert_string_equal(text, "1970-01-01T00:00:00.000Z");
  orr_time_text(951782400123, text); /* the leap day of a century that is a leap year */
  assert_string_equal(text, "2000-02-29T00:00:00.123Z");
  orr_time_text(-1, text);
  assert_string_equal(text, "1969-12-31T23:59:59.999Z");
  orr_time_text(LAST, text);
  assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void clocks_go_forward(void **state) {
  (void)state;
  int64_t before = orr_clock_ns();
  for (int i = 0; i < 1000; i++) {
    int64_t now = orr_clock_ns();
    assert_true(now >= before);
    before = now;
  }
  assert_in_range(orr_clock_ms() - before / 1000000, 0, 60000);
  assert_in_range(orr_wall_ms() / 1000 - time(NULL) + 60, 0, 120);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_day),
      cmocka_unit_test(odd_moments),
      cmocka_unit_test(known_moments),
      cmocka_unit_test(clocks_go_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
