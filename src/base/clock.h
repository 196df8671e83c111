/* Time: wall time in milliseconds since 1970 for people, monotonic nanoseconds for deadlines. */
#pragma once
#include <stdint.h>

enum { ORR_TIME_TEXT = 25 }; /* "2026-01-31T23:59:59.123Z" and its NUL */

int64_t orr_wall_ms(void);
int64_t orr_clock_ns(void);
static inline int64_t orr_clock_ms(void) { return orr_clock_ns() / 1000000; }
void orr_time_text(int64_t wall_ms, char out[ORR_TIME_TEXT]); /* RFC 3339, UTC, milliseconds */
