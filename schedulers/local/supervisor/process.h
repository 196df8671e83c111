/* Processes as /proc tells of them, and the clock they are born by. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ORR_BOOT_ID = 37 };

int64_t orr_boot_ns(void); /* CLOCK_BOOTTIME: since the machine started, the time it slept included */
static inline int64_t orr_boot_ms(void) { return orr_boot_ns() / 1000000; }
void orr_boot_id(char out[ORR_BOOT_ID]); /* names this run of the machine; empty where unknown */

/* Is `pid` a process that is not over and was born between the two instants (ns)? */
bool orr_process_is(int64_t pid, int64_t born_after, int64_t born_before);

/* Kills what is left of a process group whose leader is gone. The group's number may since belong to others,
   so each member must prove by its environment that it is of the job with this tag. */
void orr_process_kill_left(int64_t group, const char *tag);
