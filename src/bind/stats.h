/* Counters of the whole process, for /metrics and /readyz. Threads add to them as they go. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

/* What Lua counts (house.server.count); their names are in server.c. */
enum orr_counted {
  ORR_HOOK_FAILURES,    /* hooks of the site that threw, ran too long or returned nonsense */
  ORR_RPC_CALLS,        /* calls of our methods over the bus … */
  ORR_RPC_REFUSALS,     /* … answered with a problem of the caller's making */
  ORR_SERVICE_CALLS,    /* calls of services over the bus … */
  ORR_SERVICE_FAILURES, /* … that were not answered, or with what is no answer */
  ORR_WEBHOOK_TRIES,    /* deliveries of webhooks that were tried … */
  ORR_WEBHOOK_FAILURES, /* … and were not taken */
  ORR_COUNTED
};

enum { ORR_TIME_BUCKETS = 10 }; /* answers within 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000 ms, and slower */

struct orr_stats {
  _Atomic int64_t answers[6];               /* by first digit of the status */
  _Atomic int64_t within[ORR_TIME_BUCKETS]; /* not cumulative */
  _Atomic int64_t answer_ns, answer_bytes;
  _Atomic int64_t streams;          /* of events, open now */
  _Atomic int64_t handler_failures; /* handlers that threw, ran too long or ran out of memory */
  _Atomic int64_t counted[ORR_COUNTED];
  _Atomic int64_t control_beat_ms; /* orr_clock_ms() when the control loop last went round */
};

/* A negative time is of no interest: an answer that goes on for as long as its client listens is not slow. */
void orr_stats_answer(struct orr_stats *stats, int status, int64_t ns, int64_t bytes);
