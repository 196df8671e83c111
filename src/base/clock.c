#include "base/clock.h"

#include <time.h>

int64_t orr_wall_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t orr_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char *digits(char *out, int64_t value, int count) {
  for (int i = count; i-- > 0; value /= 10) out[i] = (char)('0' + value % 10);
  return out + count;
}

/* Days to a civil date by the era method (400 years repeat): gmtime costs ten times as much on the path of
   every row. */
void orr_time_text(int64_t wall_ms, char out[ORR_TIME_TEXT]) {
  int64_t second = wall_ms / 1000, milli = wall_ms % 1000;
  if (milli < 0) milli += 1000, second--;
  int64_t day = second / 86400, rest = second % 86400;
  if (rest < 0) rest += 86400, day--;
  int64_t shifted = day + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted_month = (5 * day_of_year + 2) / 153;
  int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  int64_t year = era * 400 + year_of_era + (month <= 2);
  char *at = digits(out, year, 4);
  *at++ = '-', at = digits(at, month, 2);
  *at++ = '-', at = digits(at, day_of_year - (153 * shifted_month + 2) / 5 + 1, 2);
  *at++ = 'T', at = digits(at, rest / 3600, 2);
  *at++ = ':', at = digits(at, rest / 60 % 60, 2);
  *at++ = ':', at = digits(at, rest % 60, 2);
  *at++ = '.', at = digits(at, milli, 3);
  *at++ = 'Z', *at = 0;
}
