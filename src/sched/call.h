/* A call of a plug-in's verb, and the reports it gives. The call is made on one loop (its home), travels to
   the resource's worker as a message, sends reports home as they come, and travels home when the verb is
   over. */
#pragma once
#include <orrery/plugin.h>

#include "base/arena.h"
#include "base/value.h"
#include "loop/loop.h"
#include "sched/verb.h"

struct orrery_call {
  struct orr_message
      message; /* on the way out: `deliver` is the worker's; on the way home: the maker's `over` */
  enum orr_verb verb;
  struct orr_arena *arena;
  struct orrery_value *request; /* a map: `items`, and the members of the call as a whole */
  int64_t deadline_ms;          /* orr_clock_ms() */
  struct orr_loop *home;
  void *worker;                               /* whom it is for */
  bool *reported;                             /* per item */
  struct orr_err failure;                     /* how the verb as a whole failed (code ORR_OK: it did not) */
  void (*report)(struct orr_message *report); /* delivered at home, for each struct orr_report */
  void (*over)(struct orr_message *call);     /* delivered at home, once, last */
  void *user;                                 /* the maker's */
};

struct orr_report {
  struct orr_message message;
  struct orrery_call *call;
  size_t index; /* which item */
  struct orr_arena *arena;
  struct orrery_value *value;
};

/* The request is built by the caller in `arena`, which the call then owns. */
struct orrery_call *orr_call_create(enum orr_verb verb, struct orr_arena *arena, struct orrery_value *request,
                                    int64_t timeout_ms);
void orr_call_destroy(struct orrery_call *call);
void orr_report_destroy(struct orr_report *report);

/* On the worker's thread: the verb is over; sends the call home. With a code other than ORR_OK, the verb as a
   whole failed and the sentence says how. */
void orr_call_finish(struct orrery_call *call, int code, const char *text);
