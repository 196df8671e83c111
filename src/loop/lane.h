/* Lanes: a few threads for file system calls, apart from libuv's pool, since one dead network file system
   would fill that and stop everything. There is a lane for each resource. A work item goes to the lane, runs
   on one of its threads, and comes home as a message; whoever waits for it sets a deadline of their own. When
   every thread of a lane is stuck, the lane refuses at once instead of queueing for ever. */
#pragma once
#include <stdbool.h>

#include "loop/loop.h"

struct orr_work {
  struct orr_message message; /* `deliver` is the maker's; it comes home by it */
  struct orr_loop *home;
  void (*run)(struct orr_work *work); /* on a thread of the lane; may block */
};

struct orr_lanes;
struct orr_lanes *orr_lanes_create(void);
/* Ends all threads. False: one is stuck, and will still use the lanes and the loop its work goes home to. */
bool orr_lanes_destroy(struct orr_lanes *lanes); /* NULL is legal */
/* Any thread. ORR_BUSY: the lane is stuck or overfull, and the work stays the caller's. */
int orr_lanes_submit(struct orr_lanes *lanes, const char *lane, struct orr_work *work, struct orr_err *err);
