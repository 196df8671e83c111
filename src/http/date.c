/* The Date header. Written out by hand, for strftime would speak the locale's language. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/private.h"

void orr_date_line(long long wall_ms, char out[ORR_DATE_LINE + 1]) {
  static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm at;
  gmtime_r(&seconds, &at);
  char line[64]; /* the compiler thinks of years beyond 9999 */
  snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[at.tm_wday], at.tm_mday,
           months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
  memcpy(out, line, ORR_DATE_LINE);
  out[ORR_DATE_LINE] = 0;
}
