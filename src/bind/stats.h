/* Counters of the whole process, for /metrics and /readyz. Threads add to them as they go. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { ORR_TIME_BUCKETS = 10 }; /* answers within 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000 ms, and slower */

struct orr_stats {
  _Atomic int64_t answers[6];               /* by first digit of the status */
  _Atomic int64_t within[ORR_TIME_BUCKETS]; /* not cumulative */
  _Atomic int64_t answer_ns, answer_bytes;
  _Atomic int64_t connections;
  _Atomic int64_t handler_failures; /* handlers that threw, ran too long or ran out of memory */
  _Atomic int64_t hook_failures;    /* hooks of the site that threw, ran too long or returned nonsense */
  _Atomic int64_t rpc_calls;        /* calls of our methods over the bus … */
  _Atomic int64_t rpc_refusals;     /* … answered with a problem of the caller's making */
  _Atomic int64_t service_calls;    /* calls of services over the bus … */
  _Atomic int64_t service_failures; /* … that were not answered, or with what is no answer */
  _Atomic int64_t control_beat_ms;  /* orr_clock_ms() when the control loop last went round */
};

void orr_stats_answer(struct orr_stats *stats, int status, int64_t ns, int64_t bytes);
